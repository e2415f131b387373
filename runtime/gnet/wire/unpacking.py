"""Unpacks a header at the speed of the msgpack library, where its soundness shows without a walk over its tokens.

What is asked of a header is said by `tokens.check_tokens`; this is the short way to the same answer. The library
refuses over-long texts and containers as it goes; what it would allocate for containers is bounded beforehand by the
bytes that could begin one; counts, depth and keys are then taken from what it built. Whoever is in doubt goes the long
way, which also knows how to say what is wrong and where.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import msgpack  # type: ignore[import-untyped]

from graphnet.runtime.gnet.wire import limits

_CLAIMS = 4_194_304  # items, keys and values that the bytes could claim: 32 MB of pointers, before anything is refused
_SUSPECTS = 4096  # bytes that could begin a longer array or map
_OPENING = bytes([*range(0x80, 0xA0), *range(0xDC, 0xE0)])  # the first bytes of arrays and maps


def unpack_sound(data: bytes) -> dict[str, Any] | None:
    """The map that the bytes hold, or None if it takes a walk to tell whether they are sound.

    What comes back has passed all that `check_tokens` asks but for keys that stand twice: packing it again then gives
    other bytes.
    """
    if not _is_modest(data):
        return None
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=True, ext_hook=_refuse_extension,
                                max_str_len=limits.STRING_BYTES, max_bin_len=limits.STRING_BYTES,
                                max_array_len=limits.ARRAY_ITEMS, max_map_len=limits.ARRAY_ITEMS, max_ext_len=0)
    except ValueError:
        return None
    return value if isinstance(value, dict) and _is_within_limits(value) else None


def _refuse_extension(code: int, data: bytes) -> None:
    raise ValueError(f"extension type {code}")


def _is_modest(data: bytes) -> bool:
    """Whether the bytes could make the library allocate no more than is allowed, whatever they mean."""
    most = len(data)  # arrays and maps
    if 15 * most > _CLAIMS:
        most -= len(data.translate(None, _OPENING))
    if most > limits.CONTAINERS or sum(map(data.count, (b"\xdc", b"\xdd", b"\xde", b"\xdf"))) > _SUSPECTS:
        return False
    items = _claims(data, b"\xdc", 2) + _claims(data, b"\xdd", 4)
    pairs = _claims(data, b"\xde", 2) + _claims(data, b"\xdf", 4)
    return 15 * most + items + 2 * pairs <= _CLAIMS


def _claims(data: bytes, first: bytes, width: int) -> int:
    """The items of all arrays that a first byte followed by a length could begin.

    Those over the limit do not count: the library refuses them before it allocates.
    """
    total, at = 0, data.find(first)
    while at >= 0:
        items = int.from_bytes(data[at + 1:at + 1 + width], "big")
        total += items if items <= limits.ARRAY_ITEMS else 0
        at = data.find(first, at + 1)
    return total


def _is_within_limits(header: dict[str, Any]) -> bool:
    """Whether counts, depth and keys are as they must be, taken level by level."""
    level: list[Any] = [header]
    containers = values = 0
    for _ in range(limits.DEPTH):
        maps = [item for item in level if type(item) is dict and item]
        if not {str}.issuperset(map(type, chain.from_iterable(maps))):
            return False
        containers += len(level)
        values += sum(map(len, level)) + sum(map(len, maps))
        level = [item for container in level if container
                 for item in (container if type(container) is list else container.values())
                 if type(item) is list or type(item) is dict]
        if not level:
            return containers <= limits.CONTAINERS and values <= limits.VALUES
    return False
