"""What weights are for: by their roles they are regularised, decayed and constrained, never by their names or ranks.

An op declares which of its inputs play which role (`Op.roles`), since it alone knows. So roles follow from the graph,
whoever made it and whatever file it comes from; a `Parameter` has one of its own only where its ops do not say it.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphnet.compiler.ir import Graph, Node

KERNEL, RECURRENT_KERNEL, EMBEDDING = "kernel", "recurrent_kernel", "embedding"
BIAS, SCALE, SLOPE = "bias", "scale", "slope"
"""A bias is what is added, the shift of a normalization too; a scale is that of a normalization, a slope a PReLU's."""
ROLES = (KERNEL, RECURRENT_KERNEL, EMBEDDING, BIAS, SCALE, SLOPE)
DECAYED = (KERNEL, RECURRENT_KERNEL, EMBEDDING)
"""Those that make a model more complex (Goodfellow, Bengio and Courville, Deep Learning, section 7.1)."""


def roles_by_value(graph: Graph) -> dict[int, str]:
    """The role of each parameter, by its value: its own, or what its ops say, or a kernel's."""
    said = said_by_ops((p.value for p in graph.parameters), graph.nodes)
    return {p.value: p.role or said.get(p.value, KERNEL) for p in graph.parameters}


def said_by_ops(weights: Iterable[int], nodes: Iterable[Node]) -> dict[int, str]:
    """The roles that ops declare for these values: of each, what the first op says that takes it for something.

    An op that only moves its elements (a reshape, a transposition) passes a weight on.
    """
    weight_of = {value: value for value in weights}
    roles: dict[int, str] = {}
    for node in nodes:
        for position, value in enumerate(node.inputs):
            weight = weight_of.get(value)
            if weight is None:
                continue
            if position in node.op.roles:
                roles.setdefault(weight, node.op.roles[position])
            elif node.op.rearranging and len(node.inputs) == 1:
                weight_of.update(dict.fromkeys(node.outputs, weight))
    return roles
