"""Reads a whole file and verifies everything in it."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from graphnet.compiler.errors import ArgumentError
from graphnet.runtime.gnet.contents import Contents
from graphnet.runtime.gnet.footprint import Measure, check_footprint, forward_peak
from graphnet.runtime.gnet.head import Head, read_head
from graphnet.runtime.gnet.header import placing
from graphnet.runtime.gnet.parallel import for_each
from graphnet.runtime.gnet.preamble import ALIGNMENT, FILE_LENGTH_OFFSET, aligned
from graphnet.runtime.gnet.refusal import naming, refuse
from graphnet.runtime.gnet.rows import Row
from graphnet.runtime.gnet.sources import HashingSource, Source, open_source
from graphnet.runtime.gnet.tensors import Tensor

_PIECE, _BATCH = 1 << 20, 8 << 20  # bytes that fit into a core's cache, and that are worth handing to a thread
_THREADS = 4  # more would wait for the memory


def load_gnet(source: str | os.PathLike[str] | bytes | BinaryIO, expect_sha256: str | None = None,
              memory_limit: int | None = None, measure: Measure = forward_peak) -> Contents:
    """Reads a file and verifies every byte of it.

    Args:
        source: a path, the file's bytes, or a file opened in binary mode.
        expect_sha256: the SHA-256 of the whole file in hex, as `sha256sum` prints it.
        memory_limit: the most bytes that running the graph may take; None for 16 GiB.
        measure: gives the bytes that running a graph takes.

    Returns:
        The contents. The arrays are writable, lie in one buffer, and are aligned to 64 bytes.

    Raises:
        GnetFormatError: the file is refused.
        OSError: the file cannot be opened or read.
    """
    expected = None if expect_sha256 is None else _check_digest(expect_sha256)
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else ""
    with naming(name), open_source(source) as opened, naming(opened.name):
        if expected is None:
            return _load(opened, memory_limit, measure)
        hashing = HashingSource(opened)
        contents = _load(hashing, memory_limit, measure)
        hashing.check(expected)
        return contents


def read_info(source: str | os.PathLike[str] | bytes | BinaryIO) -> Head:
    """Reads preamble and header only, in a time that does not depend on the weights.

    Raises:
        GnetFormatError: they are refused.
        OSError: the file cannot be opened or read.
    """
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else ""
    with naming(name), open_source(source) as opened, naming(opened.name):
        head = read_head(opened)
        _ = head.graph
        return head


def _load(source: Source, memory_limit: int | None, measure: Measure) -> Contents:
    head = read_head(source)
    graph = head.graph
    with placing(head.header):
        check_footprint(graph, memory_limit, measure)
    start = head.preamble.data_start
    buffer = _read_tensors(source, head)
    tensors = {row.name: Tensor(row.name, row.role, row.view(buffer, start)) for row in head.rows}
    return Contents(graph, tensors, head.train, head.meta, source.name, head.header)


def _read_tensors(source: Source, head: Head) -> memoryview:
    """Reads the tensors into one buffer, whose size the file really has.

    The threads need the interpreter only between pieces. Whichever of them meets damage first, the one that lies first
    in the file is reported.
    """
    start, end = head.preamble.data_start, head.preamble.file_length
    try:
        buffer = _aligned_buffer(end - start)
    except MemoryError:
        raise refuse(("preamble", "file_length"), f"the tensors take {end - start} bytes, more memory than the system "
                                                  "gives; open the file instead, and take them one by one",
                     FILE_LENGTH_OFFSET) from None

    def read(batch: Sequence[Row]) -> None:
        for row in batch:
            _read_row(source, row, end, buffer[row.offset - start:row.region_end(end) - start])

    for_each(read, list(_batches(head.rows)), 1 if source.in_order else min(_THREADS, os.cpu_count() or 1))
    return buffer


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows in runs of at least `_BATCH` bytes, but for the last."""
    first = 0
    for index, row in enumerate(rows):
        if row.end - rows[first].offset >= _BATCH or index + 1 == len(rows):
            yield rows[first:index + 1]
            first = index + 1


def _read_row(source: Source, row: Row, file_end: int, target: memoryview) -> None:
    """Reads a tensor and the padding after it, and takes the checksum of each piece while it is in the cache."""
    crc32 = 0
    for at in range(0, len(target), _PIECE):
        piece = target[at:at + _PIECE]
        source.fill(piece, row.offset + at)
        crc32 = zlib.crc32(piece[:row.nbytes - at], crc32)
    row.check(target[:row.nbytes], crc32)
    row.check_padding(target[row.nbytes:])


def _aligned_buffer(size: int) -> memoryview:
    raw = np.empty(size + ALIGNMENT, np.uint8)
    skip = aligned(raw.ctypes.data) - raw.ctypes.data
    return raw[skip:skip + size].data


def _check_digest(expected: Any) -> str:
    if not isinstance(expected, str) or len(expected) != 64 or not set(expected.lower()) <= set("0123456789abcdef"):
        raise ArgumentError("load", "expect_sha256", expected, "it must be 64 hexadecimal digits, as sha256sum prints")
    return expected.lower()


