"""Cuts a graph into what runs before, for and after each block of samples, if its samples can be told apart.

A Program of such a graph is made for a block of samples, and serves batches of any size: it works off one block after
another and adds up what is summed over samples. Where something is made of all samples before anything else is made of
each (the mean of batch normalisation in training, say), a Program is for one size of batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphnet.compiler.ir import Graph, Node
from graphnet.compiler.planning.program import short_name
from graphnet.compiler.types import BATCH
from graphnet.compiler.words import label

BEFORE, EACH, AFTER = range(3)
"""The stages: before the first block, for each block, after the last one."""


def stages(graph: Graph) -> tuple[int, ...] | None:
    """The stage of each node of a graph with its batch symbol in place; None if its samples cannot be told apart."""
    return cut(graph)[0]


def cut(graph: Graph) -> tuple[tuple[int, ...] | None, str]:
    """The stage of each node, or None and what it is that mixes samples."""
    def batched(value: int) -> bool:
        return BATCH in graph.types[value].shape

    carried = next((state.name for state in graph.states if batched(state.value)), None)
    if carried is not None:
        return None, f"the state {label(carried)} belongs to the samples of one batch"
    for name, value in (*((i.name, i.value) for i in graph.inputs), *((o.name, o.value) for o in graph.outputs)):
        if BATCH in graph.types[value].shape[1:]:
            return None, f"the samples of {label(name)} do not lie along its first axis"
    made = {item.value: EACH if batched(item.value) else BEFORE for item in graph.given}
    found = []
    for node in graph.nodes:
        latest = max((made[value] for value in node.inputs), default=BEFORE)
        if not any(map(batched, (*node.inputs, *node.outputs))):
            stage = latest
            made.update(dict.fromkeys(node.outputs, stage))
        elif latest == AFTER:
            return None, f"{_title(node)} needs what is made of all samples before it works on each"
        elif not node.op.separates(*(graph.types[value] for value in node.inputs)):
            return None, f"{_title(node)} does not work on each sample by itself"
        else:
            stage = EACH
            made.update({value: EACH if batched(value) else AFTER for value in node.outputs})
        found.append(stage)
    return tuple(found), ""


def _title(node: Node) -> str:
    return f"{short_name(node.op)} of {label(node.origin.layer)}" if node.origin.layer else short_name(node.op)


def in_stages(graph: Graph, stage_of: Sequence[int]) -> Graph:
    """The graph with its nodes in the order of their stages, and otherwise in their own."""
    order = sorted(range(len(graph.nodes)), key=lambda i: stage_of[i])  # a stable sort
    nodes: tuple[Node, ...] = tuple(graph.nodes[i] for i in order)
    return graph if nodes == graph.nodes else replace(graph, nodes=nodes)
