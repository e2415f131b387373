"""Walks msgpack bytes token by token, so that a header is known to be sound before anything is built from it.

A msgpack library allocates an array as soon as it reads its length; nested lengths of a few bytes each can claim
hundreds of megabytes. Counting first costs a fraction of a millisecond and bounds what unpacking can take.
"""

from __future__ import annotations

from collections.abc import Callable

from graphnet.runtime.gnet import limits
from graphnet.runtime.gnet.refusal import Path, refuse

SCALAR, STRING, BYTES, ARRAY, MAP, EXTENSION, RESERVED = "scalar", "string", "bytes", "array", "map", "ext", "reserved"
Token = tuple[str, int, int]
_Form = tuple[str, int, int]


def _forms() -> list[_Form]:
    """For each first byte: the kind, the bytes that hold its length, and the length if there are none."""
    forms: list[_Form] = [(SCALAR, 0, 0)] * 256
    for low in range(16):
        forms[0x80 + low], forms[0x90 + low] = (MAP, 0, low), (ARRAY, 0, low)
    for low in range(32):
        forms[0xA0 + low] = (STRING, 0, low)
    forms[0xC1] = (RESERVED, 0, 0)
    for first, kind in ((0xC4, BYTES), (0xD9, STRING)):
        forms[first:first + 3] = [(kind, width, 0) for width in (1, 2, 4)]
    for first, kind in ((0xDC, ARRAY), (0xDE, MAP)):
        forms[first:first + 2] = [(kind, width, 0) for width in (2, 4)]
    for first, widths in ((0xCA, (4, 8)), (0xCC, (1, 2, 4, 8)), (0xD0, (1, 2, 4, 8))):  # floats, uints, ints
        forms[first:first + len(widths)] = [(SCALAR, 0, width) for width in widths]
    for byte in (0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8):
        forms[byte] = (EXTENSION, 0, 0)
    return forms


_FORMS = _forms()


def read_token(data: bytes, at: int) -> Token:
    """The kind of the token at `at`, its length, and where the next token starts.

    The length is the number of items of an array, pairs of a map, bytes of anything else. A string or scalar is
    one token with its bytes; a container is followed by its items.

    Raises:
        GnetFormatError: the bytes end before the token does.
    """
    if at >= len(data):
        raise refuse(("header",), "the header ends in the middle of a value", at)
    kind, width, length = _FORMS[data[at]]
    end = at + 1 + width
    if width:
        length = int.from_bytes(data[at + 1:end], "big")
    if kind not in (ARRAY, MAP):
        end += length
    if end > len(data):
        raise refuse(("header",), "the header ends in the middle of a value", at)
    return kind, length, end


def check_tokens(data: bytes) -> None:
    """Refuses bytes that are not one msgpack map within the limits; offsets in errors count from `data`.

    Checked are: well-formedness, text in UTF-8, text keys that differ, no extension types, and every limit on
    sizes, counts and depth. Memory is bounded by the keys of the open maps.

    Raises:
        GnetFormatError: something does not hold.
    """
    if read_token(data, 0)[0] != MAP:
        raise refuse(("header",), "the header must be a map", 0)
    at, containers, values = 0, 0, 1
    open_items: list[int] = [1]  # per open container, the items still to come
    open_keys: list[set[bytes] | None] = [None]  # per open map its keys so far; None for an array
    while open_items:
        if not open_items[-1]:
            open_items.pop()
            open_keys.pop()
            continue
        keys = open_keys[-1]
        if keys is not None and open_items[-1] % 2 == 0:
            _check_key(data, at, keys)
        open_items[-1] -= 1
        start = at
        kind, length, at = read_token(data, start)
        if kind not in (ARRAY, MAP):
            _CHECKS[kind](data, start, length, at)
            continue
        items = length if kind == ARRAY else 2 * length
        containers, values = containers + 1, values + items
        _check_container(start, length, items, len(data) - at, len(open_items))
        if containers > limits.CONTAINERS or values > limits.VALUES:
            raise refuse(("header",), f"the header holds more than {limits.CONTAINERS} arrays and maps or "
                                      f"{limits.VALUES} values", start)
        open_items.append(items)
        open_keys.append(set() if kind == MAP else None)
    if at != len(data):
        raise refuse(("header",), f"{len(data) - at} bytes follow the header's map", at)


def _check_container(at: int, length: int, items: int, left: int, depth: int) -> None:
    if length > limits.ARRAY_ITEMS:
        raise refuse(("header",), f"an array or map of {length} items; at most {limits.ARRAY_ITEMS} are allowed", at)
    if items > left:
        raise refuse(("header",), f"an array or map of {length} items, but the header ends {left} bytes on", at)
    if depth > limits.DEPTH:
        raise refuse(("header",), f"arrays and maps are nested more than {limits.DEPTH} deep", at)


def _check_key(data: bytes, at: int, keys: set[bytes]) -> None:
    kind, length, end = read_token(data, at)
    if kind != STRING:
        raise refuse(("header",), f"a map has a key that is no text but {kind}", at)
    key = data[end - length:end]
    if key in keys:
        raise refuse(("header",), f"a map has the key {key[:80].decode(errors='replace')!r} twice", at)
    keys.add(key)


def _check_scalar(data: bytes, at: int, length: int, end: int) -> None:
    """Any bytes make a number."""


def _check_bytes(data: bytes, at: int, length: int, end: int) -> None:
    if length > limits.STRING_BYTES:
        raise refuse(("header",), f"a text of {length} bytes; at most {limits.STRING_BYTES} are allowed", at)


def _check_string(data: bytes, at: int, length: int, end: int) -> None:
    _check_bytes(data, at, length, end)
    try:
        data[end - length:end].decode()
    except UnicodeDecodeError as error:
        raise refuse(("header",), f"a text is not UTF-8: {error.reason}", end - length + error.start) from None


def _refuse_extension(data: bytes, at: int, length: int, end: int) -> None:
    raise refuse(("header",), f"byte {data[at]:#04x} starts an extension type; .gnet files have none", at)


def _refuse_reserved(data: bytes, at: int, length: int, end: int) -> None:
    raise refuse(("header",), "byte 0xc1 is never used in msgpack", at)


_CHECKS: dict[str, Callable[[bytes, int, int, int], None]] = {
    SCALAR: _check_scalar, BYTES: _check_bytes, STRING: _check_string, EXTENSION: _refuse_extension,
    RESERVED: _refuse_reserved,
}


def offset_of(data: bytes, path: Path) -> int:
    """Where the value at `path` starts in sound msgpack bytes, or the innermost container that is there."""
    at = 0
    for step in path:
        kind, length, first = read_token(data, at)
        found = _find(data, kind, length, first, step)
        if found is None:
            return at
        at = found
    return at


def _find(data: bytes, kind: str, length: int, at: int, step: str | int) -> int | None:
    """Where item `step` of a container starts, whose first item starts at `at`."""
    if kind == ARRAY and isinstance(step, int) and step < length:
        return _skip(data, at, step)
    if kind != MAP:
        return None
    for _ in range(length):
        _, size, end = read_token(data, at)
        if data[end - size:end].decode() == step:
            return end
        at = _skip(data, end, 1)
    return None


def _skip(data: bytes, at: int, count: int) -> int:
    """Where the token after `count` values starts."""
    while count:
        kind, length, at = read_token(data, at)
        count += {ARRAY: length, MAP: 2 * length}.get(kind, 0) - 1
    return at
