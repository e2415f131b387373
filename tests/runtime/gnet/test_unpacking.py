"""The short way to unpack a header takes nothing that the walk over its tokens refuses."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from gnet_mutator import RAW, edit_header
from gnet_samples import SAMPLES, sample_bytes, take_apart

from graphnet.compiler.errors import GnetFormatError
from graphnet.runtime.gnet.wire import limits
from graphnet.runtime.gnet.wire.header import pack, unpack_header
from graphnet.runtime.gnet.wire.tokens import check_tokens
from graphnet.runtime.gnet.wire.unpacking import unpack_sound


def nested(depth: int) -> dict[str, Any]:
    """A map, with arrays in it down to this depth."""
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return {"a": value}


def many(containers: int) -> dict[str, Any]:
    """A map that holds this many containers, itself included."""
    rows, rest = divmod(containers - 2, 1025)
    return {"a": [[[]] * 1024 for _ in range(rows)] + [[]] * rest}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sound_header_goes_the_short_way(name: str) -> None:
    header, _ = take_apart(sample_bytes(name))
    assert unpack_sound(pack(header)) == header


@pytest.mark.parametrize("header", [
    {}, {"a": []}, {"a": {}}, nested(limits.DEPTH), {"a": [0] * limits.ARRAY_ITEMS}, {"a": "x" * limits.STRING_BYTES},
    many(limits.CONTAINERS - 1500),
], ids=["empty", "array", "map", "deep", "long array", "long text", "many containers"])
def test_what_is_just_within_the_limits_is_taken(header: dict[str, Any]) -> None:
    data = pack(header)
    check_tokens(data)
    taken = unpack_sound(data)
    assert taken is None or taken == header  # None: left to the walk, which has just taken it


@pytest.mark.parametrize("data", [
    pack(nested(limits.DEPTH + 1)), pack({"a": nested(limits.DEPTH)}), pack({"a": [0] * (limits.ARRAY_ITEMS + 1)}),
    pack({str(key): 0 for key in range(limits.ARRAY_ITEMS + 1)}), pack({"a": "x" * (limits.STRING_BYTES + 1)}),
    pack({"a": b"x" * (limits.STRING_BYTES + 1)}), pack(many(limits.CONTAINERS + 1030)),
    pack({"a": [[0] * limits.ARRAY_ITEMS for _ in range(limits.VALUES // limits.ARRAY_ITEMS + 1)]}),
    pack([]), pack(1), pack("a"), b"", b"\x81", b"\x81\xa1a", pack({}) + b"\0",
    b"\x81\xa1a\xc1", b"\x81\xa1a\xd4\x01\x01", b"\x81\xa1a\xc7\x00\xff", b"\x81\xa1a\xc7\x00\x05",
    b"\x81\xa1a\xd6\xff\0\0\0\0", msgpack.packb({b"a": 1}), msgpack.packb({1: 1}), b"\x81\x90\x01", b"\x81\xc0\x01",
    b"\x81\xa1a\x81\xc4\x01a\x01", b"\x81\xa1a\xa2\xc3\x28", b"\x81\xa1a\xdd\xff\xff\xff\xff",
    b"\x81\xa1a\xdf\xff\xff\xff\xff", b"\x81\xa1a\xdd\x00\x00\xff\xff", b"\x81\xa1a" + b"\x91" * 100_000,
    b"\x81\xa1a" + b"\xdc\xff\xff" * 40_000, b"\x81\xa1a" + b"\xdd\x00\x01\x00\x00" * 40_000,
    b"\x81\xa1a" + b"\xde\xff\xff" * 40_000,
    lambda: b"\x81\xa1a\xdc\x00\x31" + pack({str(key): 0 for key in range(65_535)}) * 49,
    b"\x81\xa1a" + b"\x9f" * 400_000,
])
def test_whatever_the_walk_refuses_is_not_taken(data: bytes | Callable[[], bytes]) -> None:
    data = data if isinstance(data, bytes) else data()
    assert unpack_sound(data) is None
    with pytest.raises(GnetFormatError):
        unpack_header(data)


def damaged(chance: random.Random, data: bytes) -> bytes:
    """The bytes of a header with some of them replaced by others."""
    at = chance.randrange(len(data))
    piece = chance.choice((*RAW, bytes([chance.randrange(256)])))
    return data[:at] + piece + data[at + chance.choice((0, 1, len(piece))):]


def test_what_is_taken_and_canonical_passes_the_walk() -> None:
    chance = random.Random(4)
    files = [sample_bytes(name) for name in SAMPLES]
    taken = refused = 0
    for _ in range(6000):
        file = chance.choice(files)
        header, _ = take_apart(edit_header(chance, file) if chance.randrange(2) else file)
        data = damaged(chance, pack(header))
        value = unpack_sound(data)
        if value is None or pack(value) != data:
            refused += 1
            continue
        taken += 1
        check_tokens(data)
    assert taken > 100
    assert refused > 300


def test_what_cannot_be_told_from_outside_is_left_to_the_walk() -> None:
    """Bytes that could claim more than is given out before it is refused: here they are sound all the same."""
    for data in (pack({"a": b"\xdc\xff\xff" * 20_000}), pack({"a": b"\xde\xff\xff" * 20_000}),
                 pack({"a": b"\xdd\x00\x00\xff\xff" * 100}), pack({"a": [b"\x9f" * 60_000] * 5}),
                 pack({"a": b"\xdc\xff\xff" * 4_000}), pack({"a": b"\xde\xff\xff" * 4_000})):
        check_tokens(data)
        assert unpack_sound(data) is None
        assert pack(unpack_header(data)) == data


def test_large_headers_of_texts_go_the_short_way() -> None:
    data = pack({"a": ["text " * 1000] * 100})
    assert unpack_sound(data) is not None
