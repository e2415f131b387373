"""Moves max pooling before the bias and the ReLU that it follows, where they work on fewer elements."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Node
from graphnet.compiler.op import Op
from graphnet.compiler.ops.activations import Relu
from graphnet.compiler.ops.linear import BiasAdd
from graphnet.compiler.ops.pooling import MaxPool2d
from graphnet.compiler.passes.base import Decision, Pass

MONOTONE: tuple[type[Op], ...] = (Relu, BiasAdd)


@dataclass(frozen=True)
class HoistPooling(Pass):
    """max_pool(relu(x + b)) becomes relu(max_pool(x) + b).

    Exact: rounding keeps order, so adding one number to all elements of a window and cutting at 0 leave a largest
    element a largest one, and the result is the same number. Runs before differentiation, so that the gradients are
    those of the new form. They differ only where adding the bias rounded two elements of a window to one number: then
    the larger one takes the gradient, not the first.
    """

    name = "hoist_pooling"
    purpose = "Pools before bias and ReLU instead of after them, so that those work on fewer elements."

    def run(self, graph: Graph) -> Graph:
        """Moves every pooling as far up as it goes."""
        chains = {id(node): chain for node in graph.nodes
                  if isinstance(node.op, MaxPool2d) and (chain := _chain_before(graph, node))}
        if not chains:
            return graph
        moved = {id(node) for chain in chains.values() for node in chain}
        b = Builder(graph.name, graph)
        b.nodes = []
        for node in graph.nodes:
            if id(node) in chains:
                _emit_hoisted(b, node, chains[id(node)])
            elif id(node) not in moved:
                b.nodes.append(node)
        return replace(graph, types=b.types).with_nodes(tuple(b.nodes))

    def decisions(self, graph: Graph) -> list[Decision]:
        """Which nodes each pooling moves before, and why it stops where it does."""
        found: list[Decision] = []
        for pool in graph.nodes:
            if not isinstance(pool.op, MaxPool2d):
                continue
            chain = _chain_before(graph, pool)
            found += [Decision(node, pool, done="the pooling moved before it") for node in chain]
            value = (chain[0] if chain else pool).inputs[0]
            if maker := graph.producers.get(value):
                found.append(Decision(maker, pool, _refusal(graph, maker, value)))
        return found


def _chain_before(graph: Graph, pool: Node) -> list[Node]:
    """The monotone nodes that nobody but the next one reads, in order, right before the pooling."""
    chain: list[Node] = []
    value = pool.inputs[0]
    while (maker := graph.producers.get(value)) and not _refusal(graph, maker, value):
        chain.append(maker)
        value = maker.inputs[0]
    return chain[::-1]


def _refusal(graph: Graph, node: Node, value: int) -> str:
    """Why pooling cannot move before the node that makes `value`, in words; "" if it can."""
    if not isinstance(node.op, MONOTONE):
        return f"pooling moves only before {' and '.join(op.name for op in MONOTONE)}, which keep order bit for bit"
    if value in graph.kept:
        return f"%{value} is an output or a new state, so it must be kept as it is"
    if len(graph.uses[value]) > 1:
        return f"%{value} is also read by other nodes than the pooling"
    if isinstance(node.op, BiasAdd) and node.op.axis % graph.types[value].rank != 1:
        return "the bias is not one number a channel, so the elements of a window get different numbers"
    return ""


def _emit_hoisted(b: Builder, pool: Node, chain: list[Node]) -> None:
    """The pooling first, then the chain; the last result keeps its id."""
    with b.at(pool.origin, pool.phase):
        value = b.add(pool.op, chain[0].inputs[0])
    for node in chain[:-1]:
        with b.at(node.origin, node.phase):
            value = b.add(node.op, value, *node.inputs[1:])
    last = chain[-1]
    b.nodes.append(replace(last, inputs=(value, *last.inputs[1:]), outputs=pool.outputs))
