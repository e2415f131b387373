"""Algebraic identities, and moves of elements that cancel, combine or sink."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Node
from graphnet.compiler.ops.arithmetic import Add, Full, Multiply, Scale, Subtract
from graphnet.compiler.ops.shaping import Concat, Pad, Reshape, Slice
from graphnet.compiler.ops.transposing import Transpose
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.rewrite import rename_values

Rule = Callable[["_Rewriting", Node], int | None]


@dataclass(frozen=True)
class SimplifyAlgebra(Pass):
    """Applies each rule wherever it fits, until none does. Every rule keeps the numbers (only the sign of a zero may
    change): factors are combined only where that cannot round.
    """

    name = "simplify_algebra"
    purpose = "Takes out steps that change nothing, and makes one of two that do the work of one."

    def run(self, graph: Graph) -> Graph:
        """Simplifies the graph."""
        while (simpler := _once(graph)) is not graph:
            graph = simpler
        return graph


class _Rewriting:
    """A walk over a graph: what was built so far, and who made it."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.b = graph, Builder(graph.name, graph)
        self.b.nodes = []
        self.names: dict[int, int] = {}
        self._makers: dict[int, Node] = {}
        self._known = 0

    def maker(self, value: int, kind: type) -> Node | None:
        """The node that makes a value, if its op is of this class."""
        for made in self.b.nodes[self._known:]:
            self._makers.update(dict.fromkeys(made.outputs, made))
        self._known = len(self.b.nodes)
        node = self._makers.get(value)
        return node if node is not None and isinstance(node.op, kind) else None

    def is_full(self, value: int, number: float) -> bool:
        """Whether a value is this number everywhere."""
        node = self.maker(value, Full)
        return node is not None and node.op.value == number  # type: ignore[attr-defined]


def _once(graph: Graph) -> Graph:
    walk = _Rewriting(graph)
    for node in graph.nodes:
        here = node if walk.names.keys().isdisjoint(node.inputs) else replace(
            node, inputs=tuple(walk.names.get(v, v) for v in node.inputs))
        with walk.b.at(node.origin, node.phase):
            value = next((v for rule in RULES if (v := rule(walk, here)) is not None), None)
        if value is None:
            walk.b.nodes.append(here)
        else:
            walk.names[node.outputs[0]] = value
    if not walk.names:
        return graph
    return rename_values(replace(graph, types=walk.b.types), tuple(walk.b.nodes), walk.names)


def _neutral(walk: _Rewriting, node: Node) -> int | None:
    """x + 0, x - 0, x · 1."""
    if not isinstance(node.op, Add | Subtract | Multiply):
        return None
    a, b = node.inputs
    nothing = 1.0 if isinstance(node.op, Multiply) else 0.0
    if walk.is_full(b, nothing):
        return a
    return b if walk.is_full(a, nothing) and not isinstance(node.op, Subtract) else None


def _signs(walk: _Rewriting, node: Node) -> int | None:
    """a + (-b) is a - b, a - (-b) is a + b."""
    if not isinstance(node.op, Add | Subtract):
        return None
    a, b = node.inputs
    negated = walk.maker(b, Scale)
    if negated is None or negated.op != Scale(-1.0):
        return None
    return walk.b.add(Subtract() if isinstance(node.op, Add) else Add(), a, negated.inputs[0])


def _scales(walk: _Rewriting, node: Node) -> int | None:
    """1 · x; p · (q · x) as one factor, if p or q is a power of two (then the product is exact)."""
    if not isinstance(node.op, Scale):
        return None
    if node.op.factor == 1:
        return node.inputs[0]
    inner = walk.maker(node.inputs[0], Scale)
    if inner is None:
        return None
    p, q = node.op.factor, inner.op.factor  # type: ignore[attr-defined]
    if not any(math.frexp(abs(factor))[0] == 0.5 for factor in (p, q)):
        return None
    return walk.b.add(Scale(p * q), inner.inputs[0])


def _reshapes(walk: _Rewriting, node: Node) -> int | None:
    """A reshape to the same shape; a reshape of a reshape."""
    if not isinstance(node.op, Reshape):
        return None
    if walk.b.types[node.inputs[0]].shape == node.op.shape:
        return node.inputs[0]
    inner = walk.maker(node.inputs[0], Reshape)
    return None if inner is None else walk.b.add(node.op, inner.inputs[0])


def _transposes(walk: _Rewriting, node: Node) -> int | None:
    """Axes left in place; a transpose of a transpose."""
    if not isinstance(node.op, Transpose):
        return None
    if node.op.axes == tuple(range(len(node.op.axes))):
        return node.inputs[0]
    inner = walk.maker(node.inputs[0], Transpose)
    if inner is None:
        return None
    first: tuple[int, ...] = inner.op.axes  # type: ignore[attr-defined]
    return walk.b.add(Transpose(tuple(first[axis] for axis in node.op.axes)), inner.inputs[0])


def _whole_pieces(walk: _Rewriting, node: Node) -> int | None:
    """A piece that is everything, no padding, one tensor joined; the piece of a join that is one of its parts."""
    op = node.op
    if isinstance(op, Pad) and op.before == op.after == 0:
        return node.inputs[0]
    if isinstance(op, Concat) and len(node.inputs) == 1:
        return node.inputs[0]
    if not isinstance(op, Slice):
        return None
    rank = walk.b.types[node.inputs[0]].rank
    if op.start == 0 and op.stop == walk.b.types[node.inputs[0]].shape[op.axis]:
        return node.inputs[0]
    joined = walk.maker(node.inputs[0], Concat)
    if joined is None or joined.op.axis % rank != op.axis % rank:  # type: ignore[attr-defined]
        return None
    start = 0
    for part in joined.inputs:
        size = int(walk.b.types[part].shape[op.axis])
        if (start, start + size) == (op.start, op.stop):
            return part
        start += size
    return None


def _sink(walk: _Rewriting, node: Node) -> int | None:
    """f(move(x)) as move(f(x)) for f on each element by itself: so that moves meet and cancel, and f can be fused."""
    if not node.op.elementwise or len(node.inputs) != 1 or len(node.outputs) != 1:
        return None
    moved = walk.maker(node.inputs[0], Transpose) or walk.maker(node.inputs[0], Reshape)
    if moved is None or node.inputs[0] in walk.graph.kept or len(walk.graph.uses.get(node.inputs[0], ())) != 1:
        return None
    return walk.b.add(moved.op, walk.b.add(node.op, moved.inputs[0]))


RULES: tuple[Rule, ...] = (_neutral, _signs, _scales, _reshapes, _transposes, _whole_pieces, _sink)
