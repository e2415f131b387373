"""What the text of every graph promises: read back, it is the same graph and computes the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphnet.compiler.inspect.verify import evaluate
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph, Input, Node, Origin, Output
from graphnet.compiler.ops import Fused
from graphnet.compiler.parsing import parse_graph
from graphnet.compiler.types import Array


def check_text(graph: Graph) -> Graph:
    """The graph as read from its text, which is equal to it in all that the text tells."""
    read = parse_graph(graph.text)
    assert read.text == graph.text
    assert read.digest == graph.digest
    assert as_told(read) == as_told(graph)
    return read


def check_same_numbers(graph: Graph, feeds: dict[str, Array] | None = None) -> None:
    """The graph that is read from the text makes the same bits of the same feeds, in every value."""
    read = check_text(graph)
    with np.errstate(all="ignore"):
        old, new = (evaluate(g) if feeds is None else interpret(g, feeds) for g in (graph, read))
    assert old.keys() == new.keys()
    for value, array in old.items():
        assert (array.dtype, array.shape) == (new[value].dtype, new[value].shape)
        assert array.tobytes() == new[value].tobytes(), f"%{value}"


def as_told(graph: Graph) -> str:
    """The graph without what its text does not tell (source lines, the names within fused bodies), as Python's repr.

    That tells 0.0, -0.0 and 0 apart, and nan is nan.
    """
    inputs, parameters, states = ([replace(item, origin=Origin()) for item in items]
                                  for items in (graph.inputs, graph.parameters, graph.states))
    nodes = [replace(_bare(node), origin=Origin(node.origin.layer)) for node in graph.nodes]
    bodies = [(body.inputs, body.nodes, body.outputs, sorted(body.types.items())) for body in (
        node.op.body for node in nodes if isinstance(node.op, Fused))]  # in the repr of a node it is short
    return repr((graph.name, inputs, parameters, states, nodes, bodies, graph.outputs, graph.penalties,
                 sorted(graph.types.items())))


def _bare(node: Node) -> Node:
    if not isinstance(node.op, Fused):
        return node
    body = node.op.body
    places = {value: place for place, value in enumerate(
        [*(i.value for i in body.inputs), *(v for inner in body.nodes for v in inner.outputs)])}
    nodes = tuple(Node(inner.op, tuple(places[v] for v in inner.inputs), tuple(places[v] for v in inner.outputs))
                  for inner in body.nodes)
    return replace(node, op=Fused(Graph(
        "", tuple(Input(places[i.value], f"x{n}") for n, i in enumerate(body.inputs)), (), (), nodes,
        tuple(Output(f"y{n}", places[o.value]) for n, o in enumerate(body.outputs)),
        dict(sorted((places[value], t) for value, t in body.types.items())))))
