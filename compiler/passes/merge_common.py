"""Merges nodes that compute the same thing (common subexpressions)."""

from __future__ import annotations

from dataclasses import dataclass

from graphnet.compiler.ir import Graph, Node
from graphnet.compiler.op import Op
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.rewrite import rename_values


@dataclass(frozen=True)
class MergeCommon(Pass):
    """Of nodes with equal op, attributes and inputs the first stays. Ops are pure, so this is exact."""

    name = "merge_common"
    purpose = "Computes equal things once: of nodes that do the same to the same values, one stays."

    def run(self, graph: Graph) -> Graph:
        """Merges equal nodes in one walk; their users meet again further down."""
        first: dict[tuple[Op, str, tuple[int, ...]], Node] = {}
        names: dict[int, int] = {}
        for node in graph.nodes:
            inputs = tuple(names.get(v, v) for v in node.inputs)
            key = node.op, str(node.op), inputs  # the text tells 0.0 from -0.0, which are equal
            same = first.setdefault(key, node)
            if same is not node:
                names.update(zip(node.outputs, same.outputs, strict=True))
        if not names:
            return graph
        return rename_values(graph, tuple(first.values()), names)
