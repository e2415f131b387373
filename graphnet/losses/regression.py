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
    """(p - t)²; the mean is over all n elements of the batch, as in PyTorch and Keras.

    Shapes: predictions of any shape, labels of exactly the same.

    Args:
        reduction: "mean" over all elements, "sum" or "none".
    """

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the squared differences."""
        difference = b.add(ops.Subtract(), prediction, label)
        return b.add(ops.Multiply(), difference, difference)


@LOSSES.register("mae")
@dataclass(frozen=True)
class MeanAbsoluteError(_Regression):
    """|p - t|; the gradient at p = t is 0. PyTorch's L1Loss.

    Shapes: predictions of any shape, labels of exactly the same.

    Args:
        reduction: "mean" over all elements, "sum" or "none".
    """

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the op."""
        return b.add(ops.AbsoluteError(), prediction, label)


@LOSSES.register()
@dataclass(frozen=True)
class Huber(_Regression):
    """(p - t)² / 2 where |p - t| ≤ δ, else δ (|p - t| - δ / 2) (Huber 1964), as PyTorch's HuberLoss and Keras's Huber.

    PyTorch's SmoothL1Loss(beta=δ) is this divided by δ.

    Shapes: predictions of any shape, labels of exactly the same.

    Args:
        delta: δ > 0.
        reduction: "mean" over all elements, "sum" or "none".
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

    As PyTorch's CosineEmbeddingLoss for similar pairs, lengths counting as at least 1e-8. Keras's loss of this name is
    smaller by 1.

    Shapes: predictions and labels (N, …, D).

    Args:
        reduction: "mean" over the vectors, "sum" or "none".
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
