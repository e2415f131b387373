"""Losses of numbers: how far predictions are from labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from graphnet.common.checks import check_number
from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.types import TensorType, format_shape
from graphnet.losses.base import LOSSES, Loss

__all__ = ["CosineSimilarity", "Huber", "MeanAbsoluteError", "MeanSquaredError"]


@dataclass(frozen=True)
class _Regression(Loss):
    """What losses of labels like the predictions share."""

    def label_types(self, prediction: TensorType) -> tuple[TensorType, ...]:
        """The prediction's own type."""
        return (prediction,)


@LOSSES.register("mse")
@dataclass(frozen=True)
class MeanSquaredError(_Regression):
    """(p - t)²; the mean is over all n elements of the batch.

    Shapes: predictions of any shape, labels of exactly the same.

    Keras / PyTorch: `losses.MeanSquaredError` / `nn.MSELoss`; the same mean. Keras takes labels (N,) for (N, 1) and
    PyTorch broadcasts them; Keras's "sum" and "none" are of the rows' means, here as in PyTorch of the elements.

    Args:
        reduction: "mean" over all elements, "sum" or "none".

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> for reduction in ("mean", "sum"):
        ...     loss = gn.losses.MeanSquaredError(reduction=reduction)
        ...     gn.compile(model, loss).evaluate([[1, 2]], [[1, 4]])
        {'loss': 2.0}
        {'loss': 4.0}
    """

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the squared differences."""
        difference = b.add(ops.Subtract(), prediction, label)
        return b.add(ops.Multiply(), difference, difference)


@LOSSES.register("mae")
@dataclass(frozen=True)
class MeanAbsoluteError(_Regression):
    """|p - t|; the gradient at p = t is 0.

    Shapes: predictions of any shape, labels of exactly the same.

    Keras / PyTorch: `losses.MeanAbsoluteError` / `nn.L1Loss`; the same mean. Keras's "sum" and "none" are of the rows'
    means.

    Args:
        reduction: "mean" over all elements, "sum" or "none".

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> net = gn.compile(model, loss=gn.losses.MeanAbsoluteError())
        >>> x, t = [[1, 2]], [[1, 4]]
        >>> loss, gradients = net.loss_and_gradients(x, t, inputs=True)
        >>> loss, gradients["input"].tolist()  # 0 where they agree
        (1.0, [[0.0, -0.5]])
    """

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the op."""
        return b.add(ops.AbsoluteError(), prediction, label)


@LOSSES.register()
@dataclass(frozen=True)
class Huber(_Regression):
    """(p - t)² / 2 where |p - t| ≤ δ, else δ (|p - t| - δ / 2) (Huber 1964).

    Shapes: predictions of any shape, labels of exactly the same.

    Keras / PyTorch: `losses.Huber` / `nn.HuberLoss`, the same; `nn.SmoothL1Loss(beta=δ)` is this divided by δ.

    Args:
        delta: δ > 0.
        reduction: "mean" over all elements, "sum" or "none".

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> net = gn.compile(model, gn.losses.Huber(reduction="none"))
        >>> net.evaluate([[0.5, 4]], [[0, 0]])["loss"].tolist()
        [[0.125, 3.5]]
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keep("delta", check_number("Huber", "delta", self.delta, above=0))

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the op."""
        return b.add(ops.Huber(float(self.delta)), prediction, label)


@LOSSES.register()
@dataclass(frozen=True)
class CosineSimilarity(_Regression):
    """1 - Σ p t / (‖p‖₂ ‖t‖₂) over the last axis, from 0 (same direction) to 2 (opposite).

    Lengths count as at least 1e-8.

    Shapes: predictions and labels (N, …, D).

    Keras / PyTorch: `losses.CosineSimilarity` / `nn.CosineEmbeddingLoss` with targets of 1; Keras's is smaller by 1: it
    goes from -1 to 1.

    Args:
        reduction: "mean" over the vectors, "sum" or "none".

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> loss = gn.losses.CosineSimilarity(reduction="none")
        >>> p, t = [[1, 0], [1, 0], [1, 0]], [[2, 0], [0, 1], [-1, 0]]
        >>> gn.compile(model, loss).evaluate(p, t)["loss"].round(4).tolist()
        [0.0, 1.0, 2.0]
    """

    per_row: ClassVar[bool] = True

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the op."""
        return b.add(ops.CosineDistance(), prediction, label)

    def label_types(self, prediction: TensorType) -> tuple[TensorType, ...]:
        """The prediction's own type."""
        if prediction.rank < 2:
            raise ShapeError(f"CosineSimilarity needs vectors (N, features), got {format_shape(prediction.shape)}",
                             "end the model with a layer whose result has an axis of features")
        return (prediction,)
