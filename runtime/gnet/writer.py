"""Writes contents as bytes, always the same bytes for the same contents, and never what the reader would refuse."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator

from graphnet.compiler.atomic import LateStart, replace_file
from graphnet.runtime.gnet.binding import check_binding, declared
from graphnet.runtime.gnet.contents import Contents
from graphnet.runtime.gnet.graph_reader import decode_graph
from graphnet.runtime.gnet.graph_writer import encode_graph
from graphnet.runtime.gnet.head import pack_head, parse_head
from graphnet.runtime.gnet.tensors import ROLES, Tensor, byte_view, stored_array
from graphnet.runtime.gnet.wire.names import check_name
from graphnet.runtime.gnet.wire.parallel import Later
from graphnet.runtime.gnet.wire.plain import plain_map
from graphnet.runtime.gnet.wire.preamble import Preamble, aligned
from graphnet.runtime.gnet.wire.refusal import naming, refuse, shown

_MOST = (1 << 32) - 1  # the checksum that stands for those that are not known yet: most have an encoding as long


def save_gnet(path: str | os.PathLike[str], contents: Contents) -> None:
    """Writes contents to a file, or leaves the old file as it was.

    The file is written beside its target, synced to disk and put in place in one step; symbolic links are followed
    and the target keeps its mode.

    Raises:
        GnetFormatError: the contents cannot be stored.
        ArgumentError: the path is no regular file, or its folder does not exist.
        OSError: the disk is full, or anything else that the system refuses.
    """
    with naming(os.fspath(path)):
        draft = _Draft(contents)
    try:
        _save(path, draft, draft.start)
    except _StartMovedError as moved:
        _save(path, draft, moved.start)


def dumps(contents: Contents) -> bytes:
    """The bytes of the file that `save_gnet` writes.

    Raises:
        GnetFormatError: the contents cannot be stored.
    """
    draft = _Draft(contents)
    head = draft.head()
    return b"".join([head, *draft.data(len(head))])


def _save(path: str | os.PathLike[str], draft: _Draft, start: int) -> None:
    """Writes the tensors while their checksums are taken, and the head after them; both take long, neither holds the
    interpreter's lock.

    Raises:
        _StartMovedError: with the checksums the head has another size, so that the tensors belong elsewhere.
    """
    head = Later(draft.head)
    try:
        replace_file(path, draft.data(start), LateStart(start, lambda: _of_size(head.result(), start)))
    finally:
        head.wait()  # it reads the arrays, which are the caller's again afterwards


class _StartMovedError(Exception):
    """The first tensor does not start where it was written."""

    def __init__(self, start: int) -> None:
        self.start = start
        super().__init__(start)


def _of_size(head: bytes, size: int) -> memoryview:
    if len(head) != size:
        raise _StartMovedError(len(head))
    return memoryview(head)


class _Draft:
    """A file but for the checksums of its tensors; whatever the reader would refuse has been refused.

    Attributes:
        start: where the first tensor starts, if no checksum has a shorter encoding than most have.
    """

    def __init__(self, contents: Contents) -> None:
        tensors = list(_ordered(contents))
        self._arrays = [stored_array(tensor.name, tensor.array) for tensor in tensors]
        self._table = [[tensor.name, array.dtype.name, list(array.shape), tensor.role]
                       for tensor, array in zip(tensors, self._arrays, strict=True)]
        self._graph = encode_graph(contents.graph)
        self._train, self._meta = plain_map(contents.train, ("train",)), plain_map(contents.meta, ("meta",))
        decoded = decode_graph(self._graph)
        preamble, header = self._encode([_MOST] * len(self._arrays))
        check_binding(decoded, parse_head(preamble, header).rows)
        self.start = preamble.data_start

    def head(self) -> bytes:
        """Preamble and header, padded to where the first tensor starts."""
        preamble, header = self._encode([zlib.crc32(byte_view(array).data) for array in self._arrays])
        return (preamble.pack() + header).ljust(preamble.data_start, b"\0")

    def data(self, start: int) -> Iterator[memoryview]:
        """The tensors with the padding between them, the first of which lies at `start`; no array is copied."""
        end = start
        for array in self._arrays:
            if end < aligned(end):
                yield memoryview(bytes(aligned(end) - end))
            yield byte_view(array).data
            end = aligned(end) + array.nbytes

    def _encode(self, checksums: list[int]) -> tuple[Preamble, bytes]:
        table = [[*row, crc32] for row, crc32 in zip(self._table, checksums, strict=True)]
        header = pack_head(self._graph, table, self._train, self._meta)
        end = Preamble(len(header), 0, b"").data_start
        for array in self._arrays:
            end = aligned(end) + array.nbytes
        return Preamble(len(header), end, hashlib.sha256(header).digest()), header


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
