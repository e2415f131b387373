"""Normalising each sample by itself over the last axis: the core of layer and group normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_summands, same_type
from graphnet.compiler.types import Array, TensorType, format_shape

__all__ = ["Normalize", "NormalizeGrad"]


@dataclass(frozen=True)
class Normalize(Op):
    """y = (x - μ) / √(σ² + ε), with the mean μ and the biased variance σ² over the last axis (Ba et al. 2016, eq. 4).

    Shapes: x and y (…, D); the second output, 1 / √(σ² + ε) for the gradient, (…).
    """

    epsilon: float

    name = "normalize"
    separable: ClassVar[bool] = True
    inplace = (0,)
    auxiliary: ClassVar[tuple[int, ...]] = (1,)

    def __post_init__(self) -> None:
        self.check(self.epsilon > 0, "epsilon", "it must be greater than 0")

    def infer(self, x: TensorType) -> Types:
        if x.rank < 2:
            raise ShapeError(f"{self.name} needs an axis beside the batch, got {format_shape(x.shape)}")
        check_summands(self.name, -1, x)
        return x, x.with_shape(x.shape[:-1])

    def forward(self, x: Array) -> tuple[Array, ...]:
        inverse = 1 / np.sqrt(x.var(-1) + x.dtype.type(self.epsilon))
        return (x - x.mean(-1, keepdims=True)) * inverse[..., None], inverse

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        grad = grads[0]
        return (None if grad is None else b.add(NormalizeGrad(), grad, *outputs),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 6 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(1e-3), (f64(3, 5),)), Example(cls(1e-5), (f64(2, 3, 4),), low=1, high=3))


@dataclass(frozen=True)
class NormalizeGrad(Op):
    """dL/dx = r (g - mean g - y · mean(g y)) with g = dL/dy and r = 1 / √(σ² + ε); means over the last axis.

    Shapes: g and y (…, D), r (…); result like y.
    """

    name = "normalize_grad"
    separable: ClassVar[bool] = True
    inplace = (0,)
    differentiable = False

    def infer(self, g: TensorType, y: TensorType, inverse: TensorType) -> Types:
        check_summands(self.name, -1, same_type(self.name, g, y))
        if y.rank < 2 or inverse != y.with_shape(y.shape[:-1]):
            raise ShapeError(f"{self.name} of {format_shape(y.shape)} needs scales {format_shape(y.shape[:-1])}, "
                             f"got {inverse.dtype} {format_shape(inverse.shape)}")
        return (y,)

    def forward(self, g: Array, y: Array, inverse: Array) -> tuple[Array, ...]:
        along_y = y * (g * y).mean(-1, keepdims=True)
        return (inverse[..., None] * (g - g.mean(-1, keepdims=True) - along_y),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 7 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 5), f64(3, 5), f64(3))),
                Example(cls(), (f64(2, 3, 4), f64(2, 3, 4), f64(2, 3))))
