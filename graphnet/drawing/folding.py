"""What a picture of a graph does not show node by node: weights made of weights, and the zeros that recurrence begins
with."""

from __future__ import annotations

from graphnet.compiler.ir import BUFFER, FORWARD, Graph, Node
from graphnet.compiler.ops.arithmetic import Full
from graphnet.compiler.ops.recurrent import Walk


def weight_makers(graph: Graph) -> list[Node]:
    """The forward nodes that only weights, statistics and constants lead to."""
    known = {item.value for item in graph.parameters} | {s.value for s in graph.states if s.role == BUFFER}
    found = []
    for node in graph.nodes:
        if node.phase == FORWARD and known.issuperset(node.inputs):
            known.update(node.outputs)
            found.append(node)
    return found


def folded_weights(graph: Graph) -> list[list[Node]]:
    """Weight makers that depend on one another, together; two at least, since one is best shown as what it is."""
    groups: dict[int, list[Node]] = {}  # by the values that they make
    for node in weight_makers(graph):
        joined = {id(group): group for v in node.inputs if (group := groups.get(v))}
        group = [*(made for group in joined.values() for made in group), node]
        groups |= {value: group for made in group for value in made.outputs}
    given = {item.value for item in graph.variables}
    distinct = {id(group): group for group in groups.values()}
    return [group for group in distinct.values()
            if len(group) > 1 and any(not given.isdisjoint(node.inputs) for node in group)]


def zero_states(graph: Graph) -> list[Node]:
    """The zeros that only recurrent layers read: their first states, and the gradients of states that nobody reads."""
    return [node for node in graph.nodes if isinstance(node.op, Full) and node.op.value == 0
            and graph.kept.isdisjoint(node.outputs) and (readers := graph.uses.get(node.outputs[0]))
            and all(isinstance(reader.op, Walk) for reader in readers)]
