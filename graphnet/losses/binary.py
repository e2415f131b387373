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


@LOSSES.register("bce", "binary_crossentropy")
@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """-w₁ t log p - w₀ (1 - t) log(1 - p), with p = 1 / (1 + exp(-z)) if the outputs are logits z.

    Where the model ends with a Sigmoid, loss and gradient are computed from its input, with and without optimisation,
    so both forms are stable. Elsewhere the logarithms are those of at least the smallest
    normal number.

    Shapes: predictions of any shape, labels of exactly the same, in [0, 1].

    Keras / PyTorch: `losses.BinaryCrossentropy` / `nn.BCELoss`, with logits `nn.BCEWithLogitsLoss`, whose `pos_weight`
    is w₁. Keras cuts p off at 1e-7 (a loss of 16.1 at most), PyTorch logarithms at -100; this one ends at 87.3 in
    float32. Keras takes labels (N,) for (N, 1).

    Args:
        from_logits: whether the model's outputs are z.
        label_smoothing: s in [0, 1): t becomes (1 - s) t + s / 2.
        class_weights: (w₀, w₁) ≥ 0; None for ones.
        reduction: "mean" over all elements, "sum" or "none".

    Example:
        >>> x = gn.Input((1,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> loss = gn.losses.BinaryCrossEntropy(from_logits=True)
        >>> gn.compile(model, loss).evaluate([[-1000]], [[1]])
        {'loss': 1000.0}
        >>> gn.compile(model, loss).evaluate([[-1000]], [1])
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.ShapeError: labels fed at ... do not fit the
        output 'flatten' of flatten (Flatten) at ...
          why: BinaryCrossEntropy of predictions (N, 1) takes labels float32
          (N, 1), got int64 (1,)
          fix: add an axis: labels[..., None]
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

    Shapes: predictions of any shape, labels of exactly the same.

    Keras / PyTorch: `losses.Hinge` / –; Keras takes labels 0 for -1 as well. `nn.HingeEmbeddingLoss` is another
    function.

    Args:
        reduction: "mean" over all elements, "sum" or "none".

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> net = gn.compile(model, gn.losses.Hinge(reduction="none"))
        >>> net.evaluate([[0.5, 2]], [[1, 1]])["loss"].tolist()
        [[0.5, 0.0]]
        >>> net.evaluate([[0.5, 2]], [[1, 0]])
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.DataError: label (0, 1) is 0, but labels must
        be -1 or 1 (2 * y - 1 makes them of 0 and 1); 1 of 2 are wrong
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
