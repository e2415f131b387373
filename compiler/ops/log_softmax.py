"""The logarithm of the softmax, and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_summands, same_type
from graphnet.compiler.types import Array, TensorType

__all__ = ["LogSoftmax", "LogSoftmaxGrad"]


@dataclass(frozen=True)
class LogSoftmax(Op):
    """y_i = (x_i - max x) - log Σ_j exp(x_j - max x) over `axis`.

    Finite also where the softmax is so small that its logarithm would be -∞.
    """

    axis: int = -1

    name = "log_softmax"
    inplace = (0,)

    def infer(self, x: TensorType) -> Types:
        check_summands("LogSoftmax", self.axis, x)
        return (x,)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axis % inputs[0].rank != 0

    def forward(self, x: Array) -> tuple[Array, ...]:
        shifted = x - x.max(self.axis, keepdims=True)
        return (shifted - np.log(np.exp(shifted).sum(self.axis, keepdims=True)),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(LogSoftmaxGrad(self.axis), grad, outputs[0]),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 5 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(-1), (f64(3, 4),)), Example(cls(1), (f64(2, 5, 3),)))


@dataclass(frozen=True)
class LogSoftmaxGrad(Op):
    """dL/dx_i = dL/dy_i - exp(y_i) Σ_j dL/dy_j over `axis`."""

    axis: int

    name = "log_softmax_grad"
    inplace = (0, 1)
    differentiable = False

    def infer(self, grad: TensorType, y: TensorType) -> Types:
        check_summands(self.name, self.axis, y)
        return (same_type(self.name, grad, y),)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axis % inputs[0].rank != 0

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        return (grad - np.exp(y) * grad.sum(self.axis, keepdims=True),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(-1), (f64(3, 4), f64(3, 4))), Example(cls(1), (f64(2, 5, 3), f64(2, 5, 3))))
