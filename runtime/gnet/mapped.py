"""Any tensor of a file without the rest: mapped into memory, or read when it is asked for."""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from graphnet.compiler import html
from graphnet.compiler.errors import ArgumentError, GraphNetError
from graphnet.compiler.ir import Graph
from graphnet.compiler.types import Array, format_shape
from graphnet.compiler.words import file_label, label
from graphnet.runtime.gnet.head import Head, read_head
from graphnet.runtime.gnet.rows import Row
from graphnet.runtime.gnet.wire.header import Plain
from graphnet.runtime.gnet.wire.preamble import FILE_LENGTH_OFFSET
from graphnet.runtime.gnet.wire.refusal import naming, refuse
from graphnet.runtime.gnet.wire.sources import FileSource, open_descriptor


class GnetFile(Mapping[str, Array]):
    """The tensors of an open file by name, as read-only arrays.

    Preamble and header are checked on opening; the graph and each tensor at first touch. Arrays stay valid after
    `close`. As with any mapped file, another program that cuts the file short in place takes the ground from under
    the arrays; files that graphnet saves are replaced, never changed in place.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        with naming(self.path), open_descriptor(path) as descriptor:
            self.head: Head = read_head(FileSource(descriptor, self.path))
            self._map: mmap.mmap | None = _map(descriptor, self.head.preamble.file_length)
        self._rows = {row.name: row for row in self.head.rows}
        self._arrays: dict[str, Array] = {}

    @property
    def graph(self) -> Graph:
        """The declared graph.

        Raises:
            GnetFormatError: it is not sound, or the tensors do not fit it.
        """
        with naming(self.path):
            return self.head.graph

    @property
    def train(self) -> Plain:
        """What a run needs to go on."""
        return self.head.train

    @property
    def meta(self) -> Plain:
        """Who wrote the file, and the like."""
        return self.head.meta

    def names(self) -> tuple[str, ...]:
        """The names of the tensors, in the file's order."""
        return tuple(self._rows)

    def row(self, name: str) -> Row:
        """What the header says about a tensor: dtype, shape, role, …

        Raises:
            ArgumentError: there is no such tensor.
        """
        if name not in self._rows:
            raise ArgumentError(self.path, "name", name, f"the file has {', '.join(self._rows) or 'no tensors'}")
        return self._rows[name]

    def __getitem__(self, name: str) -> Array:
        """The tensor of this name, read-only; its bytes are checked the first time.

        Raises:
            KeyError: there is no such tensor.
            GnetFormatError: it is damaged.
        """
        if name not in self._arrays:
            self._arrays[name] = self._read(self._rows[name])
        return self._arrays[name]

    def __repr__(self) -> str:
        closed = ", closed" * (self._map is None)
        return f"<GnetFile {file_label(self.path)}: {len(self)} tensors{closed}>"

    def _repr_html_(self) -> str:
        rows = ((label(row.name), row.role, row.dtype, format_shape(row.shape), f"{row.nbytes:,}")
                for row in self._rows.values())
        head = "tensor", "role", "dtype", "shape", "bytes"
        return html.frame(file_label(self.path), html.table(head, rows, ("bytes",)))

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Lets go of the file; arrays that were handed out keep what they need."""
        self._map = None
        self._arrays = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _read(self, row: Row) -> Array:
        if self._map is None:
            raise GraphNetError(f"{self.path} is closed; read {row.name!r} before closing it")
        view = memoryview(self._map)
        with naming(self.path):
            row.check(view[row.offset:row.end])
            row.check_padding(view[row.end:row.region_end(self.head.preamble.file_length)])
        array = row.view(self._map, 0)
        array.flags.writeable = False
        return array


def _map(descriptor: int, size: int) -> mmap.mmap:
    try:
        return mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    except ValueError:
        raise refuse((), "the file became shorter while it was opened") from None
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        raise refuse(("preamble", "file_length"), f"the system has no room to map the file's {size} bytes",
                     FILE_LENGTH_OFFSET) from None


class TensorReader:
    """Reads one tensor after the other, and holds none of them. A file that becomes shorter meanwhile is refused."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path, self._stack = os.fspath(path), ExitStack()
        with naming(self.path), self._stack:
            self._source = FileSource(self._stack.enter_context(open_descriptor(path)), self.path)
            self.head = read_head(self._source)
            self._stack = self._stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stack.close()

    def read(self, row: Row) -> Array:
        """The tensor of a row of the file.

        Raises:
            GnetFormatError: it is damaged, or the file became shorter.
            OSError: it cannot be read.
        """
        with naming(self.path):
            end = row.region_end(self.head.preamble.file_length)
            data = memoryview(self._source.take(end - row.offset, row.offset))
            row.check(data[:row.nbytes])
            row.check_padding(data[row.nbytes:])
        return row.view(data, row.offset)


def open_gnet(path: str | os.PathLike[str]) -> GnetFile:
    """Maps a file read-only; use it in a `with` block.

    Raises:
        GnetFormatError: preamble or header are refused.
        OSError: the file cannot be opened.
    """
    return GnetFile(path)
