"""Computes at compile time what depends on constants only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphnet.compiler.ir import BACKWARD, Graph, Node
from graphnet.compiler.ops.arithmetic import Full
from graphnet.compiler.ops.reduction import Expand
from graphnet.compiler.ops.shaping import Reshape, Slice
from graphnet.compiler.ops.transposing import Transpose
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.results import check_results
from graphnet.compiler.types import BATCH, TensorType

MOVES = (Reshape, Slice, Transpose)


@dataclass(frozen=True)
class FoldConstants(Pass):
    """A constant of the IR is one number everywhere (`full`). What is made of such, element by element or by moving
    elements, is such a constant again; its number is what the reference makes of them, so the bits stay.
    """

    name = "fold_constants"
    purpose = "Computes now, once, what depends on constants alone and so comes out the same in every run."

    def run(self, graph: Graph) -> Graph:
        """Folds in one walk: what is folded may fold what follows."""
        numbers: dict[int, float] = {}
        nodes: list[Node] = []
        for node in graph.nodes:
            number = _number(graph, node, numbers)
            if number is None:
                nodes.append(node)
                continue
            numbers[node.outputs[0]] = number
            t = graph.types[node.outputs[0]]
            full = Full(t.shape, number, t.dtype)
            nodes.append(node if node.op == full else replace(node, op=full, inputs=()))
        return graph if tuple(nodes) == graph.nodes else graph.with_nodes(tuple(nodes))


def _number(graph: Graph, node: Node, numbers: dict[int, float]) -> float | None:
    """The number that a node makes everywhere; None if it makes anything else."""
    op = node.op
    if isinstance(op, Full):
        return op.value
    if len(node.outputs) != 1 or not node.inputs or any(v not in numbers for v in node.inputs):
        return None
    first = numbers[node.inputs[0]]
    if isinstance(op, MOVES) or (isinstance(op, Expand) and not op.mean and not _is_of_samples(node)):
        return first
    out = graph.types[node.outputs[0]]
    if not op.elementwise or any(graph.types[v] != out for v in node.inputs):
        return None
    return _evaluate(node, out, [numbers[v] for v in node.inputs])


def _is_of_samples(node: Node) -> bool:
    """Whether it makes the gradient of each sample. That is no constant where memory has room for more samples than
    there are: those that are not there have a gradient of 0."""
    op = node.op
    return node.phase == BACKWARD and isinstance(op, Expand) and 0 in op.axes and op.shape[:1] == (BATCH,)


def _evaluate(node: Node, t: TensorType, numbers: list[float]) -> float:
    """What the reference makes of one element."""
    one = t.with_shape((1,) * t.rank)
    arrays = (np.full((1,) * t.rank, number, t.dtype) for number in numbers)
    (made,) = check_results(node.op, node.op.forward(*arrays), (one,), node.origin)
    return float(made.item())
