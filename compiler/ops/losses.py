"""Losses that need an op of their own for numerical stability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Ranges, Types, f, f64
from graphnet.compiler.ops.operands import check_floats, check_some
from graphnet.compiler.types import Array, TensorType, format_shape

__all__ = ["SoftmaxCrossEntropy", "SoftmaxCrossEntropyGrad"]


def check_labels(logits: TensorType, labels: TensorType, owner: str) -> None:
    """Refuses labels that are neither class numbers (…) nor rows of probabilities (…, classes).

    Raises:
        ShapeError: they do not fit the logits (…, classes).
    """
    check_floats(owner, logits)
    if logits.rank < 2:
        raise ShapeError(f"{owner} needs predictions (N, classes), got {format_shape(logits.shape)}")
    check_some(owner, "class", logits, logits.shape[-1])
    if labels.dtype == "bool":
        raise ShapeError(f"{owner} takes class numbers or rows of probabilities as labels, got bool")
    expected = logits.shape if labels.is_float else logits.shape[:-1]
    if labels.shape != expected:
        raise ShapeError(f"{owner} of predictions {format_shape(logits.shape)} takes integer labels "
                         f"{format_shape(logits.shape[:-1])} or one-hot rows {format_shape(logits.shape)}, got "
                         f"{labels.dtype} {format_shape(labels.shape)}",
                         "feed one class number, or one row of probabilities, for each prediction")
    if labels.is_float and labels.dtype != logits.dtype:
        raise ShapeError(f"{owner} needs one-hot rows of the dtype of the predictions, {logits.dtype}, "
                         f"got {labels.dtype}")


def class_range(position: int, predictions: TensorType, labels: TensorType) -> Ranges:
    """Labels at this position that are class numbers name one of the classes of predictions (…, classes)."""
    classes = predictions.shape[-1]
    return {} if labels.is_float or not isinstance(classes, int) else {position: (0, classes - 1)}


def as_rows(labels: Array, like: Array) -> Array:
    """Class numbers (…) as one-hot rows (…, classes); rows stay as they are."""
    if labels.ndim == like.ndim:
        return labels
    rows: Array = (labels[..., None] == np.arange(like.shape[-1])).astype(like.dtype)
    return rows


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Op):
    """l = -Σ_i t_i log softmax(z)_i over the last axis, computed from the logits z without forming the softmax's log.

    log softmax(z)_i = z_i - max z - log Σ_j exp(z_j - max z) (Goodfellow, Bengio and Courville, Deep Learning,
    section 6.2.2.3). The softmax is a second output, which the gradient uses.

    Shapes: z (…, C), labels t (…) of class numbers or (…, C) of probabilities; l (…), softmax (…, C).
    """

    name = "softmax_cross_entropy"
    separable: ClassVar[bool] = True
    inplace = (0,)
    inplace_output = 1
    auxiliary: ClassVar[tuple[int, ...]] = (1,)
    constants: ClassVar[tuple[int, ...]] = (1,)

    def infer(self, logits: TensorType, labels: TensorType) -> Types:
        check_labels(logits, labels, "SoftmaxCrossEntropy")
        return logits.with_shape(logits.shape[:-1]), logits

    def forward(self, logits: Array, labels: Array) -> tuple[Array, ...]:
        shifted = logits - logits.max(-1, keepdims=True)
        e = np.exp(shifted)
        total = e.sum(-1, keepdims=True)
        log_softmax = shifted - np.log(total)
        return -(as_rows(labels, logits) * log_softmax).sum(-1), e / total

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        grad = grads[0]
        return (None if grad is None else b.add(SoftmaxCrossEntropyGrad(), grad, outputs[1], inputs[1])), None

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 6 * inputs[0].size

    def index_ranges(self, *types: TensorType) -> Ranges:
        return class_range(1, *types)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4), f("int64", 3)), low=-3, high=3),
                Example(cls(), (f64(3, 4), f64(3, 4)), low=0.1, high=1),
                Example(cls(), (f64(2, 3, 5), f("int64", 2, 3)), low=-3, high=3))


@dataclass(frozen=True)
class SoftmaxCrossEntropyGrad(Op):
    """dL/dz = dL/dl · (softmax(z) Σ t - t), which for labels that sum to 1 is dL/dl · (softmax(z) - t).

    Shapes: g (…), softmax (…, C), labels (…) or (…, C); result (…, C).
    """

    name = "softmax_cross_entropy_grad"
    separable: ClassVar[bool] = True
    inplace = (1,)
    differentiable = False

    def infer(self, g: TensorType, softmax: TensorType, labels: TensorType) -> Types:
        check_floats(self.name, g, softmax)
        check_labels(softmax, labels, self.name)
        if g.shape != softmax.shape[:-1]:
            raise ShapeError(f"{self.name} needs a gradient {format_shape(softmax.shape[:-1])}, "
                             f"got {format_shape(g.shape)}")
        return (softmax,)

    def forward(self, g: Array, softmax: Array, labels: Array) -> tuple[Array, ...]:
        rows = as_rows(labels, softmax)
        return (g[..., None] * (softmax * rows.sum(-1, keepdims=True) - rows),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * outputs[0].size

    def index_ranges(self, *types: TensorType) -> Ranges:
        return class_range(2, *types[1:])

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3), f64(3, 4), f("int64", 3))), Example(cls(), (f64(3), f64(3, 4), f64(3, 4))))
