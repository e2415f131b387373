"""Reverse-mode differentiation, symbolically: the backward graph is nodes like any others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GraphError
from graphnet.compiler.ir import BACKWARD, Graph, Origin, Output
from graphnet.compiler.ops.arithmetic import Add, Full
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.results import check_gradients


def gradient_name(name: str) -> str:
    """The name of the output that carries the gradient of a parameter or input."""
    return f"gradient:{name}"


@dataclass(frozen=True)
class DeriveBackward(Pass):
    """Adds an output `gradient:<name>` for each trainable parameter (and, if asked, each floating-point input).

    Walks the nodes in reverse and asks each for its pullback (reverse accumulation, Griewank and Walther, Evaluating
    Derivatives, 2008, section 3.2). Only nodes between something that is differentiated and the loss are visited, so a
    frozen part costs nothing.
    """

    loss: str = "loss"
    inputs: tuple[str, ...] = ()

    name = "derive_backward"
    purpose = "Adds the nodes that compute the gradients, from the loss back to the weights."

    def run(self, graph: Graph) -> Graph:
        """Appends the backward nodes.

        Raises:
            GraphError: the loss is not a floating-point scalar, or one of `inputs` is not a floating-point input.
        """
        wanted = [(p.value, p.name) for p in graph.parameters if p.trainable]
        wanted += [(_input(graph, name), name) for name in self.inputs]
        if all(gradient_name(name) in {o.name for o in graph.outputs} for _, name in wanted):
            return graph
        loss = graph.output(self.loss)
        if graph.types[loss].shape != () or not graph.types[loss].is_float:
            raise GraphError(f"the loss must be a floating-point scalar, got {graph.types[loss]}")
        b = Builder(graph.name, graph)
        gradients = _accumulate(b, graph, loss, [value for value, _ in wanted])
        outputs = [Output(gradient_name(name), _gradient(b, graph, gradients, value)) for value, name in wanted]
        return b.build([*graph.outputs, *outputs])


def _input(graph: Graph, name: str) -> int:
    """The id of the floating-point input of this name."""
    ids = {i.name: i.value for i in graph.inputs}
    if name not in ids:
        raise GraphError(f"gradients are asked for the input {name!r}, but graph {graph.name} has {', '.join(ids)}")
    if not graph.types[ids[name]].is_float:
        raise GraphError(f"the input {name!r} is {graph.types[ids[name]]}, and gradients are floats; leave it out")
    return ids[name]


def _accumulate(b: Builder, graph: Graph, loss: int, wanted: Sequence[int]) -> dict[int, int]:
    """Gradients of the loss for every value between `wanted` and the loss."""
    path = _dependents(graph, wanted)
    with b.at(Origin("loss"), BACKWARD):
        gradients = {loss: b.add(Full((), 1.0, graph.types[loss].dtype))} if loss in path else {}
    for node in reversed(graph.nodes):
        grads = tuple(gradients.get(v) for v in node.outputs)
        if not node.op.differentiable or all(g is None for g in grads) or path.isdisjoint(node.inputs):
            continue
        with b.at(node.origin, BACKWARD):
            pulled = check_gradients(node, node.op.pullback(b, node.inputs, node.outputs, grads), b.types)
            for value, grad in zip(node.inputs, pulled, strict=True):
                if grad is None or value not in path:
                    continue
                known = gradients.get(value)
                gradients[value] = grad if known is None else b.add(Add(), known, grad)
    return gradients


def _dependents(graph: Graph, wanted: Sequence[int]) -> set[int]:
    """The floating-point values that depend on `wanted`, themselves included."""
    reached = set(wanted)
    for node in graph.nodes:
        if not reached.isdisjoint(node.inputs):
            reached.update(v for v in node.outputs if graph.types[v].is_float)
    return reached


def _gradient(b: Builder, graph: Graph, gradients: dict[int, int], value: int) -> int:
    if value in gradients:
        return gradients[value]
    t = b.types[value]  # the loss does not depend on it
    with b.at(graph.origins[value], BACKWARD):
        return b.add(Full(t.shape, 0.0, t.dtype))
