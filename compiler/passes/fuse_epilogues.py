"""Fuses a root with the element-wise nodes that follow it, and element-wise chains with the sums over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from graphnet.compiler.ir import FORWARD, Graph, Input, Node, Output
from graphnet.compiler.op import Op
from graphnet.compiler.ops.convolution import Conv2d
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.ops.linear import MatMul
from graphnet.compiler.ops.pooling import MaxPool2d
from graphnet.compiler.ops.reduction import Reduction
from graphnet.compiler.passes.base import Decision, Pass

ROOTS: tuple[type[Op], ...] = (Conv2d, MatMul, MaxPool2d)
POOLED = MaxPool2d((2, 2), (2, 2))
"""The pooling that may join a convolution."""
TAKEN = "the node that reads it is fused with the one that makes its other input"


@dataclass(frozen=True)
class FuseEpilogues(Pass):
    """Makes one `fused` node of a root and the chain of element-wise nodes after it, and of the sums of an element-wise
    chain over some axes (such as the gradient of a bias, where g · [y > 0] is summed while it is in the cache).

    A root is a convolution, matrix product or max pooling of the forward phase, or any element-wise node. (A backward
    product is no root: what would join it reads kept activations, which then could not be given up or computed again
    in between.)

    A value that anybody else needs ends the chain, so nothing that was asked for is lost and nothing is computed twice.
    What the chain makes stays an output of the fused node if anybody but the sums needs it.

    Attributes:
        roots: see above.
        pools: whether max pooling over windows of 2 × 2 joins a convolution right before it, so that only the greatest
            sums are stored: for backends whose kernels can do that.
    """

    roots: tuple[type[Op], ...] = ROOTS
    pools: bool = False

    name = "fuse_epilogues"
    purpose = "Joins a node with the element-wise ones behind it, so that values between them stay in the cache."

    def run(self, graph: Graph) -> Graph:
        """Fuses every chain."""
        found = [(chain, _sums(graph, chain)) for chain in self._chains(graph)]
        groups = {id(chain[-1]): (chain, sums) for chain, sums in found if len(chain) > 1 or sums}
        if not groups:
            return graph
        members = {id(node) for chain, sums in groups.values() for node in (*chain, *sums)}
        nodes = [_fuse(graph, *groups[id(node)]) if id(node) in groups else node
                 for node in graph.nodes if id(node) in groups or id(node) not in members]
        return graph.with_nodes(tuple(nodes))

    def decisions(self, graph: Graph) -> list[Decision]:
        """What is fused and what is not, and the reason, for each node and each node that reads it."""
        found = [Decision(node, user, self._no_root(node)) for node in graph.nodes if self._no_root(node)
                 for value in node.outputs for user in graph.uses.get(value, ())]
        for chain in self._chains(graph):
            found += [Decision(a, b) for a, b in pairwise(chain)]
            sums = _sums(graph, chain)
            found += [Decision(chain[-1], user, "" if user in sums else self._refusal(graph, chain[-1], user) or TAKEN)
                      for user in graph.uses.get(chain[-1].outputs[0], ())]
        return found

    def _chains(self, graph: Graph) -> list[list[Node]]:
        """The chain of each root, in order; of one node where nothing can join it."""
        chains, taken = [], set[int]()
        for node in graph.nodes:
            if id(node) not in taken and not self._no_root(node):
                chains.append(self._chain(graph, node, taken))
        return chains

    def _chain(self, graph: Graph, root: Node, taken: set[int]) -> list[Node]:
        chain = [root]
        while users := graph.uses.get(chain[-1].outputs[0], ()):
            if id(users[0]) in taken or self._refusal(graph, chain[-1], users[0]):
                break
            chain.append(users[0])
        taken.update(map(id, chain))
        return chain

    def _refusal(self, graph: Graph, producer: Node, consumer: Node) -> str | None:
        """Why `consumer` cannot join the node before it, in words; None if it can."""
        if self.pools and isinstance(producer.op, Conv2d) and consumer.op == POOLED:
            return _kept(graph, producer, consumer) or (
                None if producer.phase == consumer.phase else _phases(producer, consumer))
        return refusal(graph, producer, consumer)

    def _no_root(self, node: Node) -> str:
        """Why no fusion begins at a node, in words; "" if one may."""
        name = node.op.name
        if len(node.outputs) > 1:
            return f"no fusion begins at {name}: it makes {len(node.outputs)} values"
        if node.op.elementwise or (isinstance(node.op, self.roots) and node.phase == FORWARD):
            return ""
        if isinstance(node.op, self.roots):
            return f"no fusion begins at {name} in the {node.phase} phase: what would join it reads kept activations"
        roots = ", ".join(op.name for op in self.roots)
        return f"no fusion begins at {name}: it is neither element-wise nor one of {roots}"


def _sums(graph: Graph, chain: Sequence[Node]) -> list[Node]:
    """The sums of what an element-wise chain makes, which are taken on the way."""
    last = chain[-1]
    value = last.outputs[0]
    if not chain[0].op.elementwise or not graph.types[value].is_float:
        return []
    return [node for node in graph.uses.get(value, ()) if isinstance(node.op, Reduction) and node.phase == last.phase]


def refusal(graph: Graph, producer: Node, consumer: Node) -> str | None:
    """Why `consumer` cannot work in place on what the node before it makes, in words; None if it can."""
    value, op = producer.outputs[0], consumer.op
    if isinstance(op, Reduction):
        return _no_sum(graph, producer, consumer)
    if len(consumer.outputs) > 1:
        return f"{op.name} makes {len(consumer.outputs)} values"
    if not op.elementwise:
        return f"{op.name} is not element-wise: it does not make each element of the one at its own place"
    if needed := _kept(graph, producer, consumer):
        return needed
    if consumer.inputs.count(value) > 1:
        return f"{op.name} reads %{value} twice, and would write over it at the first"
    if not (consumer.inputs[0] == value or op.commutative):
        return f"{op.name} reads %{value} as a side input, not as the one it transforms"
    if 0 not in op.inplace:
        return f"{op.name} cannot write over the value it transforms"
    if consumer.phase != producer.phase:
        return _phases(producer, consumer)
    if graph.types[consumer.outputs[0]] != graph.types[value]:
        return f"{op.name} changes the type"
    return None


def _kept(graph: Graph, producer: Node, consumer: Node) -> str | None:
    """Who needs what a node makes besides `consumer`, in words; None if nobody does."""
    value = producer.outputs[0]
    if value in graph.kept:
        return f"%{value} is an output or a new state, so it must be kept as it is"
    others = [node for node in graph.uses[value] if node is not consumer]
    return f"%{value} is also read by {others[0].op.name} of {others[0].origin}" if others else None


def _no_sum(graph: Graph, producer: Node, consumer: Node) -> str:
    """Why the sum `consumer` is not taken on the way of the chain before it, in words."""
    value = producer.outputs[0]
    if consumer.phase != producer.phase:
        return _phases(producer, consumer)
    if not graph.types[value].is_float:
        return f"sums are taken on the way of floats only, and %{value} is {graph.types[value].dtype}"
    return "sums are taken on the way of a chain that begins element-wise, not behind another root"


def _phases(producer: Node, consumer: Node) -> str:
    return f"{consumer.op.name} runs in the {consumer.phase} phase, {producer.op.name} in {producer.phase}"


def _fuse(graph: Graph, chain: Sequence[Node], sums: Sequence[Node]) -> Node:
    chain = [chain[0], *(_transforming(node, before.outputs[0]) for before, node in pairwise(chain))]
    nodes = [*chain, *sums]
    inner = {value for node in nodes for value in node.outputs}
    outer = list(dict.fromkeys(v for node in nodes for v in node.inputs if v not in inner))
    made = chain[-1].outputs[0]
    given = [node.outputs[0] for node in sums]
    if made in graph.kept or len(graph.uses.get(made, ())) > len(sums):
        given.insert(0, made)
    # The body counts its values from 0, so that equal bodies are equal whatever graph they come from.
    local = {v: i for i, v in enumerate([*outer, *(v for node in nodes for v in node.outputs)])}
    body = Graph(
        "+".join(node.op.name for node in nodes),
        tuple(Input(local[v], f"x{i}") for i, v in enumerate(outer)), (), (),
        tuple(Node(node.op, tuple(local[v] for v in node.inputs), tuple(local[v] for v in node.outputs), node.origin,
                   node.phase) for node in nodes),
        tuple(Output(f"y{i}", local[v]) for i, v in enumerate(given)),
        {i: graph.types[v] for v, i in local.items()},
    )
    return Node(Fused(body), tuple(outer), tuple(given), chain[0].origin, chain[-1].phase)


def _transforming(node: Node, value: int) -> Node:
    """The node with `value` as its first input; only operands that may change places do."""
    if node.inputs[0] == value:
        return node
    return replace(node, inputs=(value, *(v for v in node.inputs if v != value)))
