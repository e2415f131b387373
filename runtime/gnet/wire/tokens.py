"""Walks msgpack bytes token by token, so that a header is known to be sound before anything is built from it.

A msgpack library allocates an array as soon as it reads its length; nested lengths of a few bytes each can
claim hundreds of megabytes. Counting first takes a tenth of a microsecond a token and bounds all that.
"""

from __future__ import annotations

from graphnet.compiler.errors import GnetFormatError
from graphnet.runtime.gnet.wire import limits
from graphnet.runtime.gnet.wire.refusal import Path, refuse

SCALAR, STRING, BYTES, ARRAY, MAP = "number", "text", "bytes", "array", "map"
EXTENSION, RESERVED = "extension type", "reserved"
_CONTAINERS = (ARRAY, MAP)
_Form = tuple[str, int, int]


def _forms() -> list[_Form]:
    """For each first byte: the kind, the bytes that hold its length, and the length if there are none."""
    forms: list[_Form] = [(SCALAR, 0, 0)] * 256
    for low in range(16):
        forms[0x80 + low], forms[0x90 + low] = (MAP, 0, low), (ARRAY, 0, low)
    for low in range(32):
        forms[0xA0 + low] = (STRING, 0, low)
    forms[0xC1] = (RESERVED, 0, 0)
    for first, kind, widths in ((0xC4, BYTES, (1, 2, 4)), (0xD9, STRING, (1, 2, 4)), (0xDC, ARRAY, (2, 4)),
                                (0xDE, MAP, (2, 4))):
        forms[first:first + len(widths)] = [(kind, width, 0) for width in widths]
    for first, sizes in ((0xCA, (4, 8)), (0xCC, (1, 2, 4, 8)), (0xD0, (1, 2, 4, 8))):  # floats, uints, ints
        forms[first:first + len(sizes)] = [(SCALAR, 0, size) for size in sizes]
    for byte in (0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8):
        forms[byte] = (EXTENSION, 0, 0)
    return forms


_FORMS = _forms()
_SIZES = [1 + length if kind in (SCALAR, STRING) and not width else 0 for kind, width, length in _FORMS]
"""The bytes of a token that its first byte gives away; 0 for all other tokens."""


def read_token(data: bytes, at: int) -> tuple[str, int, int]:
    """The kind of the token at `at`, its length, and where the next token starts.

    The length is the number of items of an array, pairs of a map, bytes of anything else. A text or number is one
    token with its bytes; a container is followed by its items.
    """
    kind, width, length = _FORMS[data[at]]
    end = at + 1 + width
    if width:
        length = int.from_bytes(data[at + 1:end], "big")
    return kind, length, end if kind in _CONTAINERS else end + length


def check_tokens(data: bytes) -> None:
    """Refuses bytes that are not one msgpack map within the limits; offsets in errors count from `data`.

    Checked are well-formedness, keys (texts that differ), that there are no extension types, and every limit on
    sizes, counts and depth. What is left for unpacking to find is text that is not UTF-8.

    Raises:
        GnetFormatError: something does not hold.
    """
    if not data or _FORMS[data[0]][0] != MAP:
        raise _refuse("the header must be a map", 0)
    try:
        end = _walk(data)
    except IndexError:
        end = len(data) + 1
    if end > len(data):
        raise _refuse("the header ends in the middle of a value", len(data))
    if end < len(data):
        raise _refuse(f"{len(data) - end} bytes follow the header's map", end)


def _walk(data: bytes) -> int:
    """Walks one value; returns where it ends, which may be past the data. The hot loop: most tokens are short.

    Raises:
        IndexError: the data ends before the value.
        GnetFormatError: something is refused.
    """
    sizes, total = _SIZES, len(data)
    at, left, containers, values = 0, 1, 0, 0  # `left` items of the innermost open container are still to come
    keys: set[bytes] | None = None  # of the innermost open map; None in an array
    outer: list[tuple[int, set[bytes] | None]] = []
    while True:
        while left:
            if keys is not None and not left & 1:
                _check_key(data, at, keys)
            left -= 1
            byte = data[at]
            if size := sizes[byte]:
                at += size
                continue
            if 0x80 <= byte < 0xA0:  # a map or array of up to 15
                kind, length, after = MAP if byte < 0x90 else ARRAY, byte & 15, at + 1
            else:
                kind, length, after = read_token(data, at)
                if kind not in _CONTAINERS:
                    _check_long(kind, length, at, data)
                    at = after
                    continue
            containers += 1
            if length:
                outer.append((left, keys))
                left, keys = (length, None) if kind == ARRAY else (2 * length, set())
                values += left
                if left > total - after or length > limits.ARRAY_ITEMS:
                    raise _bad_length(kind, length, total - after, at)
            if len(outer) + (not length) > limits.DEPTH:
                raise _refuse(f"arrays and maps are nested more than {limits.DEPTH} deep", at)
            at = after
        if not outer:
            break
        left, keys = outer.pop()
    if containers > limits.CONTAINERS or values > limits.VALUES:
        raise _refuse(f"the header has {containers} arrays and maps and {values} values; at most {limits.CONTAINERS} "
                      f"and {limits.VALUES} are allowed", 0)
    return at


def _bad_length(kind: str, length: int, available: int, at: int) -> GnetFormatError:
    if length > limits.ARRAY_ITEMS:
        return _refuse(f"the {kind} has {length} items; at most {limits.ARRAY_ITEMS} are allowed", at)
    return _refuse(f"the {kind} has {length} items, but the header ends {available} bytes on", at)


def _check_key(data: bytes, at: int, keys: set[bytes]) -> None:
    kind, length, end = read_token(data, at)
    if kind != STRING:
        raise _refuse(f"the key of a map must be text, not {kind}", at)
    key = data[end - length:end]
    if key in keys:
        raise _refuse(f"the key {key[:80].decode(errors='replace')!r} stands twice in one map", at)
    keys.add(key)


def _check_long(kind: str, length: int, at: int, data: bytes) -> None:
    """Checks a token whose first byte does not give its size away."""
    if kind == RESERVED:
        raise _refuse("byte 0xc1 is never used in msgpack", at)
    if kind == EXTENSION:
        raise _refuse(f"byte {data[at]:#04x} starts an extension type; .gnet files have none", at)
    if length > limits.STRING_BYTES:
        raise _refuse(f"the {kind} has {length} bytes; at most {limits.STRING_BYTES} are allowed", at)


def bad_text(data: bytes) -> GnetFormatError:
    """The refusal of the first text that is not UTF-8, in bytes that hold one and are sound else."""
    at = 0
    while True:
        kind, length, end = read_token(data, at)
        try:
            _ = kind == STRING and data[end - length:end].decode()
        except UnicodeDecodeError as error:
            return _refuse(f"text that is not UTF-8: {error.reason}", end - length + error.start)
        at = end


def offset_of(data: bytes, path: Path) -> int:
    """Where the value at `path` starts in sound msgpack bytes, or the innermost container that is there."""
    at = 0
    for step in path:
        found = _find(data, at, step)
        if found is None:
            return at
        at = found
    return at


def _find(data: bytes, at: int, step: str | int) -> int | None:
    """Where item `step` of the container at `at` starts."""
    kind, length, at = read_token(data, at)
    if kind == ARRAY and isinstance(step, int) and step < length:
        return _skip(data, at, step)
    for _ in range(length if kind == MAP else 0):
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


def _refuse(reason: str, offset: int) -> GnetFormatError:
    return refuse(("header",), reason, offset)
