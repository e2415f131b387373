"""Preamble and header together: everything of a file but the tensors' bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphnet.compiler.cached import cached_property
from graphnet.compiler.ir import Graph
from graphnet.runtime.gnet.binding import check_binding
from graphnet.runtime.gnet.graph_reader import decode_graph
from graphnet.runtime.gnet.rows import Row, check_zeros, data_end, parse_rows
from graphnet.runtime.gnet.wire import preamble as start
from graphnet.runtime.gnet.wire.header import (
    Plain,
    expect_keys,
    pack_header,
    placing,
    unpack_header,
    without_extensions,
)
from graphnet.runtime.gnet.wire.preamble import Preamble, parse_preamble
from graphnet.runtime.gnet.wire.refusal import refuse, shown
from graphnet.runtime.gnet.wire.sources import Source

OPSET = 1
"""Grows when an op changes its meaning; new ops do not count."""

_KEYS = ("opset", "graph", "tensors", "train", "meta")


@dataclass(frozen=True)
class Head:
    """A checked preamble and header. The graph is decoded, and checked against the tensors, at first touch."""

    preamble: Preamble
    header: bytes
    opset: int
    rows: tuple[Row, ...]
    train: Plain
    meta: Plain
    plain_graph: Any

    @cached_property
    def graph(self) -> Graph:
        """The declared graph.

        Raises:
            GnetFormatError: it is not sound, or the tensors do not fit it.
        """
        with placing(self.header):
            graph = decode_graph(self.plain_graph)
            check_binding(graph, self.rows)
        return graph


def read_head(source: Source) -> Head:
    """Reads preamble and header from the start of a source and checks them: preamble, header, rows, in this order.

    Raises:
        GnetFormatError: something does not hold.
    """
    preamble = parse_preamble(source.take(min(source.size, start.SIZE), 0), source.size)
    header = source.take(preamble.header_length, start.SIZE)
    preamble.check_header(header)
    end = preamble.header_end
    check_zeros(source.take(preamble.data_start - end, end), ("header",), end)
    return parse_head(preamble, header)


def justify_length(preamble: Preamble, header: bytes) -> None:
    """Refuses a length that the rows do not account for, before a stream is read that far.

    Raises:
        GnetFormatError: the header is damaged, or the rows end elsewhere.
    """
    preamble.check_header(header)
    parse_head(preamble, header)


def parse_head(preamble: Preamble, header: bytes) -> Head:
    """Checks a header: encoding, keys, rows, and that the tensors end where the file does.

    Raises:
        GnetFormatError: something does not hold.
    """
    plain = unpack_header(header)
    with placing(header):
        parts = _top_level(plain, newer=preamble.minor > start.MINOR)
        rows = parse_rows(parts["tensors"], preamble.data_start)
        _check_end(rows, preamble)
    return Head(preamble, header, parts["opset"], rows, parts["train"], parts["meta"], parts["graph"])


def _top_level(plain: Plain, newer: bool) -> Plain:
    if newer:
        plain = {key: value for key, value in plain.items() if not key.startswith("x-")}
        plain |= {key: without_extensions(plain[key]) for key in ("graph", "train") if key in plain}
    parts = expect_keys(plain, _KEYS, ())
    if tuple(parts) != _KEYS:
        raise refuse((), f"the keys of the header must stand in the order {', '.join(_KEYS)}")
    opset = parts["opset"]
    if type(opset) is not int or opset < 1:
        raise refuse(("opset",), f"it must be a whole number from 1, not {shown(opset)}")
    if opset > OPSET:
        raise refuse(("opset",), f"the graph uses the ops' meanings of opset {opset}, this graphnet knows up to "
                                 f"{OPSET}: upgrade to a graphnet that knows opset {opset}")
    for key in ("train", "meta"):
        if not isinstance(parts[key], dict):
            raise refuse((key,), f"it must be a map, not {shown(parts[key])}")
    return parts


def _check_end(rows: Sequence[Row], preamble: Preamble) -> None:
    end = data_end(rows, preamble.data_start)
    if end != preamble.file_length:
        raise refuse(("tensors",), f"the tensors end at byte {end}, the file at byte {preamble.file_length}")


def pack_head(graph: Plain, rows: list[list[Any]], train: Plain, meta: Plain) -> bytes:
    """The header's bytes.

    Raises:
        GnetFormatError: it is over a limit.
    """
    return pack_header(dict(zip(_KEYS, (OPSET, graph, rows, train, meta), strict=True)))
