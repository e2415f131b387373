"""Fuses a root with the element-wise nodes that follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from graphnet.compiler.ir import BACKWARD, FORWARD, Graph, Input, Node, Output
from graphnet.compiler.op import Op
from graphnet.compiler.ops.convolution import Conv2d, Conv2dGradInput
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.ops.linear import MatMul
from graphnet.compiler.ops.pooling import MaxPool2d
from graphnet.compiler.passes.base import Decision, Pass

ROOTS: tuple[type[Op], ...] = (Conv2d, Conv2dGradInput, MatMul, MaxPool2d)


@dataclass(frozen=True)
class FuseEpilogues(Pass):
    """Makes one `fused` node of a convolution or matrix product and the chain of element-wise nodes after it.

    A value that anybody else needs ends the chain, so nothing that was asked for is lost and nothing is computed twice.
    """

    roots: tuple[type[Op], ...] = ROOTS
    phases: tuple[str, ...] = (FORWARD, BACKWARD)

    name = "fuse_epilogues"

    def run(self, graph: Graph) -> Graph:
        """Fuses every chain."""
        chains = {id(chain[-1]): chain for chain in self._chains(graph)}
        if not chains:
            return graph
        members = {id(node) for chain in chains.values() for node in chain}
        nodes = [_fuse(graph, chains[id(node)]) if id(node) in chains else node
                 for node in graph.nodes if id(node) in chains or id(node) not in members]
        return graph.with_nodes(tuple(nodes))

    def decisions(self, graph: Graph) -> list[Decision]:
        """What is fused and what is not, and the reason, for each root and each node that reads it."""
        found: list[Decision] = []
        for node in graph.nodes:
            if isinstance(node.op, self.roots):
                chain = self._chain(graph, node)
                found += [Decision(a, b) for a, b in pairwise(chain)]
                found += [Decision(chain[-1], user, refusal(graph, chain[-1], user) or "")
                          for user in graph.uses.get(chain[-1].outputs[0], ())]
        return found

    def _chains(self, graph: Graph) -> list[list[Node]]:
        chains = (self._chain(graph, node) for node in graph.nodes
                  if isinstance(node.op, self.roots) and node.phase in self.phases)
        return [chain for chain in chains if len(chain) > 1]

    def _chain(self, graph: Graph, root: Node) -> list[Node]:
        chain = [root]
        while users := graph.uses.get(chain[-1].outputs[0], ()):
            if refusal(graph, chain[-1], users[0]):
                break
            chain.append(users[0])
        return chain


def refusal(graph: Graph, producer: Node, consumer: Node) -> str | None:
    """Why `consumer` cannot join the node before it, in words; None if it can."""
    value = producer.outputs[0]
    if not consumer.op.elementwise:
        return f"{consumer.op.name} is not element-wise: it reads more than one element for each it makes"
    if value in graph.kept:
        return f"%{value} is an output or a new state, so it must be kept as it is"
    others = [node for node in graph.uses[value] if node is not consumer]
    if others:
        return f"%{value} is also read by {others[0].op.name} of {others[0].origin}"
    if consumer.inputs[0] != value or value in consumer.inputs[1:]:
        return f"{consumer.op.name} reads %{value} as a side input, not as the one it transforms"
    if consumer.phase != producer.phase:
        return f"{consumer.op.name} runs in the {consumer.phase} phase, {producer.op.name} in {producer.phase}"
    if graph.types[consumer.outputs[0]] != graph.types[value]:
        return f"{consumer.op.name} changes the type"
    return None


def _fuse(graph: Graph, chain: Sequence[Node]) -> Node:
    inner = {value for node in chain for value in node.outputs}
    outer = list(dict.fromkeys(v for node in chain for v in node.inputs if v not in inner))
    last = chain[-1]
    # The body counts its values from 0, so that equal bodies are equal whatever graph they come from.
    local = {v: i for i, v in enumerate([*outer, *(v for node in chain for v in node.outputs)])}
    body = Graph(
        "+".join(node.op.name for node in chain),
        tuple(Input(local[v], f"x{i}") for i, v in enumerate(outer)), (), (),
        tuple(Node(node.op, tuple(local[v] for v in node.inputs), tuple(local[v] for v in node.outputs), node.origin,
                   node.phase) for node in chain),
        (Output("y", local[last.outputs[0]]),),
        {i: graph.types[v] for v, i in local.items()},
    )
    origin = chain[0].origin
    return Node(Fused(body), tuple(outer), last.outputs, origin, last.phase)
