"""Activation functions applied to each element by itself, and their gradients.

The gradients are written in terms of the output y where that is possible, so that the input need not be kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_floats, same_floats
from graphnet.compiler.ops.tails import logistic
from graphnet.compiler.types import Array, TensorType

__all__ = ["Relu", "ReluGrad", "Sigmoid", "SigmoidGrad", "Tanh", "TanhGrad"]


@dataclass(frozen=True)
class Activation(Op):
    """y = f(x) with a gradient that `gradient_op`, an op with the same attributes, computes from dL/dy and y (or x)."""

    elementwise = True
    inplace = (0,)
    gradient_op: ClassVar[type[Op]]
    from_input: ClassVar[bool] = False
    """Whether the gradient is computed from x, because y does not tell it."""

    def infer(self, x: TensorType) -> Types:
        check_floats(self.name, x)
        return (x,)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return (None,)
        kept = inputs[0] if self.from_input else outputs[0]
        return (b.add(self.gradient_op(**self.attributes()), grad, kept),)


@dataclass(frozen=True)
class ActivationGrad(Op):
    """dL/dx from dL/dy and y (or x)."""

    elementwise = True
    inplace = (0, 1)
    differentiable = False

    def infer(self, grad: TensorType, kept: TensorType) -> Types:
        return (same_floats(self.name, grad, kept),)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4), f64(3, 4))),)


@dataclass(frozen=True)
class ReluGrad(ActivationGrad):
    """dL/dx = dL/dy where y > 0, else 0; so the gradient at x = 0 is 0."""

    name = "relu_grad"
    planned = True

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        return (grad * (y > 0),)

    def expression(self, grad: Expression, y: Expression) -> Expression:
        return grad * (y > 0)


@dataclass(frozen=True)
class Relu(Activation):
    """y = max(x, 0) (Nair and Hinton 2010). The gradient at 0 is 0."""

    name = "relu"
    gradient_op = ReluGrad

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (np.maximum(x, 0),)

    def expression(self, x: Expression) -> Expression:
        return ex.maximum(x, 0)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Relu(), (f64(3, 4, 5),), kink=1e-3),)


@dataclass(frozen=True)
class SigmoidGrad(ActivationGrad):
    """dL/dx = dL/dy · y (1 - y)."""

    name = "sigmoid_grad"
    planned = True

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        return (grad * (y * (1 - y)),)

    def expression(self, grad: Expression, y: Expression) -> Expression:
        return grad * (y * (1 - y))

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * outputs[0].size


@dataclass(frozen=True)
class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x)), computed from exp(-|x|), which neither overflows nor cancels."""

    name = "sigmoid"
    gradient_op = SigmoidGrad
    planned = True

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (logistic(np, x),)

    def expression(self, x: Expression) -> Expression:
        y: Expression = logistic(ex, x)
        return y

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Sigmoid(), (f64(3, 4, 5),), low=-4, high=4),)


@dataclass(frozen=True)
class TanhGrad(ActivationGrad):
    """dL/dx = dL/dy · (1 - y²)."""

    name = "tanh_grad"
    planned = True

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        return (grad * ((1 - y) * (1 + y)),)

    def expression(self, grad: Expression, y: Expression) -> Expression:
        return grad * ((1 - y) * (1 + y))

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * outputs[0].size


@dataclass(frozen=True)
class Tanh(Activation):
    """y = tanh(x)."""

    name = "tanh"
    gradient_op = TanhGrad

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (np.tanh(x),)

    def expression(self, x: Expression) -> Expression:
        return ex.tanh(x)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Tanh(), (f64(3, 4, 5),), low=-2, high=2),)
