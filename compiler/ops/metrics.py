"""Statistics that metrics are computed from. They add up over batches, so that a metric is exact over a whole set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.op import Array, Example, Op, Types, f, f64
from graphnet.compiler.ops.losses import check_labels
from graphnet.compiler.types import TensorType


@dataclass(frozen=True)
class CountCorrect(Op):
    """Σ [argmax p = label] and the number of predictions p; of equal elements argmax takes the first.

    Shapes: predictions (…, C), labels (…) of class numbers or (…, C), whose largest element counts;
    result (2,) float64: correct, all.
    """

    name = "count_correct"
    differentiable: ClassVar[bool] = False

    def infer(self, predictions: TensorType, labels: TensorType) -> Types:
        check_labels(predictions, labels, "accuracy")
        return (TensorType("float64", (2,)),)

    def forward(self, predictions: Array, labels: Array) -> tuple[Array, ...]:
        classes = labels.argmax(-1) if labels.ndim == predictions.ndim else labels
        hits = predictions.argmax(-1) == classes
        return (np.array([hits.sum(), hits.size], np.float64),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(7, 4), f("int64", 7)), high=4), Example(cls(), (f64(7, 4), f64(7, 4))))
