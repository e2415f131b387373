"""What every pass promises: the numbers stay, and a second run changes nothing."""

from __future__ import annotations

import zlib
from textwrap import dedent

import numpy as np

from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph
from graphnet.compiler.passes.base import Pass
from graphnet.compiler.rewrite import bind_graph, check_graph
from graphnet.compiler.types import Array


def text(golden: str) -> str:
    """The text form of a graph, as it is written indented in a test."""
    return dedent(golden).lstrip("\n")


def results(graph: Graph, seed: int = 0, batch: int = 3) -> dict[str, Array]:
    """Outputs and next values of a graph for random feeds, by name; a name has the same feed in every graph."""
    graph = bind_graph(graph, {"N": batch})
    feeds = {}
    for item in (*graph.inputs, *graph.parameters, *graph.states):
        t, rng = graph.types[item.value], np.random.default_rng([seed, zlib.crc32(item.name.encode())])
        feeds[item.name] = np.asarray(
            rng.standard_normal(t.shape) if t.is_float else rng.integers(1, 3, t.shape)).astype(t.dtype)
    values = interpret(graph, feeds)
    found = {o.name: values[o.value] for o in graph.outputs}
    return found | {f"next {item.name}": values[item.next] for item in (*graph.parameters, *graph.states)
                    if item.next is not None}


def check_numbers(before: Graph, after: Graph) -> None:
    """Every result that both graphs have is the same, bit for bit."""
    check_graph(after)
    old, new = results(before), results(after)
    shared = old.keys() & new.keys()
    assert shared, "the graphs have no result in common"
    for name in shared:
        np.testing.assert_array_equal(new[name], old[name], name)


def check_settled(step: Pass, graph: Graph) -> Graph:
    """The graph after the pass; running the pass on it again gives the very same object."""
    after = step.run(graph)
    assert after is not graph, "the pass changed nothing"
    assert step.run(after) is after, "the pass changed the graph again"
    return after
