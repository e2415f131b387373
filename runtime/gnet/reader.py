"""Reads a whole file and verifies everything in it."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np

from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.types import Array
from graphnet.runtime.gnet.contents import Contents
from graphnet.runtime.gnet.footprint import Measure, check_footprint, forward_peak
from graphnet.runtime.gnet.head import Head, justify_length, read_head
from graphnet.runtime.gnet.rows import Row
from graphnet.runtime.gnet.tensors import Tensor, byte_view
from graphnet.runtime.gnet.wire.header import placing
from graphnet.runtime.gnet.wire.parallel import for_each
from graphnet.runtime.gnet.wire.preamble import ALIGNMENT, FILE_LENGTH_OFFSET, aligned
from graphnet.runtime.gnet.wire.refusal import naming, refuse
from graphnet.runtime.gnet.wire.sources import HashingSource, Source, open_source

Place = Callable[[Contents], Mapping[str, Array]]
_PIECE, _BATCH = 1 << 20, 8 << 20  # bytes that fit into a core's cache, and that are worth handing to a thread
_THREADS = 4  # more would wait for the memory


def load_gnet(source: str | os.PathLike[str] | bytes | BinaryIO, expect_sha256: str | None = None,
              memory_limit: int | None = None, measure: Measure = forward_peak, place: Place | None = None) -> Contents:
    """Reads a file and verifies every byte of it.

    Args:
        source: a path, the file's bytes, or a file opened in binary mode.
        expect_sha256: the SHA-256 of the whole file in hex, as `sha256sum` prints it.
        memory_limit: the most bytes that running the graph may take; None for 16 GiB.
        measure: gives the bytes that running a graph takes.
        place: is given the contents without their tensors, and gives arrays to read some of them into; whoever does so
            must not use them if loading fails. Arrays of another form than the tensor's are left alone.

    Returns:
        The contents. Arrays that had no place are writable, lie in one buffer, and are aligned to 64 bytes.

    Raises:
        GnetFormatError: the file is refused.
        OSError: the file cannot be opened or read.
    """
    expected = None if expect_sha256 is None else _check_digest(expect_sha256)
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else ""
    with naming(name), open_source(source, justify_length) as opened, naming(opened.name):
        if expected is None:
            return _load(opened, memory_limit, measure, place)
        hashing = HashingSource(opened)
        contents = _load(hashing, memory_limit, measure, place)
        hashing.check(expected)
        return contents


def load_hashed(path: str | os.PathLike[str], expect_sha256: str | None = None) -> tuple[Contents, str, int]:
    """Reads a file and verifies every byte of it, each of which is read once, in the file's order.

    Returns:
        The contents, the SHA-256 of the whole file in hex, and its size in bytes.

    Raises:
        GnetFormatError: the file is refused.
        OSError: the file cannot be opened or read.
    """
    expected = None if expect_sha256 is None else _check_digest(expect_sha256)
    with naming(os.fspath(path)), open_source(path, justify_length) as opened:
        hashing = HashingSource(opened)
        contents = _load(hashing, None, forward_peak, None)
        if expected is not None:
            hashing.check(expected)
        return contents, hashing.digest, hashing.size


def read_info(source: str | os.PathLike[str] | bytes | BinaryIO) -> Head:
    """Reads preamble and header only, in a time that does not depend on the weights.

    Raises:
        GnetFormatError: they are refused.
        OSError: the file cannot be opened or read.
    """
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else ""
    with naming(name), open_source(source, justify_length) as opened, naming(opened.name):
        head = read_head(opened)
        _ = head.graph
        return head


def _load(source: Source, memory_limit: int | None, measure: Measure, place: Place | None) -> Contents:
    head = read_head(source)
    graph = head.graph
    with placing(head.header):
        check_footprint(graph, memory_limit, measure)
    contents = Contents(graph, {}, head.train, head.meta, source.name, head.header)
    try:
        given = {} if place is None else place(contents)
        arrays = _allocate(head.rows, given)
    except MemoryError:
        size = head.preamble.file_length - head.preamble.data_start
        raise refuse(("preamble", "file_length"), f"the tensors take {size} bytes, more memory than the system gives; "
                                                  "open the file instead, and take them one by one",
                     FILE_LENGTH_OFFSET) from None
    _read_tensors(source, head, arrays)
    tensors = {row.name: Tensor(row.name, row.role, row.in_native_order(array))
               for row, array in zip(head.rows, arrays, strict=True)}
    return replace(contents, tensors=tensors)


def _allocate(rows: Sequence[Row], given: Mapping[str, Array]) -> list[Array]:
    """Where each tensor goes: what is given for it, if it fits, or else its part of one buffer."""
    own = [row for row in rows if not _fits(row, given.get(row.name))]
    buffer, start = _aligned_buffer(sum(aligned(row.nbytes) for row in own)), 0
    places = {}
    for row in own:
        places[row.name] = np.ndarray(row.shape, row.stored, buffer, start) if row.nbytes else np.empty(
            row.shape, row.stored)
        start += aligned(row.nbytes)
    return [places[row.name] if row.name in places else given[row.name] for row in rows]


def _fits(row: Row, array: Array | None) -> bool:
    """Whether the tensor's bytes can be read straight into an array."""
    return array is not None and (array.dtype, array.shape) == (row.stored, row.shape) and array.flags.c_contiguous


def _read_tensors(source: Source, head: Head, arrays: Sequence[Array]) -> None:
    """Reads the tensors into their arrays.

    The threads need the interpreter only between pieces. Whichever of them meets damage first, the one that lies first
    in the file is reported.
    """
    end = head.preamble.file_length

    def read(batch: Sequence[int]) -> None:
        for index in batch:
            _read_row(source, head.rows[index], end, byte_view(arrays[index]).data)

    for_each(read, list(_batches(head.rows)), 1 if source.in_order else min(_THREADS, os.cpu_count() or 1))


def _batches(rows: Sequence[Row]) -> Iterator[range]:
    """The numbers of the rows in runs of at least `_BATCH` bytes, but for the last."""
    first = 0
    for index, row in enumerate(rows):
        if row.end - rows[first].offset >= _BATCH or index + 1 == len(rows):
            yield range(first, index + 1)
            first = index + 1


def _read_row(source: Source, row: Row, file_end: int, target: memoryview) -> None:
    """Reads a tensor and the padding after it, and takes the checksum of each piece while it is in the cache."""
    crc32 = 0
    for at in range(0, len(target), _PIECE):
        piece = target[at:at + _PIECE]
        source.fill(piece, row.offset + at)
        crc32 = zlib.crc32(piece, crc32)
    row.check(target, crc32)
    padding = row.region_end(file_end) - row.end
    row.check_padding(memoryview(source.take(padding, row.end)))


def _aligned_buffer(size: int) -> memoryview:
    raw = np.empty(size + ALIGNMENT, np.uint8)
    skip = aligned(raw.ctypes.data) - raw.ctypes.data
    return raw[skip:skip + size].data


def _check_digest(expected: Any) -> str:
    if not isinstance(expected, str) or len(expected) != 64 or not set(expected.lower()) <= set("0123456789abcdef"):
        raise ArgumentError("load", "expect_sha256", expected, "it must be 64 hexadecimal digits, as sha256sum prints")
    return expected.lower()
