"""Makes malformed `.gnet` files from sound ones, and judges what the reader does with them.

A mutator that knows the structure gets deeper than random bytes: it edits the header as data and signs it anew, so
that digests and checksums do not hide the checks behind them.
"""

from __future__ import annotations

import copy
import random
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import msgpack
from gnet_samples import sign, take_apart

from graphnet.compiler.errors import GnetFormatError
from graphnet.network.loading import load
from graphnet.runtime.gnet import dumps, load_gnet
from graphnet.runtime.gnet.wire.preamble import parse_preamble

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")

NUMBERS = (0, 1, -1, 2, 3, 7, 15, 16, 17, 127, 128, 255, 256, 2**16, 2**31, 2**32 - 1, 2**32, 2**48, 2**48 + 1,
           2**63 - 1, 2**63, 2**64 - 1, -2**31, -2**63)
ODD: tuple[Any, ...] = (
    None, True, False, 0.0, -0.0, 1.5, float("nan"), float("inf"), 1e308, "", "N", "x" * 300, "\n", "é", b"", b"\xff",
    [], {}, [[]], {"a": 1}, [0] * 40, "float32", "bfloat16", "param", "optimizer", "relu", "fused", "matmul", "reshape",
    "conv2d_grad_input", "concat", "pad", "expand", "full")
RAW = (b"\xc1", b"\xc0", b"\x90", b"\x80", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdc\xff\xff",
       b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xd4\x01\x01", b"\xc7\x03\x01abc", b"\xca\0\0\0\0",
       b"\xcd\0\1", b"\xa2\xc3\x28", b"\x91" * 20, b"\x81\xa1a" * 20, b"\xd9\x01a", b"\x82\xa1a\1\xa1a\2")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or index) in plain data."""
    found, open_containers = [], [value]
    while open_containers:
        container = open_containers.pop()
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, item in items:
            found.append((container, key))
            if isinstance(item, dict | list):
                open_containers.append(item)
    return found


def hostile_value(chance: random.Random, old: Any, others: list[tuple[Any, Any]]) -> Any:
    """A value to put in the place of `old`."""
    choice = chance.randrange(6)
    if choice == 0:
        return copy.deepcopy(chance.choice(ODD))
    if choice == 1:
        container, key = chance.choice(others)
        return copy.deepcopy(container[key])
    if choice == 2 and isinstance(old, str) and old:
        at = chance.randrange(len(old))
        return old[:at] + chance.choice("\x00a:/é") + old[at + chance.randrange(2):]
    if isinstance(old, int) and choice < 5:
        return min(max(old + chance.choice((-2, -1, 1, 2)), -2**63), 2**64 - 1)
    return chance.choice(NUMBERS)


def edit_header(chance: random.Random, file: bytes) -> bytes:
    """Changes a few values of the header and signs it."""
    header, data = take_apart(file)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        spots = places(header)
        container, key = chance.choice(spots)
        choice = chance.randrange(8)
        if choice == 0:
            del container[key]
        elif choice == 1 and isinstance(container, list):
            container.insert(key, copy.deepcopy(chance.choice((container[key], *ODD))))
        elif choice == 2 and isinstance(container, list):
            other = chance.randrange(len(container))
            container[key], container[other] = container[other], container[key]
        elif choice == 3 and isinstance(container, dict):
            container[chance.choice(("x-new", "next", "axis", "shape", ""))] = container.pop(key)
        else:
            container[key] = hostile_value(chance, container[key], spots)
    if chance.randrange(4) == 0:
        data = bytes(chance.choice((0, 64, len(data) // 2, len(data) + 64)))
    return sign(header, data, minor=chance.choice((0, 0, 0, 1)))


def edit_encoding(chance: random.Random, file: bytes) -> bytes:
    """Changes bytes of the packed header and signs it."""
    header, data = take_apart(file)
    packed = bytearray(msgpack.packb(header))
    for _ in range(chance.choice((1, 1, 2, 8))):
        at, until = chance.randrange(len(packed) + 1), chance.choice((0, 0, 1, 1, 2, 5))
        packed[at:at + until] = chance.choice((chance.choice(RAW), chance.randbytes(chance.choice((0, 1, 1, 4)))))
    return sign(bytes(packed), data)


def edit_preamble(chance: random.Random, file: bytes) -> bytes:
    """Changes a field of the preamble, mostly with a checksum that holds."""
    at, code = chance.choice(((0, "Q"), (8, "H"), (10, "H"), (12, "I"), (16, "I"), (20, "Q"), (28, "Q")))
    size = struct.calcsize("<" + code)
    number = chance.choice((*NUMBERS, int.from_bytes(file[at:at + size], "little") + chance.choice((-64, -1, 1, 64))))
    head = file[:at] + struct.pack("<" + code, number % (1 << 8 * size)) + file[at + size:60]
    checksum = file[60:64] if chance.randrange(4) == 0 else struct.pack("<I", zlib.crc32(head))
    return head + checksum + file[64:]


def edit_data(chance: random.Random, file: bytes) -> bytes:
    """Changes a byte of a tensor and puts its checksum right."""
    header, data = take_apart(file)
    changed = bytearray(data)
    changed[chance.randrange(len(changed))] ^= chance.randrange(1, 256)
    row = chance.choice(header["tensors"])
    row[4] = chance.choice((row[4], zlib.crc32(changed)))
    return sign(header, bytes(changed))


def edit_bytes(chance: random.Random, file: bytes) -> bytes:
    """Flips, cuts, doubles or fills bytes anywhere."""
    at = chance.randrange(len(file))
    until = min(len(file), at + chance.choice((1, 2, 64, 1000)))
    middle = chance.choice((b"", file[at:until] * 2, bytes(until - at), chance.randbytes(until - at), file[:until]))
    return file[:at] + middle + file[until:]


def cut(chance: random.Random, file: bytes) -> bytes:
    """The first bytes only."""
    return file[:chance.randrange(len(file))]


MUTATORS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    edit_header, edit_header, edit_header, edit_encoding, edit_encoding, edit_preamble, edit_data, edit_bytes, cut)


def mutate(chance: random.Random, file: bytes) -> bytes:
    """A malformed file, or, rarely, one that is sound after all."""
    return chance.choice(MUTATORS)(chance, file)


def judge(file: bytes) -> GnetFormatError | None:
    """Loads a file: it is refused with the proper error, or is exactly what saving its contents gives.

    Any other exception passes through.

    Raises:
        AssertionError: it was loaded, but is not what the writer writes.
    """
    try:
        contents = load_gnet(file)
    except GnetFormatError as error:
        return _check_message(error)
    if parse_preamble(file[:64], len(file)).minor == 0 and dumps(contents) != file:
        raise AssertionError("the file loads, but saving its contents gives other bytes")
    try:
        load(file)
    except GnetFormatError as error:  # sound as a file, but of no network
        _check_message(error)
    return None


def _check_message(error: GnetFormatError) -> GnetFormatError:
    """The refusal, if it says why and where, and cannot play tricks on a terminal."""
    if not error.reason or len(str(error)) > 3000:
        raise AssertionError(f"no proper message: {error}") from error
    if error.offset is None and error.path:
        raise AssertionError(f"no offset: {error}") from error
    if _CONTROL.search(str(error)):
        raise AssertionError(f"control characters in {str(error)!r}") from error
    return error
