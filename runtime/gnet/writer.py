"""Writes contents as bytes, always the same bytes for the same contents, and never what the reader would refuse."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from graphnet.runtime.gnet.atomic import replace_file
from graphnet.runtime.gnet.binding import check_binding, declared
from graphnet.runtime.gnet.contents import Contents
from graphnet.runtime.gnet.graph_reader import decode_graph
from graphnet.runtime.gnet.graph_writer import encode_graph
from graphnet.runtime.gnet.head import pack_head, parse_head
from graphnet.runtime.gnet.names import check_name
from graphnet.runtime.gnet.plain import plain_map
from graphnet.runtime.gnet.preamble import Preamble, aligned
from graphnet.runtime.gnet.refusal import naming, refuse, shown
from graphnet.runtime.gnet.tensors import ROLES, Array, Row, Tensor, byte_view, data_end, stored_array

Pieces = list[memoryview]


def save_gnet(path: str | os.PathLike[str], contents: Contents) -> str:
    """Writes contents to a file, or leaves the old file as it was.

    The file is written beside its target, synced to disk and put in place in one step; symbolic links are followed
    and the target keeps its mode.

    Returns:
        The SHA-256 of the file in hex, which `load_gnet` takes as `expect_sha256`.

    Raises:
        GnetFormatError: the contents cannot be stored.
        ArgumentError: the path is no regular file, or its folder does not exist.
        OSError: the disk is full, or anything else that the system refuses.
    """
    with naming(os.fspath(path)):
        pieces = encode_contents(contents)
    with ThreadPoolExecutor(1) as pool:  # hashing takes about as long as writing, and neither holds the lock
        digest = pool.submit(_sha256, pieces)
        replace_file(path, pieces)
        return digest.result()


def dumps(contents: Contents) -> bytes:
    """The bytes of the file that `save_gnet` writes.

    Raises:
        GnetFormatError: the contents cannot be stored.
    """
    return b"".join(encode_contents(contents))


def encode_contents(contents: Contents) -> Pieces:
    """The file in pieces, without copying arrays that lie in memory as they do in a file.

    Raises:
        GnetFormatError: the contents cannot be stored.
    """
    tensors = list(_ordered(contents))
    arrays = [stored_array(tensor.name, tensor.array) for tensor in tensors]
    table = [_row(*entry) for entry in zip(tensors, arrays, _checksums(arrays), strict=True)]
    graph = encode_graph(contents.graph)
    decoded = decode_graph(graph)  # whatever the reader would refuse is refused now
    header = pack_head(graph, table, plain_map(contents.train, ("train",)),
                       plain_map(contents.meta, ("meta",)))
    start = aligned(Preamble(len(header), 0, b"").header_end)
    rows = _lay_out(table, start)
    preamble = Preamble(len(header), data_end(rows, start), hashlib.sha256(header).digest())
    check_binding(decoded, parse_head(preamble, header).rows)
    head = preamble.pack() + header
    return [memoryview(head.ljust(start, b"\0")), *_data(rows, arrays)]


def _ordered(contents: Contents) -> Iterable[Tensor]:
    """The tensors by role; those that the graph declares in its order, others in the order given."""
    for key, tensor in contents.tensors.items():
        check_name(tensor.name, ("tensor", key))
        if key != tensor.name:
            raise refuse(("tensor", key), f"it stands under the name {shown(key)}, but is called {shown(tensor.name)}")
        if tensor.role not in ROLES:
            raise refuse(("tensor", key), f"unknown role {shown(tensor.role)}; known are {', '.join(ROLES)}")
    order = {name: index for index, name in enumerate(declared(contents.graph))}
    return sorted(contents.tensors.values(), key=lambda t: (ROLES.index(t.role), order.get(t.name, len(order))))


def _row(tensor: Tensor, array: Array, crc32: int) -> list[Any]:
    return [tensor.name, array.dtype.name, list(array.shape), tensor.role, crc32]


def _checksums(arrays: list[Array]) -> list[int]:
    """CRC-32 of each array; zlib lets go of the interpreter's lock, so that several are under way at once."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(zlib.crc32, [byte_view(array) for array in arrays]))


def _lay_out(table: list[list[Any]], start: int) -> list[Row]:
    rows = []
    for name, dtype, shape, role, crc32 in table:
        rows.append(Row(name, dtype, tuple(shape), role, crc32, start))
        start = aligned(rows[-1].end)
    return rows


def _data(rows: list[Row], arrays: list[Array]) -> Iterator[memoryview]:
    for index, (row, array) in enumerate(zip(rows, arrays, strict=True)):
        yield byte_view(array).data
        if index + 1 < len(rows):
            yield memoryview(bytes(rows[index + 1].offset - row.end))


def _sha256(pieces: Pieces) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
