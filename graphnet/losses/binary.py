"""Losses of yes-or-no decisions, each element by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from graphnet.common.checks import check_flag, check_number
from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.types import Array, TensorType
from graphnet.losses.base import LOGITS, LOSSES, PROBABILITIES, SCORES, Loss, refuse_first
from graphnet.losses.classification import check_class_weights
from graphnet.losses.stable import binary_cross_entropy

__all__ = ["BinaryCrossEntropy", "Hinge"]


@LOSSES.register()
@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """-w₁ t log p - w₀ (1 - t) log(1 - p), with p = 1 / (1 + exp(-z)) if the outputs are logits z.

    Where the model ends with a Sigmoid, loss and gradient are computed from its input, with and without optimisation,
    so both forms are stable. Elsewhere the logarithms are those of at least the smallest
    normal number; PyTorch's BCELoss cuts them off at -100, Keras cuts p off at 1e-7.

    Shapes: predictions of any shape, labels of exactly the same, in [0, 1].

    Args:
        from_logits: whether the model's outputs are z; PyTorch's BCEWithLogitsLoss.
        label_smoothing: s in [0, 1): t becomes (1 - s) t + s / 2, as in Keras.
        class_weights: (w₀, w₁) ≥ 0; PyTorch's pos_weight is w₁. None for ones.
        reduction: "mean" over all elements, "sum" or "none".
    """

    from_logits: bool = False
    label_smoothing: float = 0.0
    class_weights: tuple[float, float] | None = None

    sequences: ClassVar[tuple[str, ...]] = ("class_weights",)

    def __post_init__(self) -> None:
        super().__post_init__()
        owner = "BinaryCrossEntropy"
        check_flag(owner, "from_logits", self.from_logits)
        self.keep("label_smoothing", check_number(owner, "label_smoothing", self.label_smoothing, 0, 1))
        weights = check_class_weights(owner, self.class_weights)
        if weights is not None and len(weights) != 2:
            raise ArgumentError(owner, "class_weights", self.class_weights,
                                "it must be None or two numbers, for 0 and 1")
        self.keep("class_weights", weights)

    @property
    def meaning(self) -> str:
        """As `from_logits` says."""
        return LOGITS if self.from_logits else PROBABILITIES

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the op, and the smoothing if there is any."""
        if self.label_smoothing:
            label = b.add(ops.SmoothLabels(float(self.label_smoothing)), label)
        weights = self.class_weights or (1.0, 1.0)
        if self.from_logits:
            return b.add(ops.SigmoidCrossEntropy(weights), prediction, label)
        return binary_cross_entropy(b, prediction, label, weights)

    def label_types(self, prediction: TensorType) -> tuple[TensorType, ...]:
        """The prediction's own type."""
        return (prediction,)

    def check_values(self, labels: Array, prediction: TensorType) -> None:
        """Labels must be in [0, 1]."""
        refuse_first(~((labels >= 0) & (labels <= 1)), labels, "labels must be between 0 and 1")


@LOSSES.register()
@dataclass(frozen=True)
class Hinge(Loss):
    """max(0, 1 - t p) for labels t of -1 and 1, the loss of support vector machines (Cortes and Vapnik 1995).

    As Keras's Hinge, which takes 0 for -1 as well; PyTorch's HingeEmbeddingLoss is another function.

    Shapes: predictions of any shape, labels of exactly the same.

    Args:
        reduction: "mean" over all elements, "sum" or "none".
    """

    @property
    def meaning(self) -> str:
        """Scores."""
        return SCORES

    def elements(self, b: Builder, prediction: int, label: int) -> int:
        """Adds the op."""
        return b.add(ops.Hinge(), prediction, label)

    def label_types(self, prediction: TensorType) -> tuple[TensorType, ...]:
        """The prediction's own type."""
        return (prediction,)

    def check_values(self, labels: Array, prediction: TensorType) -> None:
        """Labels must be -1 or 1."""
        refuse_first((labels != -1) & (labels != 1), labels, "labels must be -1 or 1 (2 * y - 1 makes them of 0 and 1)")
