"""Computes a cross-entropy from logits where the graph computes it from their softmax or sigmoid."""

from __future__ import annotations

from dataclasses import dataclass

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Node
from graphnet.compiler.ops.activations import Sigmoid
from graphnet.compiler.ops.binary_cross_entropy import BinaryCrossEntropy, SigmoidCrossEntropy
from graphnet.compiler.ops.cross_entropy import CrossEntropy
from graphnet.compiler.ops.losses import SoftmaxCrossEntropy
from graphnet.compiler.ops.softmax import Softmax
from graphnet.compiler.passes.base import Decision, Pass
from graphnet.compiler.rewrite import rename_values


@dataclass(frozen=True)
class StabilizeCrossEntropy(Pass):
    """softmax → cross_entropy becomes softmax_cross_entropy, sigmoid → binary_cross_entropy sigmoid_cross_entropy.

    A probability that rounds to 0 or 1 has lost what its logit knew: the loss is cut off there and its gradient is 0.
    From logits both are exact (Goodfellow, Bengio and Courville, Deep Learning, sections 4.1 and 6.2.2). This stands
    before differentiation, so the backward graph is the stable one too, softmax - label. Whoever else reads the
    probabilities still does.
    """

    name = "stabilize_cross_entropy"
    exact = False

    def run(self, graph: Graph) -> Graph:
        """Replaces every cross-entropy that can take logits."""
        logits = {id(d.consumer): d.producer.inputs[0] for d in self.decisions(graph) if not d.refusal}
        if not logits:
            return graph
        b = Builder(graph.name, graph)
        b.nodes, names = [], {}
        for node in graph.nodes:
            if id(node) not in logits:
                b.nodes.append(node)
                continue
            with b.at(node.origin, node.phase):
                names[node.outputs[0]] = _emit(b, node, logits[id(node)])
        built = b.build(graph.outputs)
        return rename_values(built, built.nodes, names)

    def decisions(self, graph: Graph) -> list[Decision]:
        """Each cross-entropy behind a softmax or sigmoid."""
        found = []
        for node in graph.nodes:
            maker = graph.producers.get(node.inputs[0]) if node.inputs else None
            if maker is not None and _is_pair(maker, node):
                found.append(Decision(maker, node, _refusal(graph, maker, node), "computed from the logits"))
        return found


def _is_pair(maker: Node, node: Node) -> bool:
    return ((isinstance(node.op, CrossEntropy) and isinstance(maker.op, Softmax))
            or (isinstance(node.op, BinaryCrossEntropy) and isinstance(maker.op, Sigmoid)))


def _refusal(graph: Graph, maker: Node, node: Node) -> str:
    last = graph.types[node.inputs[0]].rank - 1
    if isinstance(maker.op, Softmax) and maker.op.axis not in (-1, last):
        return f"the softmax is over axis {maker.op.axis}, the cross-entropy over the last one, {last}"
    if any(maker.outputs[0] in other.inputs and other.phase != node.phase for other in graph.nodes):
        return "its gradient is already there; this pass stands before differentiation"
    return ""


def _emit(b: Builder, node: Node, logits: int) -> int:
    """The stable form of a cross-entropy; returns the id of the loss."""
    if isinstance(node.op, BinaryCrossEntropy):
        return b.add(SigmoidCrossEntropy(node.op.weights), logits, node.inputs[1])
    return b.apply(SoftmaxCrossEntropy(), logits, node.inputs[1])[0]
