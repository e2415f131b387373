"""Puts nodes into an order in which each value is made before it is read."""

from __future__ import annotations

from dataclasses import dataclass

from graphnet.compiler.errors import GraphError
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.base import Pass


@dataclass(frozen=True)
class OrderNodes(Pass):
    """Topological order; where several nodes may come next, the one declared first.

    That rule leaves an order that is valid already as it is, so networkx is only asked for one that is not.

    Raises:
        GraphError: the nodes form a cycle; the text lists it.
    """

    name = "order_nodes"
    purpose = "Puts every node behind those that make its inputs, so that all later passes can walk the graph once."

    def run(self, graph: Graph) -> Graph:
        """Reorders the nodes if needed."""
        if _is_ordered(graph):
            return graph
        import networkx as nx

        index = {value: i for i, node in enumerate(graph.nodes) for value in node.outputs}
        links: nx.DiGraph[int] = nx.DiGraph()
        links.add_nodes_from(range(len(graph.nodes)))
        links.add_edges_from((index[value], i) for i, node in enumerate(graph.nodes) for value in node.inputs
                             if value in index)
        try:
            order = list(nx.lexicographical_topological_sort(links))
        except nx.NetworkXUnfeasible:
            cycle = [edge[0] for edge in nx.find_cycle(links)]
            names = " → ".join(str(graph.nodes[i].origin) for i in [*cycle, cycle[0]])
            raise GraphError(f"graph {graph.name} has a cycle: {names}; "
                             "a static graph must lead from its inputs to its outputs") from None
        return graph.with_nodes(tuple(graph.nodes[i] for i in order))


def _is_ordered(graph: Graph) -> bool:
    later = {value for node in graph.nodes for value in node.outputs}
    for node in graph.nodes:
        if not later.isdisjoint(node.inputs):
            return False
        later.difference_update(node.outputs)
    return True
