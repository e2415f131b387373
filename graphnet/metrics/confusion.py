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

    Keras / PyTorch: – / –; scikit-learn's `confusion_matrix` has the same rows and columns, but only for classes that
    occur.

    Example:
        >>> x = gn.Input((3,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> metrics = [gn.metrics.ConfusionMatrix()]
        >>> net = gn.compile(model, "softmax_cross_entropy", metrics=metrics)
        >>> scores = net.evaluate([[2, 1, 0], [1, 2, 0], [0, 1, 2]], [0, 0, 2])
        >>> scores["confusion_matrix"]  # one 0 was taken for a 1
        array([[1, 1, 0],
               [0, 0, 0],
               [0, 0, 1]])
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

    Keras / PyTorch: `metrics.Precision` / –; the averages are those of scikit-learn's `precision_score`. Keras takes
    each element of rows for a decision of its own, with a threshold of 0.5 also for logits.

    Args:
        average: "binary" for yes-or-no decisions, "macro" or "micro" for several classes.
        threshold: for "binary", as BinaryAccuracy takes it.

    Example:
        >>> x = gn.Input((3,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> metrics = [gn.metrics.Precision(a) for a in ("macro", "micro")]
        >>> net = gn.compile(model, "softmax_cross_entropy", metrics=metrics)
        >>> p = [[2, 1, 0], [1, 2, 0], [0, 1, 2], [0, 1, 2]]
        >>> scores = net.evaluate(p, [0, 0, 2, 2])
        >>> round(scores["macro_precision"], 4)  # (1 + 0 + 1) / 3
        0.6667
        >>> scores["micro_precision"]  # 3 of 4
        0.75
    """

    def share(self, hits: Array, taken: Array, real: Array) -> Array:
        """hits / predictions."""
        return hits / np.maximum(taken, 1)


@METRICS.register()
@dataclass(frozen=True)
class Recall(_Share):
    """Of the samples of a class, the share that were taken for it: hits / labels.

    Keras / PyTorch: `metrics.Recall` / –; the averages are those of scikit-learn's `recall_score`. Keras takes each
    element of rows for a decision of its own, with a threshold of 0.5 also for logits.

    Args:
        average: "binary" for yes-or-no decisions, "macro" or "micro" for several classes.
        threshold: for "binary", as BinaryAccuracy takes it.

    Example:
        >>> x = gn.Input((1,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> metrics = [gn.metrics.Recall(), gn.metrics.Precision()]
        >>> net = gn.compile(model, "binary_cross_entropy", metrics=metrics)
        >>> scores = net.evaluate([[0.9], [0.4]], [[1], [1]])
        >>> scores["recall"], scores["precision"]  # 1 of 2, and 1 of 1
        (0.5, 1.0)
    """

    def share(self, hits: Array, taken: Array, real: Array) -> Array:
        """hits / labels."""
        return hits / np.maximum(real, 1)


@METRICS.register()
@dataclass(frozen=True)
class F1(_Share):
    """The harmonic mean of precision and recall: 2 hits / (predictions + labels) (van Rijsbergen 1979).

    Keras / PyTorch: `metrics.F1Score` / –; the averages are those of scikit-learn's `f1_score`. Keras has a figure for
    each class by default, and in "macro" a 0 for classes that do not occur.

    Args:
        average: "binary" for yes-or-no decisions, "macro" (the mean of the classes' F1) or "micro" for several classes.
        threshold: for "binary", as BinaryAccuracy takes it.

    Example:
        >>> x = gn.Input((3,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> metrics = [gn.metrics.F1("macro"), gn.metrics.F1("micro")]
        >>> net = gn.compile(model, "softmax_cross_entropy", metrics=metrics)
        >>> scores = net.evaluate([[2, 1, 0]] * 3, [0, 0, 1])
        >>> round(scores["macro_f1"], 4)  # (0.8 + 0) / 2: there is no class 2
        0.4
        >>> round(scores["micro_f1"], 4)
        0.6667
    """

    def share(self, hits: Array, taken: Array, real: Array) -> Array:
        """2 hits / (predictions + labels)."""
        shares: Array = 2 * hits / np.maximum(taken + real, 1)
        return shares
