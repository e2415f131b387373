"""How many predictions are right, and how good probabilities are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from graphnet.common.checks import check_flag, check_number, check_whole
from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.types import Array, format_shape
from graphnet.losses.base import LOGITS, NUMBERS, PROBABILITIES, SCORES
from graphnet.losses.stable import cross_entropy
from graphnet.metrics.base import MAX, METRICS, MIN, Metric

__all__ = ["Accuracy", "BinaryAccuracy", "Perplexity", "TopKAccuracy"]

BOUNDARIES = {NUMBERS: 0.5, SCORES: 0.0, LOGITS: 0.0, PROBABILITIES: 0.5}
"""Above which number an output says yes, by its meaning."""


@METRICS.register("acc", "categorical_accuracy", "sparse_categorical_accuracy")
@dataclass(frozen=True)
class Accuracy(Metric):
    """The share of predictions whose largest element stands at the label's class; of equal ones the first counts.

    Shapes: predictions (N, …, C), C ≥ 2; labels (N, …) of class numbers, or (N, …, C), whose largest element counts.

    Keras / PyTorch: `metrics.SparseCategoricalAccuracy` and `CategoricalAccuracy`, as a string "accuracy" / –. Keras's
    class `metrics.Accuracy` compares numbers for equality. scikit-learn's `accuracy_score` takes classes, this one
    outputs.

    Example:
        >>> x = gn.Input((3,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> loss = gn.losses.SoftmaxCrossEntropy()
        >>> net = gn.compile(model, loss, metrics=["accuracy"])
        >>> net.evaluate([[3, 1, 0], [1, 1, 0]], [0, 1])["accuracy"]
        0.5
    """

    mode = MAX

    def statistic(self, b: Builder, prediction: int, label: int) -> int:
        """Correct ones and all, (2,)."""
        check_classes(b, prediction, "Accuracy")
        return b.add(ops.CountCorrect(), prediction, label)

    def result(self, statistic: Array) -> float:
        """correct / all."""
        return self.quotient(statistic)


@METRICS.register("top_k_accuracy")
@dataclass(frozen=True)
class TopKAccuracy(Metric):
    """The share of predictions with the label's class among their k largest elements; of equal ones the first count.

    Shapes: predictions (N, …, C); labels (N, …) of class numbers, or (N, …, C), whose largest element counts.

    Keras / PyTorch: `metrics.SparseTopKCategoricalAccuracy` and `TopKCategoricalAccuracy` / –; Keras counts all of
    several equal outputs.

    Args:
        k: ≥ 1; from C on the figure is 1.

    Example:
        >>> x = gn.Input((3,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> metrics = [gn.metrics.TopKAccuracy(1), gn.metrics.TopKAccuracy(2)]
        >>> net = gn.compile(model, "softmax_cross_entropy", metrics=metrics)
        >>> scores = net.evaluate([[3, 2, 1]], [1])
        >>> scores["top_1_accuracy"], scores["top_2_accuracy"]
        (0.0, 1.0)
    """

    mode = MAX
    k: int = 5

    def __post_init__(self) -> None:
        self.keep("k", check_whole("TopKAccuracy", "k", self.k))

    @property
    def name(self) -> str:
        """`top_5_accuracy`."""
        return f"top_{self.k}_accuracy"

    def statistic(self, b: Builder, prediction: int, label: int) -> int:
        """Correct ones and all, (2,)."""
        check_classes(b, prediction, "TopKAccuracy")
        return b.add(ops.CountCorrect(int(self.k)), prediction, label)

    def result(self, statistic: Array) -> float:
        """correct / all."""
        return self.quotient(statistic)


@METRICS.register()
@dataclass(frozen=True)
class BinaryAccuracy(Metric):
    """The share of elements for which p > threshold and t ≥ 1/2 agree.

    Shapes: predictions of any shape, labels of exactly the same.

    Keras / PyTorch: `metrics.BinaryAccuracy` / –; Keras's threshold is 0.5 also for logits.

    Args:
        threshold: what outputs are compared with; None for what the loss takes them for: 0 for logits and scores,
            0.5 for probabilities and other numbers.

    Example:
        >>> x = gn.Input((1,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> for from_logits in (True, False):  # greater than 0, or than 0.5?
        ...     loss = gn.losses.BinaryCrossEntropy(from_logits)
        ...     net = gn.compile(model, loss, metrics=["binary_accuracy"])
        ...     print(net.evaluate([[0.2]], [[1]])["binary_accuracy"])
        1.0
        0.0
    """

    mode = MAX
    threshold: float | None = None

    def __post_init__(self) -> None:
        self.keep("threshold", check_threshold("BinaryAccuracy", self.threshold))

    def reading(self, meaning: str) -> Metric:
        """With the threshold for outputs of this meaning."""
        return self if self.threshold is not None else replace(self, threshold=BOUNDARIES[meaning])

    def statistic(self, b: Builder, prediction: int, label: int) -> int:
        """The confusion matrix of the decisions, (2, 2)."""
        return b.add(ops.CountDecisions(threshold_of(self.threshold)), prediction, label)

    def result(self, statistic: Array) -> float:
        """Σ diagonal / all."""
        return self.quotient(np.array([statistic.trace(), statistic.sum()]))


@METRICS.register()
@dataclass(frozen=True)
class Perplexity(Metric):
    """exp of the mean cross-entropy: how many equally likely classes the predictions are as unsure as (Jelinek 1977).

    Shapes: predictions (N, …, C), C ≥ 2; labels (N, …) of class numbers, or (N, …, C) of probabilities.

    Keras / PyTorch: – (`keras_hub.metrics.Perplexity`) / –.

    Args:
        from_logits: True for outputs that a softmax has yet to be taken of, False for probabilities, None for what the
            loss takes them for.

    Example:
        >>> x = gn.Input((8,))
        >>> model = gn.Model(x, gn.layers.Flatten()(x))  # rows as they are
        >>> loss = gn.losses.SoftmaxCrossEntropy()
        >>> net = gn.compile(model, loss, metrics=["perplexity"])
        >>> round(net.evaluate(np.zeros((1, 8)), [3])["perplexity"], 4)
        8.0
    """

    mode = MIN
    from_logits: bool | None = None

    def __post_init__(self) -> None:
        if self.from_logits is not None:
            check_flag("Perplexity", "from_logits", self.from_logits)

    def reading(self, meaning: str) -> Metric:
        """For logits or probabilities, if outputs mean one of them."""
        if self.from_logits is not None or meaning not in (LOGITS, PROBABILITIES):
            return self
        return replace(self, from_logits=meaning == LOGITS)

    def statistic(self, b: Builder, prediction: int, label: int) -> int:
        """Σ cross-entropy and the number of labels, (2,)."""
        check_classes(b, prediction, "Perplexity")
        if self.from_logits is None:
            raise ShapeError("Perplexity needs logits or probabilities, and the loss takes the outputs for neither",
                             "choose Perplexity(from_logits=True) or Perplexity(from_logits=False)")
        if self.from_logits:
            return b.add(ops.AddUp(), b.apply(ops.SoftmaxCrossEntropy(), prediction, label)[0])
        return b.add(ops.AddUp(), cross_entropy(b, prediction, label))

    def result(self, statistic: Array) -> float:
        """exp(Σ / n); infinite where that is too large for a float."""
        mean = self.quotient(statistic)
        return math.exp(mean) if mean < 709 else math.inf


def check_threshold(owner: str, value: float | None) -> float | None:
    """A threshold as a number; None stays.

    Raises:
        ArgumentError: it is neither.
    """
    return None if value is None else check_number(owner, "threshold", value)


def threshold_of(value: float | None) -> float:
    """The threshold, for outputs that nobody says the meaning of if it is None."""
    return BOUNDARIES[NUMBERS] if value is None else float(value)


def check_classes(b: Builder, prediction: int, owner: str) -> None:
    """Refuses predictions of a single class, whose largest element is always the first.

    Raises:
        ShapeError: the text says which metric to take.
    """
    shape = b.types[prediction].shape
    if len(shape) < 2 or shape[-1] == 1:
        raise ShapeError(f"{owner} needs predictions (N, classes) of at least 2 classes, got {format_shape(shape)}",
                         'for a yes-or-no decision take the metric "binary_accuracy"')
