"""Losses of classifiers with several classes, of which one is right: the predictions are rows (…, classes)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.common.checks import check_number
from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.types import Array, TensorType, format_shape, known
from graphnet.losses.base import LOGITS, LOSSES, PROBABILITIES, Loss, refuse_first
from graphnet.losses.stable import cross_entropy

__all__ = ["CrossEntropy", "KLDivergence", "SoftmaxCrossEntropy"]


def check_class_weights(owner: str, value: object) -> tuple[float, ...] | None:
    """Weights of classes as a tuple of numbers ≥ 0, or None.

    Raises:
        ArgumentError: they are anything else.
    """
    if value is None:
        return None
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str) or len(value) < 2:
        raise ArgumentError(owner, "class_weights", value, "it must be None or a number ≥ 0 for each class")
    return tuple(check_number(owner, f"class_weights[{i}]", item, 0) for i, item in enumerate(value))


@dataclass(frozen=True)
class _Classification(Loss):
    """What losses of rows (…, C) share."""

    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None

    per_row: ClassVar[bool] = True
    sequences: ClassVar[tuple[str, ...]] = ("class_weights",)

    def __post_init__(self) -> None:
        super().__post_init__()
        owner = type(self).__name__
        self.keep("label_smoothing", check_number(owner, "label_smoothing", self.label_smoothing, 0, 1))
        self.keep("class_weights", check_class_weights(owner, self.class_weights))

    def label_types(self, prediction: TensorType) -> tuple[TensorType, ...]:
        """Class numbers, or rows of probabilities."""
        check_rows(type(self).__name__, prediction)
        weights = self.class_weights
        if weights is not None and len(weights) != prediction.shape[-1]:
            raise ShapeError(f"{type(self).__name__} has {len(weights)} class_weights, but predictions "
                             f"{format_shape(prediction.shape)} have {prediction.shape[-1]} classes",
                             "give one weight for each class")
        return TensorType("int64", prediction.shape[:-1]), prediction

    def check_values(self, labels: Array, prediction: TensorType) -> None:
        """Class numbers must be in [0, C); rows must be probabilities: at least 0, with the sum 1."""
        if labels.ndim == prediction.rank:
            check_probabilities(labels)
            return
        classes = int(prediction.shape[-1])
        refuse_first((labels < 0) | (labels >= classes), labels,
                     f"the model has {classes} classes, so class numbers go from 0 to {classes - 1}")

    def targets(self, b: Builder, prediction: int, label: int) -> int:
        """The labels, or rows of them smoothed and weighted if that is wanted."""
        if not self.label_smoothing and self.class_weights is None:
            return label
        t = b.types[prediction]
        classes = known(t.shape[-1], "the number of classes")
        rows = ops.LabelRows(classes, float(self.label_smoothing), self.class_weights or (), t.dtype)
        return b.add(rows, label)


@LOSSES.register()
@dataclass(frozen=True)
class SoftmaxCrossEntropy(_Classification):
    """-Σ_c t_c log softmax(z)_c: the loss of a classifier whose outputs z are logits.

    Computed from the logits in one stable step, so the model ends without a Softmax layer, which would be
    applied twice. Source: Goodfellow, Bengio and Courville, Deep Learning, section 6.2.2.3.

    Shapes: predictions (N, …, C), C ≥ 2; labels (N, …) of class numbers in [0, C), or (N, …, C) of probabilities.

    Keras / PyTorch: `losses.CategoricalCrossentropy(from_logits=True)` and
    `SparseCategoricalCrossentropy(from_logits=True)` / `nn.CrossEntropyLoss`. PyTorch has the classes on axis 1, and
    with class weights its mean divides by their sum, this one by the number of labels.

    Args:
        label_smoothing: s in [0, 1): t_c becomes (1 - s) t_c + s / C (Szegedy et al. 2016, section 7).
        class_weights: a factor ≥ 0 for the term of each class c; None for ones.
        reduction: "mean" over the rows, "sum" or "none".

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> net = gn.compile(model, loss=gn.losses.SoftmaxCrossEntropy())
        >>> for labels in ([1], [[0, 1]]):  # a class number, a row
        ...     print(round(net.evaluate([[0, 0]], labels)["loss"], 4))
        0.6931
        0.6931
        >>> net.evaluate([[0, 0]], [2])
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.DataError: label 0 is 2, but the model has 2
        classes, so class numbers go from 0 to 1; 1 of 1 are wrong
    """

    @property
    def meaning(self) -> str:
        """Logits."""
        return LOGITS

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the op."""
        return b.apply(ops.SoftmaxCrossEntropy(), prediction, self.targets(b, prediction, label))[0]


@LOSSES.register()
@dataclass(frozen=True)
class CrossEntropy(_Classification):
    """-Σ_c t_c log p_c: the loss of a classifier whose outputs p are probabilities, as a Softmax layer makes them.

    Where the model ends with a Softmax over the last axis, loss and gradient are computed from its input, as
    SoftmaxCrossEntropy does, with and without optimisation. Elsewhere the logarithm is that of at least the smallest
    normal number.

    Shapes: predictions (N, …, C), C ≥ 2; labels (N, …) of class numbers in [0, C), or (N, …, C) of probabilities.

    Keras / PyTorch: `losses.CategoricalCrossentropy` and `SparseCategoricalCrossentropy` / `nn.NLLLoss`, which takes
    log p. Keras divides p by its sum and cuts it off at 1e-7: a loss of 16.1 at most; this one ends at 87.3 in float32.

    Args:
        label_smoothing: s in [0, 1): t_c becomes (1 - s) t_c + s / C.
        class_weights: a factor ≥ 0 for the term of each class c; None for ones.
        reduction: "mean" over the rows, "sum" or "none".

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> two = gn.losses.CrossEntropy(class_weights=(1, 2), reduction="none")
        >>> net = gn.compile(model, two)
        >>> net.evaluate([[0.5, 0.5], [0.5, 0.5]], [0, 1])["loss"].round(2)
        array([0.69, 1.39], dtype=float32)
    """

    @property
    def meaning(self) -> str:
        """Probabilities."""
        return PROBABILITIES

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the op."""
        return cross_entropy(b, prediction, self.targets(b, prediction, label))


@LOSSES.register("kl_divergence", "kld")
@dataclass(frozen=True)
class KLDivergence(Loss):
    """Σ_c t_c log(t_c / p_c), 0 where t_c = 0 (Kullback and Leibler 1951), of probabilities p and t.

    The mean is over the rows. After a Softmax it is computed from the logits, like CrossEntropy.

    Shapes: predictions and labels (N, …, C), C ≥ 2.

    Keras / PyTorch: `losses.KLDivergence` / `nn.KLDivLoss`, which takes log p. Keras cuts both off at 1e-7. PyTorch's
    "batchmean" divides by N alone, also for (N, T, C), and its "mean" by N and C.

    Args:
        reduction: "mean" over the rows, "sum" or "none".

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> net = gn.compile(model, loss=gn.losses.KLDivergence())
        >>> round(net.evaluate([[0.5, 0.5]], [[1, 0]])["loss"], 4)  # log 2
        0.6931
    """

    per_row: ClassVar[bool] = True

    @property
    def meaning(self) -> str:
        """Probabilities."""
        return PROBABILITIES

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Cross-entropy minus the labels' own entropy."""
        return b.add(ops.Add(), cross_entropy(b, prediction, label), b.add(ops.NegativeEntropy(), label))

    def label_types(self, prediction: TensorType) -> tuple[TensorType, ...]:
        """Rows of probabilities."""
        check_rows("KLDivergence", prediction)
        return (prediction,)

    def check_values(self, labels: Array, prediction: TensorType) -> None:
        """Labels must be probabilities."""
        check_probabilities(labels)


def check_rows(owner: str, prediction: TensorType) -> None:
    """Refuses predictions that are no rows of two classes or more.

    Raises:
        ShapeError: the text says how to end the model.
    """
    if prediction.rank < 2 or prediction.shape[-1] == 1:
        raise ShapeError(f"{owner} needs predictions (N, classes) of at least 2 classes, "
                         f"got {format_shape(prediction.shape)}",
                         "end the model with Dense(classes), one output for each class; two classes are Dense(2)")


def check_probabilities(labels: Array) -> None:
    """Refuses rows that are no probabilities: at least 0, with the sum 1.

    Raises:
        DataError: the text names the first.
    """
    refuse_first(~(np.isfinite(labels) & (labels >= 0)), labels, "probabilities must be finite and at least 0")
    sums = labels.sum(-1, dtype=np.float64)
    refuse_first(abs(sums - 1) > 1e-3, sums, "probabilities must sum to 1", "the sum of label")
