"""Bounds what running a graph from a file would take, before anything is planned."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphnet.compiler.ir import Graph
from graphnet.compiler.types import TensorType
from graphnet.runtime.gnet.wire import limits
from graphnet.runtime.gnet.wire.refusal import refuse

Measure = Callable[[Graph], int]


def forward_peak(graph: Graph) -> int:
    """The most bytes that are in use at once in a forward pass with every symbolic dim 1, in the graph's order.

    A value is in use from the node that makes it to the last node that reads it; parameters do not count, as the
    file holds them.
    """
    last = {value: index for index, node in enumerate(graph.nodes) for value in node.inputs}
    last |= dict.fromkeys(graph.kept, len(graph.nodes))
    fed = {item.value for item in graph.inputs} | {state.value for state in graph.states}
    held = peak = sum(_bytes(graph.types[value]) for value in fed)
    for index, node in enumerate(graph.nodes):
        held += sum(_bytes(graph.types[value]) for value in node.outputs)
        peak = max(peak, held)
        held -= sum(_bytes(graph.types[value]) for value in {*node.inputs, *node.outputs}
                    if last.get(value, index) == index and (value in fed or value in graph.producers))
    return peak


def check_footprint(graph: Graph, limit: int | None, measure: Measure) -> None:
    """Refuses a graph that would need more memory than allowed.

    Args:
        graph: from a file.
        limit: in bytes; None for the default.
        measure: gives the bytes that the graph needs.

    Raises:
        GnetFormatError: it needs more.
    """
    allowed = limits.MEMORY if limit is None else limit
    if (needed := measure(graph)) > allowed:
        raise refuse(("graph",), f"the graph needs {needed} bytes of memory to run, the limit is {allowed}; "
                                 "if you trust the file, pass a larger memory_limit")


def _bytes(kind: TensorType) -> int:
    return math.prod(dim for dim in kind.shape if isinstance(dim, int)) * np.dtype(kind.dtype).itemsize
