"""Folds a scale of channels, which batch norm is outside training, into the weights of what makes the channels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Node
from graphnet.compiler.op import Op
from graphnet.compiler.ops.arithmetic import Add, Multiply
from graphnet.compiler.ops.convolution import Conv2d, Conv2dGradInput
from graphnet.compiler.ops.linear import BiasAdd, MatMul
from graphnet.compiler.ops.scaling import ScaleAxis
from graphnet.compiler.ops.shaping import Reshape
from graphnet.compiler.passes.base import Decision, Pass


@dataclass(frozen=True, slots=True)
class _Match:
    """root → (bias) → (view) → scale → (shift), each read by nobody but the next; `axis` is that of W's outputs.

    The view is what makes a sequence of the image that a one-dimensional convolution computes.
    """

    root: Node
    bias: Node | None
    view: Node | None
    scale: Node
    shift: Node | None
    axis: int

    @property
    def nodes(self) -> list[Node]:
        """Those that are there, in order."""
        return [node for node in (self.root, self.bias, self.view, self.scale, self.shift) if node is not None]


@dataclass(frozen=True)
class FoldBatchNorm(Pass):
    """s · (x ∗ W + b) + t becomes x ∗ (s W) + (s b + t), for a convolution or matrix product ∗ and vectors s, b, t.

    Batch norm has this form outside training, and in training where it is frozen. The new weights are computed in the
    graph, once a run and on tensors of the weights' size, so the weights themselves may go on changing. Equal but for
    rounding.
    """

    name = "fold_batch_norm"
    purpose = "Multiplies batch norm into the weights before it, which are few, instead of the activations."
    exact = False

    def run(self, graph: Graph) -> Graph:
        """Folds every scale that has a root to go to; a scale behind a folded one may have it then."""
        while found := [match for node in graph.nodes if (match := _match(graph, node))]:
            graph = _fold(graph, found)
        return graph

    def decisions(self, graph: Graph) -> list[Decision]:
        """Each scale of channels, and what makes what it scales."""
        found: list[Decision] = []
        for node in graph.nodes:
            maker = graph.producers.get(node.inputs[0]) if isinstance(node.op, ScaleAxis) else None
            if maker and (match := _match(graph, node)):
                found.append(Decision(match.root, node, done="folded into its weights"))
            elif maker:
                found.append(Decision(maker, node, _refusal(graph, node, maker)))
        return found


def _fold(graph: Graph, found: list[_Match]) -> Graph:
    ends = {id(match.nodes[-1]): match for match in found}
    gone = {id(node) for match in found for node in match.nodes}
    b = Builder(graph.name, graph)
    b.nodes = []
    for node in graph.nodes:
        if id(node) in ends:
            _emit(b, ends[id(node)])
        elif id(node) not in gone:
            b.nodes.append(node)
    return replace(graph, types=b.types).with_nodes(tuple(b.nodes))


def _match(graph: Graph, scale: Node) -> _Match | None:
    """What a scale can be folded into, if it is one and there is anything."""
    if not isinstance(scale.op, ScaleAxis):
        return None
    axis = scale.op.axis % graph.types[scale.inputs[0]].rank
    maker = _only_maker(graph, scale)
    view = maker if maker and _keeps_channels(graph, maker, axis) else None
    maker = _only_maker(graph, view) if view else maker
    bias = maker if maker and _is_bias(graph, maker, axis) else None
    root = _only_maker(graph, bias) if bias else maker
    if root is None:
        return None
    weight_axis = _weight_axis(root.op, axis, graph.types[root.outputs[0]].rank)
    if weight_axis is None:
        return None
    # Without a bias the shift can stay what it is: the bias of the folded product.
    readers = graph.uses.get(scale.outputs[0], ())
    shift = next((node for node in readers if bias and _is_bias(graph, node, axis)
                  and _only_maker(graph, node) is scale), None)
    return _Match(root, bias, view, scale, shift, weight_axis)


def _only_maker(graph: Graph, node: Node) -> Node | None:
    """The node that makes the first input of `node`, if nobody else needs what it makes."""
    value = node.inputs[0]
    maker = graph.producers.get(value)
    if maker is None or value in graph.kept or len(graph.uses[value]) > 1 or maker.phase != node.phase:
        return None
    return maker


def _refusal(graph: Graph, scale: Node, maker: Node) -> str:
    """Why a scale that matches nothing stays, in words."""
    value = scale.inputs[0]
    if value in graph.kept:
        return f"%{value} is an output or a new state, so it must be kept as it is"
    if len(graph.uses[value]) > 1:
        return f"%{value} is also read unscaled"
    if maker.phase != scale.phase:
        return f"{maker.op.name} runs in the {maker.phase} phase, {scale.op.name} in {scale.phase}"
    return "what comes before has no weights with an axis of just these channels"


def _keeps_channels(graph: Graph, node: Node, axis: int) -> bool:
    """Whether a reshape leaves batch and channels, axes 0 and 1, as they are."""
    before, after = graph.types[node.inputs[0]].shape, graph.types[node.outputs[0]].shape
    return isinstance(node.op, Reshape) and axis == 1 and before[:2] == after[:2]


def _is_bias(graph: Graph, node: Node, axis: int) -> bool:
    return isinstance(node.op, BiasAdd) and node.op.axis % graph.types[node.inputs[0]].rank == axis


def _weight_axis(op: Op, axis: int, rank: int) -> int | None:
    """The axis of the weight that makes the channels on `axis` of the output; None if no one axis does."""
    if isinstance(op, MatMul) and axis == rank - 1:
        return 0 if op.transpose_w else 1
    if isinstance(op, Conv2d) and axis == 1:
        return 0
    if isinstance(op, Conv2dGradInput) and axis == 1 and op.groups == 1:
        return 1
    return None


def _emit(b: Builder, match: _Match) -> None:
    """The folded form, whose result has the id that the last node of the match had."""
    root, bias, scale, (end,) = match.root, match.bias, match.scale.inputs[1], match.nodes[-1].outputs
    with b.at(match.scale.origin, root.phase):
        chain = [(root, b.add(ScaleAxis(match.axis), root.inputs[1], scale))]
        if bias:
            shift = b.add(Multiply(), bias.inputs[1], scale)
            chain.append((bias, b.add(Add(), shift, match.shift.inputs[1]) if match.shift else shift))
    links: list[tuple[Any, ...]] = [*chain, (match.view,)] if match.view else [*chain]
    value = root.inputs[0]
    for node, *vectors in links[:-1]:
        with b.at(node.origin, node.phase):
            value = b.add(node.op, value, *vectors)
    node, *vectors = links[-1]
    b.nodes.append(replace(node, inputs=(value, *vectors), outputs=(end,)))
