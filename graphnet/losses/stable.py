"""Cross-entropies of probabilities, computed from the logits where the graph makes the probabilities of logits.

A probability that rounds to 0 or 1 has lost what its logit knew: the loss is cut off there and its gradient is 0. From
logits both are exact (Goodfellow, Bengio and Courville, Deep Learning, sections 4.1 and 6.2.2). This is what the losses
mean, with and without optimisation, so it belongs to them and to no pass.
"""

from __future__ import annotations

from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Node
from graphnet.compiler.op import Op


def cross_entropy(b: Builder, prediction: int, label: int) -> int:
    """Adds -Σ_i t_i log p_i of rows (…, C) and returns its id: from the logits behind a softmax over the last axis."""
    logits = _logits(b, prediction, ops.Softmax)
    if logits is None:
        return b.add(ops.CrossEntropy(), prediction, label)
    return b.apply(ops.SoftmaxCrossEntropy(), logits, label)[0]


def binary_cross_entropy(b: Builder, prediction: int, label: int, weights: tuple[float, float]) -> int:
    """Adds -w₁ t log p - w₀ (1 - t) log(1 - p) of each element and returns its id: from the logits behind a sigmoid."""
    logits = _logits(b, prediction, ops.Sigmoid)
    if logits is None:
        return b.add(ops.BinaryCrossEntropy(weights), prediction, label)
    return b.add(ops.SigmoidCrossEntropy(weights), logits, label)


def _logits(b: Builder, prediction: int, end: type[Op]) -> int | None:
    """What an op of the class `end` makes the prediction of, moved as its result is moved since; None without one."""
    makers = {value: node for node in b.nodes for value in node.outputs}
    moves: list[Op] = []
    node = makers.get(prediction)
    while node is not None and _commutes(b, node, end):
        moves.append(node.op)
        node = makers.get(node.inputs[0])
    if node is None or not isinstance(node.op, end) or not _is_over_rows(b, node):
        return None
    (logits,) = node.inputs
    for op in reversed(moves):
        logits = b.add(op, logits)
    return logits


def _commutes(b: Builder, node: Node, end: type[Op]) -> bool:
    """Whether a node only moves elements, and for a softmax only whole rows."""
    if not node.op.rearranging or len(node.inputs) != 1:
        return False
    before, after = (b.types[value].shape for value in (*node.inputs, *node.outputs))
    whole_rows = isinstance(node.op, ops.Reshape | ops.Copy) and before[-1:] == after[-1:]
    return whole_rows or end is ops.Sigmoid


def _is_over_rows(b: Builder, node: Node) -> bool:
    return not isinstance(node.op, ops.Softmax) or node.op.axis in (-1, b.types[node.inputs[0]].rank - 1)
