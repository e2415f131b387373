"""Softmax over one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_summands, same_type
from graphnet.compiler.types import Array, TensorType

__all__ = ["Softmax", "SoftmaxGrad"]


@dataclass(frozen=True)
class Softmax(Op):
    """y_i = exp(x_i - max x) / Σ_j exp(x_j - max x) over `axis` (Bridle 1990)."""

    axis: int = -1

    name = "softmax"
    inplace = (0,)

    def infer(self, x: TensorType) -> Types:
        check_summands("Softmax", self.axis, x)
        return (x,)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axis % inputs[0].rank != 0

    def forward(self, x: Array) -> tuple[Array, ...]:
        e = np.exp(x - x.max(self.axis, keepdims=True))
        return (e / e.sum(self.axis, keepdims=True),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(SoftmaxGrad(self.axis), grad, outputs[0]),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 5 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Softmax(-1), (f64(3, 4),)), Example(Softmax(1), (f64(2, 5, 3),)))


@dataclass(frozen=True)
class SoftmaxGrad(Op):
    """dL/dx_i = y_i (dL/dy_i - Σ_j y_j dL/dy_j) over `axis`."""

    axis: int

    name = "softmax_grad"
    inplace = (0, 1)
    differentiable = False

    def infer(self, grad: TensorType, y: TensorType) -> Types:
        check_summands(self.name, self.axis, y)
        return (same_type(self.name, grad, y),)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axis % inputs[0].rank != 0

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        return (y * (grad - (grad * y).sum(self.axis, keepdims=True)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(SoftmaxGrad(-1), (f64(3, 4), f64(3, 4))), Example(SoftmaxGrad(1), (f64(2, 5, 3), f64(2, 5, 3))))
