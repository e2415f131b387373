"""The header: one canonical msgpack map. Packs it, and unpacks only what is sound and canonical."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgpack  # type: ignore[import-untyped]

from graphnet.compiler.errors import GnetFormatError
from graphnet.runtime.gnet.wire import limits, preamble
from graphnet.runtime.gnet.wire.refusal import Path, refuse, shown
from graphnet.runtime.gnet.wire.tokens import bad_text, check_tokens, offset_of
from graphnet.runtime.gnet.wire.unpacking import unpack_sound

Plain = dict[str, Any]


def pack(value: object) -> bytes:
    """Msgpack in the shortest encoding of each value; floats always have 8 bytes, text is never bytes.

    Raises:
        GnetFormatError: a text cannot be encoded.
    """
    try:
        return cast(bytes, msgpack.packb(value, use_bin_type=True))
    except UnicodeEncodeError as error:
        raise refuse((), f"the text {shown(error.object)} has a lone surrogate, which UTF-8 cannot hold") from None


def pack_header(header: Plain) -> bytes:
    """Packs plain data into a header that every reader takes.

    Raises:
        GnetFormatError: it is over a limit.
    """
    data = pack(header)
    if len(data) > limits.HEADER_BYTES:
        raise refuse(("header",), f"the graph and its settings take {len(data)} bytes; at most "
                                  f"{limits.HEADER_BYTES} fit in a header")
    check_tokens(data)
    return data


def unpack_header(data: bytes) -> Plain:
    """Checks and unpacks a header; offsets in errors count from the start of the file.

    Raises:
        GnetFormatError: it is not sound or not canonical.
    """
    with placing(data):
        header = unpack_sound(data)
        if header is None or pack(header) != data:
            check_tokens(data)
            try:
                header = cast(Plain, msgpack.unpackb(data, raw=False, strict_map_key=True))
            except UnicodeDecodeError:
                raise bad_text(data) from None
            _check_canonical(data, pack(header))
    return header


def _check_canonical(data: bytes, canonical: bytes) -> None:
    if data == canonical:
        return
    pairs = zip(data, canonical, strict=False)
    first = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(data), len(canonical)))
    raise refuse(("header",), "the encoding is not canonical: each value must be packed in its shortest form, "
                              "floats in 8 bytes", first)


@contextmanager
def placing(data: bytes) -> Iterator[None]:
    """Within the block, refusals get their byte offset in the file whose header is `data`; none if there is none."""
    try:
        yield
    except GnetFormatError as error:
        if not data or (error.offset is None and error.path[:1] == ("tensor",)):  # no field of the header
            raise
        within = offset_of(data, error.path) if error.offset is None else error.offset
        raise GnetFormatError(error.reason, error.path, preamble.SIZE + within) from error.__cause__


def without_extensions(value: Any) -> Any:
    """The same plain data without the map keys that begin with `x-`, which a newer minor version may add."""
    if isinstance(value, dict):
        return {key: without_extensions(item) for key, item in value.items() if not key.startswith("x-")}
    return [without_extensions(item) for item in value] if isinstance(value, list) else value


def expect_keys(value: Any, required: tuple[str, ...], path: Path, optional: tuple[str, ...] = ()) -> Plain:
    """A map with all the required keys and none that is neither required nor optional.

    Raises:
        GnetFormatError: it is no map, lacks a key or has another one.
    """
    if not isinstance(value, dict):
        raise refuse(path, f"it must be a map, not {shown(value)}")
    for key in required:
        if key not in value:
            raise refuse(path, f"the key {key!r} is missing")
    for key in value:
        if key not in required and key not in optional:
            raise refuse((*path, key), f"the key {shown(key)} is not known here; known are "
                                       f"{', '.join(sorted((*required, *optional)))}")
    return value


def expect_items(value: Any, names: tuple[str, ...], path: Path) -> list[Any]:
    """An array with one item for each name.

    Raises:
        GnetFormatError: it is something else.
    """
    items = expect_list(value, path)
    if len(items) != len(names):
        raise refuse(path, f"it must have {len(names)} items ({', '.join(names)}), not {len(items)}")
    return items


def expect_list(value: Any, path: Path, most: int = limits.ARRAY_ITEMS) -> list[Any]:
    """An array of at most `most` items.

    Raises:
        GnetFormatError: it is something else.
    """
    if not isinstance(value, list):
        raise refuse(path, f"it must be an array, not {shown(value)}")
    if len(value) > most:
        raise refuse(path, f"it has {len(value)} items; at most {most} are allowed")
    return value
