"""Copies values that would have to share a place, so that lowering can give every value one of its own.

Three kinds of values are bound to a place: a gradient to the flat buffer that the update walks, a new weight or state
to that of the old one, a view to its source.
"""

from __future__ import annotations

from dataclasses import replace

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import UPDATE, Graph, Parameter, State
from graphnet.compiler.liveness import lifetimes
from graphnet.compiler.ops.arithmetic import Advance, Copy
from graphnet.compiler.planning.placement import gradient_positions, gradient_reader


def separate_results(graph: Graph) -> Graph:
    """The graph with copies where they are needed; the very same object if nowhere."""
    return _advance_late(_own_gradients(_keep_old(graph)))


def _keep_old(graph: Graph) -> Graph:
    """Copies the old weights and states that are still needed after the new ones were written over them."""
    lives, ends = lifetimes(graph.nodes, graph.kept), _overwrites(graph)
    b = Builder(graph.name, graph)
    copies = {}
    for item in _moving(graph):
        if item.value in lives and lives[item.value].last > ends[item.value]:
            with b.at(item.origin):
                copies[item.value] = b.add(Copy(), item.value)
    if not copies:
        return graph

    def source(value: int, time: int) -> int:
        return copies[value] if value in copies and time > ends[value] else value

    nodes = []
    for index, node in enumerate(graph.nodes):
        time = lives[node.outputs[0]].last if node.op.view else index
        nodes.append(replace(node, inputs=tuple(source(v, time) for v in node.inputs)))
    b.nodes = [*b.nodes[len(graph.nodes):], *nodes]
    for item in _moving(graph):
        b.advance(item.value, copies.get(item.next, item.next))  # type: ignore[arg-type]
    return b.build([replace(o, value=copies.get(o.value, o.value)) for o in graph.outputs])


def _moving(graph: Graph) -> list[Parameter | State]:
    """The weights and states that the graph changes."""
    return [item for item in graph.variables if item.next not in (None, item.value)]


def _overwrites(graph: Graph) -> dict[int, int]:
    """The number of the node that writes over each changing weight or state; of the last, if that is done after it."""
    sources = {item.value: item.value for item in _moving(graph)}
    ends = dict.fromkeys(sources, len(graph.nodes) - 1)
    for index, node in enumerate(graph.nodes):
        if node.op.view and node.inputs[0] in sources:
            sources[node.outputs[0]] = sources[node.inputs[0]]
        for position in node.op.advances().values():
            old = sources.get(node.inputs[position])
            if old is not None:
                ends[old] = min(ends[old], index)
    return ends


def _own_gradients(graph: Graph) -> Graph:
    """Copies the gradients that no node can write straight into the gradient buffer, or that others ask for too."""
    reader = gradient_reader(graph)
    if reader is None:
        return graph
    b, seen, inputs = Builder(graph.name, graph), set(), list(reader.inputs)
    for position in gradient_positions(reader):
        value = inputs[position]
        maker = graph.producers.get(value)
        if maker is None or maker.op.view or value in seen or value in graph.kept:
            with b.at(reader.origin, UPDATE):
                inputs[position] = b.add(Copy(), value)
        seen.add(value)
    at = graph.nodes.index(reader)
    copies = b.nodes[len(graph.nodes):]
    if not copies:
        return graph
    b.nodes = [*graph.nodes[:at], *copies, replace(reader, inputs=tuple(inputs)), *graph.nodes[at + 1:]]
    return b.build(graph.outputs)


def _advance_late(graph: Graph) -> Graph:
    """Copies each new weight and state that no node writes over the old one there, at the end of the step."""
    done = {node.outputs[index] for node in graph.nodes for index in node.op.advances()}
    late = [item for item in _moving(graph) if item.next not in done]
    if not late:
        return graph
    b = Builder(graph.name, graph)
    for item in late:
        with b.at(item.origin, UPDATE):
            b.advance(item.value, b.add(Advance(), item.value, item.next))  # type: ignore[arg-type]
    return b.build(graph.outputs)
