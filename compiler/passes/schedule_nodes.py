"""Chooses an order of the nodes that lowers the peak of live memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from graphnet.compiler.ir import PHASES, Graph, Node
from graphnet.compiler.liveness import lifetimes, live_bytes, owners
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.types import Dims

NOMINAL = 64  # what a symbol counts for: only how sizes compare matters
WINDOW = 32  # of the nodes that could come next, how many are looked at


@dataclass(frozen=True)
class ScheduleNodes(Pass):
    """Of the nodes whose inputs are there, the one that adds least (or frees most) comes next, in ties the earlier one.

    That is list scheduling by memory, a heuristic, so its result is taken only if the peak is lower than before; a view
    counts as its source. Phases keep their order. Only the order changes, so the numbers stay.
    """

    name = "schedule_nodes"
    purpose = "Changes the order of the nodes where that leaves fewer bytes in use at the fullest moment."

    def run(self, graph: Graph) -> Graph:
        """Reorders the nodes if that helps."""
        sizes = _sizes(graph)
        order = [node for phase in PHASES for node in _scheduled(graph, phase, sizes)]
        if len(order) != len(graph.nodes) or peak(graph, order, sizes) >= peak(graph, graph.nodes, sizes):
            return graph
        return graph.with_nodes(tuple(order))


def peak(graph: Graph, order: Sequence[Node], sizes: dict[int, int]) -> int:
    """The most bytes that are live at one node, for nodes in this order."""
    owner = owners(graph)
    pieces = ((sizes[v], *life) for v, life in lifetimes(order, graph.kept).items() if owner[v] == v)
    return max(live_bytes(pieces, len(order)))


def _sizes(graph: Graph) -> dict[int, int]:
    """Bytes of each value in the arena; nothing for weights and states, which have buffers of their own."""
    dims: Dims = dict.fromkeys(graph.symbols, NOMINAL)
    outer = {item.value for item in graph.variables}
    return {v: 0 if v in outer else t.bind(dims).nbytes for v, t in graph.types.items()}


def _readers(graph: Graph, owner: dict[int, int]) -> dict[int, int]:
    """How many nodes read each piece of memory; what is kept is read once more, by the caller."""
    counts = dict.fromkeys(owner.values(), 0)
    for node in graph.nodes:
        for value in dict.fromkeys(node.inputs):
            counts[owner[value]] += 1
    for value in graph.kept:
        counts[owner[value]] += 1
    return counts


def _scheduled(graph: Graph, phase: str, sizes: dict[int, int]) -> list[Node]:
    """The nodes of a phase, scheduled."""
    nodes = [node for node in graph.nodes if node.phase == phase]
    made_here = {value: index for index, node in enumerate(nodes) for value in node.outputs}
    waiting = [len({made_here[v] for v in node.inputs if v in made_here}) for node in nodes]
    followers: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for source in {made_here[v] for v in node.inputs if v in made_here}:
            followers[source].append(index)
    owner = owners(graph)
    left = _readers(graph, owner)
    ready = [index for index, count in enumerate(waiting) if count == 0]
    order: list[Node] = []
    while ready:
        best = min(ready[:WINDOW], key=lambda index: (_growth(nodes[index], owner, left, sizes), index))
        ready.remove(best)
        order.append(nodes[best])
        for value in dict.fromkeys(nodes[best].inputs):
            left[owner[value]] -= 1
        for index in followers[best]:
            waiting[index] -= 1
            if waiting[index] == 0:
                ready.append(index)
        ready.sort()
    return order


def _growth(node: Node, owner: dict[int, int], left: dict[int, int], sizes: dict[int, int]) -> int:
    """Bytes that running a node adds to what is live, less those it frees."""
    made = sum(sizes[v] for v in node.outputs if owner[v] == v)
    read = Counter(owner[v] for v in dict.fromkeys(node.inputs))
    return made - sum(sizes[value] for value, times in read.items() if left[value] == times)
