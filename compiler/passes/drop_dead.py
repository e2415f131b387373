"""Drops nodes whose results nobody reads."""

from __future__ import annotations

from dataclasses import dataclass

from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.base import Pass


@dataclass(frozen=True)
class DropDead(Pass):
    """Keeps what outputs, new weights and new states need. Inputs and parameters stay: they are the signature."""

    name = "drop_dead"
    purpose = "Takes out what nothing needs: no output, no new weight and no new state."

    def run(self, graph: Graph) -> Graph:
        """Drops dead nodes."""
        needed, live = set(graph.kept), []
        for node in reversed(graph.nodes):
            if needed.isdisjoint(node.outputs):
                continue
            live.append(node)
            needed.update(node.inputs)
        return graph if len(live) == len(graph.nodes) else graph.with_nodes(tuple(reversed(live)))
