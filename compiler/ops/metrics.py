"""Statistics that metrics are computed from. They add up over batches, so that a metric is exact over a whole set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Op, Ranges, Types, f, f64
from graphnet.compiler.ops.losses import check_labels, class_range
from graphnet.compiler.ops.operands import same_floats
from graphnet.compiler.types import Array, TensorType, known

__all__ = ["AddUp", "CountCorrect", "CountDecisions", "CountPairs"]


@dataclass(frozen=True)
class Statistic(Op):
    """Numbers about a batch, float64, of a shape without the batch; the numbers of two batches add up."""

    statistic: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size


@dataclass(frozen=True)
class CountCorrect(Statistic):
    """Σ [the label is among the k classes with the largest p], and the number of predictions p.

    Of equal elements the first counts as larger; so k = 1 is Σ [argmax p = label]. A prediction that is NaN counts as
    larger than all and is never right.

    Shapes: predictions (…, C), labels (…) of class numbers or (…, C), whose largest element counts;
    result (2,) float64: correct, all.
    """

    k: int = 1

    name = "count_correct"

    def __post_init__(self) -> None:
        self.check(type(self.k) is int and self.k >= 1, "k", "it must be a whole number ≥ 1")

    def infer(self, predictions: TensorType, labels: TensorType) -> Types:
        check_labels(predictions, labels, "accuracy")
        return (TensorType("float64", (2,)),)

    def forward(self, predictions: Array, labels: Array) -> tuple[Array, ...]:
        classes = as_classes(labels, predictions)[..., None]
        scores = np.take_along_axis(predictions, classes, -1)
        earlier = np.arange(predictions.shape[-1]) < classes
        ahead = (~(predictions <= scores) | (predictions == scores) & earlier).sum(-1)  # NaN is ahead of all
        return (np.array([(ahead < self.k).sum(), ahead.size], np.float64),)

    def index_ranges(self, *types: TensorType) -> Ranges:
        return class_range(1, *types)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(7, 4), f("int64", 7)), high=4), Example(cls(), (f64(7, 4), f64(7, 4))),
                Example(cls(3), (f64(2, 7, 5), f("int64", 2, 7)), high=5))


@dataclass(frozen=True)
class CountPairs(Statistic):
    """The confusion matrix: y[a, b] = Σ [the label is a and argmax p is b].

    Shapes: predictions (…, C), labels (…) of class numbers or (…, C), whose largest element counts; y (C, C) float64.
    """

    name = "count_pairs"

    def infer(self, predictions: TensorType, labels: TensorType) -> Types:
        check_labels(predictions, labels, "the confusion matrix")
        classes = known(predictions.shape[-1], "the number of classes")
        return (TensorType("float64", (classes, classes)),)

    def forward(self, predictions: Array, labels: Array) -> tuple[Array, ...]:
        size = predictions.shape[-1]
        cells = as_classes(labels, predictions).astype(np.int64) * size + predictions.argmax(-1)
        return (np.bincount(cells.ravel(), minlength=size * size).reshape(size, size).astype(np.float64),)

    def index_ranges(self, *types: TensorType) -> Ranges:
        return class_range(1, *types)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(7, 4), f("int64", 7)), high=4), Example(cls(), (f64(7, 4), f64(7, 4))))


@dataclass(frozen=True)
class CountDecisions(Statistic):
    """The confusion matrix of yes-or-no decisions: y[a, b] = Σ [[t ≥ 1/2] = a and [p > threshold] = b].

    Shapes: predictions p and labels t alike; y (2, 2) float64: true no, false yes; false no, true yes.
    """

    threshold: float = 0.5

    name = "count_decisions"

    def infer(self, predictions: TensorType, labels: TensorType) -> Types:
        same_floats("a count of decisions", predictions, labels)
        return (TensorType("float64", (2, 2)),)

    def forward(self, predictions: Array, labels: Array) -> tuple[Array, ...]:
        cells = 2 * (labels >= 0.5).astype(np.int64) + (predictions > self.threshold)
        return (np.bincount(cells.ravel(), minlength=4).reshape(2, 2).astype(np.float64),)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(7, 4), f64(7, 4)), low=0), Example(cls(0.0), (f64(7), f64(7))))


@dataclass(frozen=True)
class AddUp(Statistic):
    """y = (Σ x, n) over all n elements of x, in float64; what a mean over a set is made of.

    Shapes: x (…); y (2,) float64.
    """

    name = "add_up"

    def infer(self, x: TensorType) -> Types:
        if not x.is_float or x.rank == 0:
            raise ShapeError(f"{self.name} takes a batch of floats, got {x}")
        return (TensorType("float64", (2,)),)

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (np.array([x.sum(dtype=np.float64), x.size], np.float64),)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(7, 4),)), Example(cls(), (f64(7),)))


def as_classes(labels: Array, predictions: Array) -> Array:
    """Rows (…, C) as the number of their largest element; class numbers (…) stay as they are."""
    return labels.argmax(-1) if labels.ndim == predictions.ndim else labels
