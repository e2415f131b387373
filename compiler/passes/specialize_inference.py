"""Replaces ops that behave differently in training by what they are outside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GraphError
from graphnet.compiler.ir import BUFFER, COUNTER, Graph
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.rewrite import hold_states, rename_values


@dataclass(frozen=True)
class SpecializeInference(Pass):
    """Asks each op for its form at inference; nothing of dropout is left, batch norm uses its running statistics.

    Statistics and random counters no longer change, and penalties are dropped (a loss has them in it already);
    recurrent state still goes from call to call.
    """

    name = "specialize_inference"
    purpose = "Takes out what only training does: dropout, statistics of the batch, penalties."
    changes_meaning = True

    def run(self, graph: Graph) -> Graph:
        """Rewrites the graph.

        Raises:
            GraphError: something is made of what only training has.
        """
        b = Builder(graph.name, graph)
        b.nodes = []
        names: dict[int, int] = {}
        lost: set[int] = set()
        for node in graph.nodes:
            if not lost.isdisjoint(node.inputs):
                raise GraphError(f"{node.op.name} of {node.origin} reads what only serves the gradient of another op, "
                                 "and is not there outside training")
            inputs = tuple(names.get(v, v) for v in node.inputs)
            with b.at(node.origin, node.phase):
                forms = node.op.at_inference(b, inputs)
            if forms is None:
                b.nodes.append(node)
                continue
            names.update((old, new) for old, new in zip(node.outputs, forms, strict=True) if new is not None)
            lost.update(old for old, new in zip(node.outputs, forms, strict=True) if new is None)
        held = hold_states(graph, (BUFFER, COUNTER))
        held = replace(held, penalties=()) if held.penalties else held
        if not names:
            return held
        return rename_values(replace(held, types=b.types), tuple(b.nodes), names)
