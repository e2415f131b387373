"""What the header of a file says. The tensors are not read, so that it takes no longer for large files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphnet.compiler import html
from graphnet.compiler.ir import Graph
from graphnet.compiler.types import format_shape
from graphnet.compiler.words import label, screenful
from graphnet.files.plain_text import aligned, as_json, leaves, path_text, shown
from graphnet.runtime.gnet import Head, read_info

Plain = dict[str, Any]


@dataclass(frozen=True)
class Info:
    """The checked preamble and header of a file."""

    path: str
    head: Head

    def to_json(self) -> Plain:
        """All of it, as JSON holds it."""
        head, preamble, graph = self.head, self.head.preamble, self.head.graph
        return {
            "file": self.path, "format": self.version, "opset": head.opset, "bytes": preamble.file_length,
            "header_bytes": preamble.header_length, "header_sha256": preamble.header_sha256.hex(),
            "graph": {"name": graph.name, "inputs": _ports(graph, graph.inputs),
                      "outputs": _ports(graph, graph.outputs), "parameters": len(graph.parameters),
                      "states": len(graph.states), "nodes": len(graph.nodes)},
            "tensors": [{"name": row.name, "dtype": row.dtype, "shape": list(row.shape), "role": row.role,
                         "bytes": row.nbytes, "offset": row.offset, "crc32": row.crc32} for row in head.rows],
            "train": as_json(head.train), "meta": as_json(head.meta),
        }

    @property
    def version(self) -> str:
        """Of the format."""
        return f"{self.head.preamble.major}.{self.head.preamble.minor}"

    def __str__(self) -> str:
        lines = [self._title, self._graph, *(f"  {kind} {name}: {form}" for kind, name, form in self._ports())]
        lines += [f"tensors: {len(self.head.rows)}"]
        lines += [f"  {line}" for line in aligned([
            (row.name, row.role, row.dtype, format_shape(row.shape), f"{row.nbytes:,} bytes at {row.offset:,}")
            for row in self.head.rows])]
        for title, fields in self._fields():
            lines += [f"{title}:", *(f"  {path}: {value}" for path, value in fields)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return screenful(str(self), f"Info {self._title}")

    def _repr_html_(self) -> str:
        tensors = [(label(row.name), row.role, row.dtype, format_shape(row.shape), f"{row.nbytes:,}", f"{row.offset:,}")
                   for row in self.head.rows]
        fields = (html.folded(title, html.table(("field", "value"), rows)) for title, rows in self._fields())
        about = html.lines([self._graph, f"tensors: {len(tensors)}"])
        return html.frame(self._title, about, html.table(("", "name", "type"), self._ports()), html.table(
            ("tensor", "role", "dtype", "shape", "bytes", "at"), tensors, ("bytes", "at")), *fields)

    @property
    def _title(self) -> str:
        preamble = self.head.preamble
        return (f"{label(self.path)}: format {self.version}, {preamble.file_length:,} bytes, of which "
                f"{preamble.header_length:,} header")

    @property
    def _graph(self) -> str:
        graph = self.head.graph
        return (f"graph {label(repr(graph.name))}: {len(graph.nodes)} nodes, {len(graph.parameters)} parameters, "
                f"{len(graph.states)} states")

    def _ports(self) -> list[tuple[str, str, str]]:
        graph = self.head.graph
        return [(kind, label(port["name"]), f"{port['dtype']} {format_shape(tuple(port['shape']))}")
                for kind, ports in (("input", graph.inputs), ("output", graph.outputs))
                for port in _ports(graph, ports)]

    def _fields(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        for title, plain in (("train", self.head.train), ("meta", self.head.meta)):
            yield title, [(shown(path_text(path)), shown(value)) for path, value in leaves(plain)]


def read_file_info(path: str | os.PathLike[str]) -> Info:
    """Reads and checks the preamble and header of a file.

    Raises:
        GnetFormatError: they are refused.
        OSError: the file cannot be read.
    """
    return Info(os.fspath(path), read_info(path))


def _ports(graph: Graph, ports: Any) -> list[Plain]:
    """Name and type of inputs or outputs."""
    return [{"name": port.name, "dtype": graph.types[port.value].dtype, "shape": list(graph.types[port.value].shape)}
            for port in ports]
