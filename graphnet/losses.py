"""Losses: what training makes small. A loss emits IR nodes that turn predictions and labels into one number."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import DataError, ShapeError
from graphnet.compiler.ir import Origin
from graphnet.compiler.types import TensorType, format_shape
from graphnet.registry import Configured, Registry
from graphnet.source import user_source

Array = NDArray[Any]


@dataclass(frozen=True)
class Loss(Configured):
    """Base of all losses. The loss of a batch is the mean over its elements."""

    source: str = field(init=False, repr=False, compare=False)
    registry: ClassVar[Registry[Any]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", user_source())

    @property
    def origin(self) -> Origin:
        """Where the loss was declared; its nodes carry it."""
        return Origin("loss", type(self).__name__, self.source)

    def emit(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the loss of a batch.

        Args:
            b: where the nodes go.
            prediction: id of the model's output.
            label: id of the labels.

        Returns:
            The id of the mean loss, a scalar of the prediction's dtype.

        Raises:
            ShapeError: the labels do not fit the prediction; the text names both ends.
        """
        with b.at(self.origin):
            elements = self.elements(b, prediction, label)
            return b.add(ops.ReduceMean(tuple(range(b.types[elements].rank))), elements)

    @abstractmethod
    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the loss of each element and returns its id; `emit` takes the mean."""

    @abstractmethod
    def label_types(self, prediction: TensorType) -> tuple[TensorType, ...]:
        """The types of labels that fit a prediction, the usual one first.

        Raises:
            ShapeError: the loss cannot take such predictions at all.
        """

    @abstractmethod
    def check_values(self, labels: Array, prediction: TensorType) -> None:
        """Refuses labels, of one of `label_types`, with values that the loss cannot take.

        Raises:
            DataError: the text names the first bad value and where it is.
        """

    def check_labels(self, labels: Array, prediction: TensorType) -> Array:
        """The labels in the dtype that the graph takes, checked.

        Args:
            labels: numbers of any dtype, a row for each sample.
            prediction: the type of the model's output.

        Raises:
            ShapeError: their shape fits none of `label_types`; nothing is ever broadcast.
            DataError: a value is not allowed, or they are not numbers.
        """
        labels = np.asarray(labels)
        if labels.dtype.kind not in "biuf":
            raise DataError(f"labels must be numbers, got dtype {labels.dtype}")
        allowed = self.label_types(prediction)
        fitting = next((t for t in allowed if _fits(labels.shape, t)), None)
        if fitting is None:
            shapes = " or ".join(f"{t.dtype} {format_shape(t.shape)}" for t in allowed)
            raise ShapeError(f"{type(self).__name__} of predictions {format_shape(prediction.shape)} takes labels "
                             f"{shapes}, got {labels.dtype} {format_shape(labels.shape)}",
                             label_fix(labels.shape, [t.rank for t in allowed]))
        if not fitting.is_float and labels.dtype.kind == "f":
            _check_whole(labels)
        labels = labels.astype(fitting.dtype, copy=False)
        self.check_values(labels, prediction)
        return labels


LOSSES: Registry[Loss] = Registry("a Loss")
Loss.registry = LOSSES


@LOSSES.register("sparse_categorical_cross_entropy", "categorical_cross_entropy")
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """-log softmax(z)[label], the mean over the batch: the loss of a classifier whose outputs z are logits.

    Computed from the logits in one stable step; a Softmax layer before it would be applied twice.

    Shapes: predictions (N, C), C ≥ 2; labels (N,) of class numbers in [0, C), or rows (N, C) of probabilities.
    """

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the op."""
        return b.apply(ops.SoftmaxCrossEntropy(), prediction, label)[0]

    def label_types(self, prediction: TensorType) -> tuple[TensorType, ...]:
        """Class numbers, or rows of probabilities."""
        if prediction.rank < 2:
            raise ShapeError(f"SoftmaxCrossEntropy needs predictions (N, classes), got {format_shape(prediction.shape)}",
                             "end the model with Dense(classes)")
        return TensorType("int64", prediction.shape[:-1]), prediction

    def check_values(self, labels: Array, prediction: TensorType) -> None:
        """Class numbers must be in [0, C); rows must not be negative and must sum to 1."""
        if labels.ndim == prediction.rank:
            _refuse_first(~(np.isfinite(labels) & (labels >= 0)), labels, "probabilities must be finite and at least 0")
            sums = labels.sum(-1, dtype=np.float64)
            _refuse_first(np.abs(sums - 1) > 1e-3, sums, "each row of probabilities must sum to 1, this sum does not")
            return
        classes = prediction.shape[-1]
        bad = (labels < 0) | (labels >= classes)
        _refuse_first(bad, labels, f"the model has {classes} classes, so class numbers go from 0 to {int(classes) - 1}")


@LOSSES.register("mse")
@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Σ (prediction - label)² / n over all n elements of the batch, as PyTorch and Keras.

    Shapes: predictions of any shape, labels of exactly the same.
    """

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the squared differences."""
        difference = b.add(ops.Subtract(), prediction, label)
        return b.add(ops.Multiply(), difference, difference)

    def label_types(self, prediction: TensorType) -> tuple[TensorType, ...]:
        """The prediction's own type."""
        return (prediction,)

    def check_values(self, labels: Array, prediction: TensorType) -> None:
        """Labels must be finite."""
        _refuse_first(~np.isfinite(labels), labels, "labels must be finite")


def label_fix(shape: tuple[int, ...], ranks: list[int]) -> str:
    """What to change about labels of this shape, where labels of one of these ranks are wanted."""
    if shape[-1:] == (1,) and len(shape) - 1 in ranks:
        return "drop the last axis: labels[..., 0]"
    if len(shape) + 1 in ranks and len(shape) not in ranks:
        return "add an axis: labels[..., None]"
    return "give the labels one of these shapes, or change the model's last layer"


def _fits(shape: tuple[int, ...], wanted: TensorType) -> bool:
    return len(shape) == wanted.rank and all(isinstance(dim, str) or dim == size
                                             for dim, size in zip(wanted.shape, shape, strict=True))


def _check_whole(labels: Array) -> None:
    _refuse_first(~(np.isfinite(labels) & (np.floor(labels) == labels)), labels, "class numbers must be whole numbers")


def _refuse_first(bad: NDArray[np.bool_], values: Array, rule: str) -> None:
    if not bad.any():
        return
    place = tuple(int(index) for index in np.unravel_index(int(bad.argmax()), bad.shape))
    where = place[0] if len(place) == 1 else place
    raise DataError(f"label {where} is {values[place].item()!r}, but {rule}; {int(bad.sum())} of {bad.size} are wrong")
