"""What all losses share: they emit IR nodes that make one number of predictions and labels, and check the labels."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from graphnet.common.checks import check_choice
from graphnet.common.registry import Configured, Registry
from graphnet.common.source import user_source
from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import DataError, ShapeError
from graphnet.compiler.ir import Origin
from graphnet.compiler.results import check_values
from graphnet.compiler.types import Array, TensorType, format_shape

__all__ = ["LOSSES", "Loss"]

MEAN, SUM, NONE = REDUCTIONS = ("mean", "sum", "none")
NUMBERS, SCORES, LOGITS, PROBABILITIES = "numbers", "scores", "logits", "probabilities"
"""What outputs can mean to a loss: plain numbers, scores that say yes where they are positive, or those two."""


@dataclass(frozen=True)
class Loss(Configured):
    """Base of all losses.

    A loss has a number for each element: for each row of the predictions if it is `per_row` (a classification), else
    for each number. Sample weights multiply these. Then they are reduced: "mean" divides their sum by how many there
    are, whatever the weights, as Keras does (PyTorch's class weights divide by the sum of the weights), so a loss over
    a whole set does not depend on how it is cut into batches; "sum" adds them up; "none" keeps them, which `evaluate`
    returns for each sample, and which cannot be trained.

    Keras / PyTorch: `losses.Loss` / –, any function of tensors. A loss of your own says `elements` and `label_types`:
    nodes instead of numbers, of which the compiler derives the gradient. Put `@gn.losses.LOSSES.register()` above it.

    Args:
        reduction: "mean", "sum" or "none".

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))
        >>> net = gn.compile(model, loss=gn.losses.MeanSquaredError())
        >>> p, t = [[0, 2], [0, 6]], [[0, 0], [0, 0]]
        >>> net.evaluate(p, t, sample_weight=[1, 0])  # 4 / 4, not 4 / 2
        {'loss': 1.0}
    """

    reduction: str = field(default=MEAN, kw_only=True)
    source: str = field(init=False, repr=False, compare=False)

    registry: ClassVar[Registry[Any]]
    per_row: ClassVar[bool] = False
    _instead = ("a loss stays as it was declared: compile the model with a new {kind}, gn.compile(model, loss=…), and "
                "carry the weights over with set_weights(net.weights)")

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", user_source())
        check_choice(type(self).__name__, "reduction", self.reduction, REDUCTIONS)

    @property
    def meaning(self) -> str:
        """What the loss takes outputs for; metrics read them in the same way."""
        return NUMBERS

    @property
    def origin(self) -> Origin:
        """Where the loss was declared; its nodes carry it."""
        return Origin("loss", type(self).__name__, self.source)

    def emit(self, b: Builder, prediction: int, label: int, weight: int | None = None) -> int:
        """Adds the loss of a batch.

        Args:
            b: where the nodes go.
            prediction: id of the model's output.
            label: id of the labels.
            weight: id of the sample weights, if there are any; their dims are the first dims of the elements.

        Returns:
            The id of the loss: a scalar of the prediction's dtype; without reduction the elements' losses.

        Raises:
            ShapeError: the labels do not fit the prediction; the text names both ends.
        """
        with b.at(self.origin), b.locating(prediction, label):
            t = b.types[label]
            self.fit(t.dtype, t.is_float, t.shape, b.types[prediction])
            elements = self.elements(b, prediction, label)
            self._check_elements(b, elements, b.types[prediction])
            if weight is not None:
                elements = _weigh(b, elements, weight)
            if self.reduction == NONE:
                return elements
            reduce = ops.ReduceMean if self.reduction == MEAN else ops.ReduceSum
            return b.add(reduce(tuple(range(b.types[elements].rank))), elements)

    def _check_elements(self, b: Builder, elements: int, prediction: TensorType) -> None:
        """Refuses what is not the loss of each element, or of each sample.

        Raises:
            ShapeError: it is something else.
        """
        owner = f"elements of {type(self).__name__}"
        check_values(owner, (elements,), b.types)
        t = b.types[elements]
        if not t.rank or t != prediction.with_shape(prediction.shape[:t.rank]):
            raise ShapeError(f"{owner} returned {t}, but the loss of each element of predictions {prediction} has "
                             "their dtype and their first dims", "do not reduce it: that is done by `reduction`")

    @abstractmethod
    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the loss of each element and returns its id; `emit` weighs and reduces them."""

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
            refuse_first(~whole, labels, "class numbers must be whole numbers")
        self.check_values(labels, prediction)
        if not wanted.is_float:
            return labels.astype(wanted.dtype, copy=False)
        with np.errstate(over="ignore"):  # what overflows is refused right below
            converted = labels.astype(wanted.dtype, copy=False)
        refuse_first(~np.isfinite(converted), labels, f"labels must be finite in {wanted.dtype}")
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

    def check_weights(self, weights: Array, prediction: TensorType) -> Array:
        """Sample weights in the prediction's dtype, checked.

        Args:
            weights: one for each sample, or for each element of the first dims of the elements, (N, …).
            prediction: the type of the model's output.

        Raises:
            ShapeError: their shape does not fit.
            DataError: one is negative or not finite, or they are not numbers.
        """
        wanted = self.weight_type(weights.ndim, prediction)
        if not _fits(weights.shape, wanted):
            raise ShapeError(f"{type(self).__name__} of predictions {format_shape(prediction.shape)} takes sample "
                             f"weights {format_shape(wanted.shape)}, got {format_shape(weights.shape)}",
                             "give one weight for each sample")
        if weights.dtype.kind not in "biuf":
            raise DataError(f"sample weights must be numbers, got dtype {weights.dtype}")
        with np.errstate(over="ignore"):  # what overflows is refused right below
            converted = weights.astype(prediction.dtype, copy=False)
        refuse_first(~(np.isfinite(converted) & (weights >= 0)), weights, "it must be finite and at least 0",
                     "sample weight")
        return converted

    def weight_type(self, rank: int, prediction: TensorType) -> TensorType:
        """The type of sample weights of this rank."""
        elements = prediction.shape[:-1] if self.per_row else prediction.shape
        return prediction.with_shape(elements[:max(rank, 1)])


def _weigh(b: Builder, elements: int, weight: int) -> int:
    """Multiplies the elements' losses by the weights, which are spread over the dims that they lack."""
    t, rank = b.types[elements], b.types[weight].rank
    if rank < t.rank:
        weight = b.add(ops.Expand(t.shape, tuple(range(rank, t.rank)), False), weight)
    return b.add(ops.Multiply(), elements, weight)


LOSSES: Registry[Loss] = Registry("a Loss such as MeanSquaredError()", "Losses by name")
"""All losses by name; `.names` lists them, and `@LOSSES.register()` above a class of your own adds it."""
Loss.registry = LOSSES


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


def refuse_first(bad: NDArray[np.bool_], values: Array, rule: str, what: str = "label") -> None:
    """Raises a DataError that names the first bad value, if any is bad."""
    if not bad.any():
        return
    place = tuple(int(index) for index in np.unravel_index(int(bad.argmax()), bad.shape))
    where = place[0] if len(place) == 1 else place
    raise DataError(f"{what} {where} is {values[place].item()!r}, but {rule}; "
                    f"{int(bad.sum())} of {bad.size} are wrong")
