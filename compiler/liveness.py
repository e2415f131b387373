"""When values are live: from the node that makes them to the last one that needs them, through views too.

A time is the number of a node in its order. Inputs, weights and states are there at the time `BEFORE`; what is given
out is live to the number of nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from graphnet.compiler.ir import Graph, Node

BEFORE = -1


class Life(NamedTuple):
    """The first and the last time at which a value is live, both included."""

    first: int
    last: int


def lifetimes(nodes: Sequence[Node], kept: Iterable[int], through_views: bool = True) -> dict[int, Life]:
    """The life of every value that the nodes make or read, or that is kept.

    Args:
        nodes: in order.
        kept: values that somebody needs after all nodes.
        through_views: whether who needs a view needs what it is a view of.
    """
    last = dict.fromkeys(kept, len(nodes))
    made: dict[int, int] = {}
    for index, node in reversed(list(enumerate(nodes))):
        for value in node.outputs:
            made[value] = index
            last.setdefault(value, index)
        end = last[node.outputs[0]] if through_views and node.op.view else index
        for value in node.inputs:
            last[value] = max(last.get(value, BEFORE), end)
    return {value: Life(made.get(value, BEFORE), end) for value, end in last.items()}


def owners(graph: Graph) -> dict[int, int]:
    """The value whose memory each value lies in: itself, or what it is a view of."""
    owner = {item.value: item.value for item in graph.given}
    for node in graph.nodes:
        for value in node.outputs:
            owner[value] = owner[node.inputs[0]] if node.op.view else value
    return owner


def live_bytes(pieces: Iterable[tuple[int, int, int]], length: int) -> list[int]:
    """The bytes that are live at each time: `BEFORE`, and then 0 to `length` - 1.

    Args:
        pieces: the bytes of each piece of memory, and the first and the last time at which it is live.
        length: the number of nodes or instructions.
    """
    changes = [0] * (length + 2)  # at each time and after the last, from BEFORE on
    for size, first, last in pieces:
        changes[first - BEFORE] += size
        changes[min(last, length - 1) + 1 - BEFORE] -= size
    return list(accumulate(changes[:-1]))
