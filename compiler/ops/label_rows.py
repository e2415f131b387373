"""Labels as a classification loss takes them: smoothed, weighted by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Op, Ranges, Types, f, f64
from graphnet.compiler.ops.operands import check_floats
from graphnet.compiler.types import FLOATS, Array, TensorType, format_shape

__all__ = ["LabelRows", "SmoothLabels"]


@dataclass(frozen=True)
class LabelRows(Op):
    """y_c = w_c ((1 - s) t_c + s / C) for C classes: smoothing s (Szegedy et al. 2016, section 7), class weights w.

    t are rows of probabilities, or class numbers, which stand for rows of one 1. `weights` () stands for ones.
    PyTorch's CrossEntropyLoss takes weight and label_smoothing in the same way.

    Shapes: labels (…) of class numbers or (…, C); y (…, C) of `dtype`.
    """

    classes: int
    smoothing: float
    weights: tuple[float, ...]
    dtype: str

    name = "label_rows"
    samplewise = True
    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.check(type(self.classes) is int and self.classes > 0, "classes", "it must be a whole number ≥ 1")
        self.check(0 <= self.smoothing < 1, "smoothing", "it must be ≥ 0 and < 1")
        self.check(len(self.weights) in (0, self.classes), "weights", f"it must be () or {self.classes} numbers")
        self.check(self.dtype in FLOATS, "dtype", f"it must be one of {', '.join(FLOATS)}")

    def infer(self, labels: TensorType) -> Types:
        if not labels.is_float:
            return (TensorType(self.dtype, (*labels.shape, self.classes)),)
        if labels.shape[-1:] != (self.classes,) or labels.dtype != self.dtype:
            raise ShapeError(f"{self.name} takes class numbers or rows {self.dtype} (…, {self.classes}), "
                             f"got {labels.dtype} {format_shape(labels.shape)}")
        return (labels,)

    def forward(self, labels: Array) -> tuple[Array, ...]:
        if labels.dtype.kind != "f":
            labels = (labels[..., None] == np.arange(self.classes)).astype(self.dtype)
        scalar: type[np.floating] = np.dtype(self.dtype).type
        rows = labels * scalar(1 - self.smoothing) + scalar(self.smoothing / self.classes)
        return (rows * np.asarray(self.weights or 1, self.dtype),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * outputs[0].size

    def index_ranges(self, *types: TensorType) -> Ranges:
        return {} if types[0].is_float else {0: (0, self.classes - 1)}

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(4, 0.1, (), "float64"), (f("int64", 3),), high=4),
                Example(cls(4, 0.0, (1.0, 2.0, 0.5, 0.0), "float64"), (f("int64", 2, 3),), high=4),
                Example(cls(4, 0.3, (1.0, 2.0, 0.5, 0.0), "float64"), (f64(3, 4),)))


@dataclass(frozen=True)
class SmoothLabels(Op):
    """y = (1 - s) t + s / 2, for labels t in [0, 1] of binary decisions (as Keras smooths them)."""

    smoothing: float

    name = "smooth_labels"
    elementwise = True
    inplace = (0,)
    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.check(0 <= self.smoothing < 1, "smoothing", "it must be ≥ 0 and < 1")

    def infer(self, labels: TensorType) -> Types:
        check_floats(self.name, labels)
        return (labels,)

    def forward(self, labels: Array) -> tuple[Array, ...]:
        scalar = labels.dtype.type
        return (labels * scalar(1 - self.smoothing) + scalar(self.smoothing / 2),)

    def expression(self, labels: Expression) -> Expression:
        return labels * (1 - self.smoothing) + self.smoothing / 2

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(0.2), (f64(3, 4),)),)
