"""Losses: what training makes small. A loss emits IR nodes that make one number of predictions and labels."""

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
        with b.at(self.origin), b.locating(prediction, label):
            t = b.types[label]
            self.fit(t.dtype, t.is_float, t.shape, b.types[prediction])
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

    def check_values(self, labels: Array, prediction: TensorType) -> None:
        """Refuses labels, whose shape fits, with values that the loss cannot take; by default none.

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
        try:
            labels = np.asarray(labels)
        except ValueError:
            raise DataError("labels must be one array, but their rows are of different lengths") from None
        if labels.dtype.kind not in "biuf":
            raise DataError(f"labels must be numbers, got dtype {labels.dtype}")
        wanted = self.fit(labels.dtype.name, None, labels.shape, prediction)
        if not wanted.is_float and labels.dtype.kind == "f":
            whole = np.isfinite(labels) & (np.floor(labels) == labels)
            _refuse_first(~whole, labels, "class numbers must be whole numbers")
        self.check_values(labels, prediction)
        with np.errstate(over="ignore"):  # what overflows is refused right below
            converted = labels.astype(wanted.dtype, copy=False)
        _refuse_first(~np.isfinite(converted), labels, f"labels must be finite in {wanted.dtype}")
        return converted

    def fit(self, dtype: str, is_float: bool | None, shape: tuple[int | str, ...],
            prediction: TensorType) -> TensorType:
        """The one of `label_types` that labels fit.

        Args:
            dtype: of the labels, for the text.
            is_float: whether they are of floats; None if they can still be converted.
            shape: of the labels; a symbol in the wanted shape fits every number.
            prediction: the type of the model's output.

        Raises:
            ShapeError: they fit none.
        """
        allowed = self.label_types(prediction)
        for wanted in allowed:
            if is_float in (None, wanted.is_float) and _fits(shape, wanted):
                return wanted
        choice = " or ".join(f"{t.dtype} {format_shape(t.shape)}" for t in allowed)
        raise ShapeError(f"{type(self).__name__} of predictions {format_shape(prediction.shape)} takes "
                         f"labels {choice}, got {dtype} {format_shape(shape)}", _fix(shape, allowed))


LOSSES: Registry[Loss] = Registry("a Loss such as MeanSquaredError()")
Loss.registry = LOSSES


@LOSSES.register()
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """-log softmax(z)[label], the mean over the batch: the loss of a classifier whose outputs z are logits.

    Computed from the logits in one stable step, so the model ends without a Softmax layer, which would be
    applied twice. Source: Goodfellow, Bengio and Courville, Deep Learning, section 6.2.2.3.

    Shapes: predictions (N, C), C ≥ 2; labels (N,) of class numbers in [0, C), or (N, C) of probabilities.
    """

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the op."""
        return b.apply(ops.SoftmaxCrossEntropy(), prediction, label)[0]

    def label_types(self, prediction: TensorType) -> tuple[TensorType, ...]:
        """Class numbers, or rows of probabilities."""
        if prediction.rank < 2 or prediction.shape[-1] == 1:
            raise ShapeError(
                f"SoftmaxCrossEntropy needs predictions (N, classes) of at least 2 classes, "
                f"got {format_shape(prediction.shape)}",
                "end the model with Dense(classes), one output for each class; two classes are Dense(2)")
        return TensorType("int64", prediction.shape[:-1]), prediction

    def check_values(self, labels: Array, prediction: TensorType) -> None:
        """Class numbers must be in [0, C); rows must be probabilities: at least 0, with the sum 1."""
        if labels.ndim == prediction.rank:
            _refuse_first(~(np.isfinite(labels) & (labels >= 0)), labels,
                          "probabilities must be finite and at least 0")
            sums = labels.sum(-1, dtype=np.float64)
            _refuse_first(abs(sums - 1) > 1e-3, sums, "probabilities must sum to 1", "the sum of label")
            return
        classes = int(prediction.shape[-1])
        _refuse_first((labels < 0) | (labels >= classes), labels,
                      f"the model has {classes} classes, so class numbers go from 0 to {classes - 1}")


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


def _fits(shape: tuple[int | str, ...], wanted: TensorType) -> bool:
    return len(shape) == wanted.rank and all(
        want == got or (isinstance(want, str) and isinstance(got, int))
        for want, got in zip(wanted.shape, shape, strict=True))


def _fix(shape: tuple[int | str, ...], allowed: tuple[TensorType, ...]) -> str:
    if shape[-1:] == (1,) and any(_fits(shape[:-1], t) for t in allowed):
        return "drop the last axis: labels[..., 0]"
    if any(_fits((*shape, 1), t) for t in allowed):
        return "add an axis: labels[..., None]"
    return "give the labels that shape, or change the model's last layer"


def _refuse_first(bad: NDArray[np.bool_], values: Array, rule: str, what: str = "label") -> None:
    if not bad.any():
        return
    place = tuple(int(index) for index in np.unravel_index(int(bad.argmax()), bad.shape))
    where = place[0] if len(place) == 1 else place
    raise DataError(f"{what} {where} is {values[place].item()!r}, but {rule}; "
                    f"{int(bad.sum())} of {bad.size} are wrong")
