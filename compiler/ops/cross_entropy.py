"""Cross-entropy of probabilities. After a softmax the losses take the form of logits instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Ranges, Types, f, f64
from graphnet.compiler.ops.losses import as_rows, check_labels, class_range
from graphnet.compiler.ops.operands import check_floats
from graphnet.compiler.types import Array, TensorType, format_shape

__all__ = ["CrossEntropy", "CrossEntropyGrad", "NegativeEntropy"]


def floor(dtype: np.dtype[Any]) -> np.floating[Any]:
    """The smallest normal number of a dtype: what a probability counts as at least, so that its logarithm is finite."""
    smallest: np.floating[Any] = np.finfo(dtype).tiny
    return smallest


@dataclass(frozen=True)
class CrossEntropy(Op):
    """l = -Σ_i t_i log max(p_i, m) over the last axis, for probabilities p.

    m is the smallest normal number of the dtype.

    Shapes: p (…, C), labels t (…) of class numbers or (…, C) of probabilities; l (…).
    """

    name = "cross_entropy"
    samplewise = True
    constants: ClassVar[tuple[int, ...]] = (1,)

    def infer(self, p: TensorType, labels: TensorType) -> Types:
        check_labels(p, labels, "CrossEntropy")
        return (p.with_shape(p.shape[:-1]),)

    def forward(self, p: Array, labels: Array) -> tuple[Array, ...]:
        return (-(as_rows(labels, p) * np.log(np.maximum(p, floor(p.dtype)))).sum(-1),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(CrossEntropyGrad(), grad, *inputs)), None

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * inputs[0].size

    def index_ranges(self, *types: TensorType) -> Ranges:
        return class_range(1, *types)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4), f("int64", 3)), low=0.1, high=3),
                Example(cls(), (f64(3, 4), f64(3, 4)), low=0.1, high=1),
                Example(cls(), (f64(2, 3, 5), f("int64", 2, 3)), low=0.1, high=3))


@dataclass(frozen=True)
class CrossEntropyGrad(Op):
    """dL/dp_i = -g t_i / p_i, and 0 where p_i < m, the smallest normal number.

    Shapes: g (…), p (…, C), labels t (…) or (…, C); result (…, C).
    """

    name = "cross_entropy_grad"
    samplewise = True
    differentiable = False

    def infer(self, g: TensorType, p: TensorType, labels: TensorType) -> Types:
        check_floats(self.name, g, p)
        check_labels(p, labels, self.name)
        if g.shape != p.shape[:-1]:
            raise ShapeError(f"{self.name} needs a gradient {format_shape(p.shape[:-1])}, "
                             f"got {format_shape(g.shape)}")
        return (p,)

    def forward(self, g: Array, p: Array, labels: Array) -> tuple[Array, ...]:
        least = floor(p.dtype)
        quotient = as_rows(labels, p) / np.maximum(p, least)
        return (-g[..., None] * np.where(p < least, p.dtype.type(0), quotient),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * outputs[0].size

    def index_ranges(self, *types: TensorType) -> Ranges:
        return class_range(2, *types[1:])

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3), f64(3, 4), f("int64", 3)), low=0.1, high=4),
                Example(cls(), (f64(3), f64(3, 4), f64(3, 4)), low=0.1))


@dataclass(frozen=True)
class NegativeEntropy(Op):
    """l = Σ_i t_i log t_i over the last axis, with 0 log 0 = 0: what turns a cross-entropy into a divergence.

    Shapes: t (…, C); l (…).
    """

    name = "negative_entropy"
    samplewise = True
    differentiable: ClassVar[bool] = False

    def infer(self, t: TensorType) -> Types:
        if t.rank < 2 or not t.is_float:
            raise ShapeError(f"{self.name} takes rows of probabilities (N, classes), got {t}")
        return (t.with_shape(t.shape[:-1]),)

    def forward(self, t: Array) -> tuple[Array, ...]:
        return ((t * np.log(np.maximum(t, floor(t.dtype)))).sum(-1),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * inputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4),), low=0, high=1), Example(cls(), (f64(2, 3, 5),), low=0, high=1))
