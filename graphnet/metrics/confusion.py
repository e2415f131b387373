"""Metrics that are made of a confusion matrix: which class is taken for which, precision, recall, F1."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from graphnet.common.checks import check_choice
from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import DataError, ShapeError
from graphnet.compiler.types import Array, format_shape
from graphnet.metrics.accuracy import BOUNDARIES, check_classes, check_threshold, threshold_of
from graphnet.metrics.base import MAX, METRICS, NEITHER, Metric

__all__ = ["F1", "ConfusionMatrix", "Precision", "Recall"]

BINARY, MACRO, MICRO = AVERAGES = ("binary", "macro", "micro")


@METRICS.register()
@dataclass(frozen=True)
class ConfusionMatrix(Metric):
    """How often a label's class (row) was taken for a class (column), the one with the largest element.

    The result is an array (C, C) of whole numbers.

    Shapes: predictions (N, …, C), C ≥ 2; labels (N, …) of class numbers, or (N, …, C), whose largest element counts.
    """

    mode = NEITHER

    def statistic(self, b: Builder, prediction: int, label: int) -> int:
        """The matrix, (C, C)."""
        check_classes(b, prediction, "ConfusionMatrix")
        return b.add(ops.CountPairs(), prediction, label)

    def result(self, statistic: Array) -> Array:
        """The matrix as int64."""
        return statistic.astype(np.int64)


@dataclass(frozen=True)
class _Share(Metric):
    """A share of hits. Where it would be 0 / 0 it counts as 0.

    With `average` "binary" it is that of the class "yes" of yes-or-no decisions: the predictions have the shape of the
    labels and say yes where they are greater than `threshold`, labels where they are at least 1/2; or they have two
    classes, of which the second is "yes". With "macro" it is the mean of the shares of all classes that occur, with
    "micro" that of all hits together; the predictions are rows (…, C) then.
    """

    mode = MAX
    average: str = BINARY
    threshold: float | None = None

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_choice(owner, "average", self.average, AVERAGES)
        self.keep("threshold", check_threshold(owner, self.threshold))

    def reading(self, meaning: str) -> Metric:
        """With the threshold for outputs of this meaning."""
        return self if self.threshold is not None else replace(self, threshold=BOUNDARIES[meaning])

    @property
    def name(self) -> str:
        """`precision`, `macro_precision`, `micro_precision`."""
        return super().name if self.average == BINARY else f"{self.average}_{super().name}"

    def statistic(self, b: Builder, prediction: int, label: int) -> int:
        """A confusion matrix, (C, C)."""
        if self.average != BINARY:
            check_classes(b, prediction, type(self).__name__)
            return b.add(ops.CountPairs(), prediction, label)
        p, t = b.types[prediction], b.types[label]
        if t.is_float and p.shape == t.shape:
            return b.add(ops.CountDecisions(threshold_of(self.threshold)), prediction, label)
        if p.shape[-1] != 2:
            raise ShapeError(f"{type(self).__name__} of predictions {format_shape(p.shape)} is not binary",
                             'choose average="macro" or "micro"')
        return b.add(ops.CountPairs(), prediction, label)

    def result(self, statistic: Array) -> float:
        """The share, averaged."""
        if not statistic.sum():
            raise DataError(f"the {self.name.replace('_', ' ')} of no samples is not defined")
        hits, taken, real = statistic.diagonal(), statistic.sum(0), statistic.sum(1)
        if self.average == MICRO:
            return float(self.share(hits.sum(), taken.sum(), real.sum()))
        shares = self.share(hits, taken, real)
        return float(shares[1] if self.average == BINARY else shares[taken + real > 0].mean())

    @abstractmethod
    def share(self, hits: Array, taken: Array, real: Array) -> Array:
        """From the number of hits, of predictions of a class and of labels of it."""


@METRICS.register()
@dataclass(frozen=True)
class Precision(_Share):
    """Of the samples that were taken for a class, the share that are of it: hits / predictions.

    Args:
        average: "binary" for yes-or-no decisions, "macro" or "micro" for several classes; as in scikit-learn.
        threshold: for "binary", as BinaryAccuracy takes it.
    """

    def share(self, hits: Array, taken: Array, real: Array) -> Array:
        """hits / predictions."""
        return hits / np.maximum(taken, 1)


@METRICS.register()
@dataclass(frozen=True)
class Recall(_Share):
    """Of the samples of a class, the share that were taken for it: hits / labels.

    Args:
        average: "binary" for yes-or-no decisions, "macro" or "micro" for several classes; as in scikit-learn.
        threshold: for "binary", as BinaryAccuracy takes it.
    """

    def share(self, hits: Array, taken: Array, real: Array) -> Array:
        """hits / labels."""
        return hits / np.maximum(real, 1)


@METRICS.register()
@dataclass(frozen=True)
class F1(_Share):
    """The harmonic mean of precision and recall: 2 hits / (predictions + labels) (van Rijsbergen 1979).

    Args:
        average: "binary" for yes-or-no decisions, "macro" (the mean of the classes' F1) or "micro" for several
            classes; as in scikit-learn.
        threshold: for "binary", as BinaryAccuracy takes it.
    """

    def share(self, hits: Array, taken: Array, real: Array) -> Array:
        """2 hits / (predictions + labels)."""
        shares: Array = 2 * hits / np.maximum(taken + real, 1)
        return shares
