"""Scaling the slices of a tensor along one axis, and the reciprocal root that makes scales of variances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.linear import along_axis
from graphnet.compiler.ops.operands import check_floats, same_floats
from graphnet.compiler.roles import SCALE
from graphnet.compiler.types import Array, TensorType, check_axis, format_shape

__all__ = ["DotAxis", "InverseRoot", "InverseRootGrad", "ScaleAxis"]


def other_axes(axis: int, rank: int) -> tuple[int, ...]:
    """All axes of a tensor of this rank but one."""
    return tuple(other for other in range(rank) if other != axis % rank)


@dataclass(frozen=True)
class ScaleAxis(Op):
    """y = x · s with s spread along `axis` of x; s (x.shape[axis],)."""

    axis: int

    name = "scale_axis"
    roles = MappingProxyType({1: SCALE})
    elementwise = True
    inplace = (0,)

    def infer(self, x: TensorType, scale: TensorType) -> Types:
        axis = check_axis(self.axis, x.rank, "the scale")
        if scale != x.with_shape((x.shape[axis],)):
            raise ShapeError(f"a scale {scale.dtype} {format_shape(scale.shape)} does not fit axis {axis} of "
                             f"{x.dtype} {format_shape(x.shape)}: it must be {x.dtype} ({x.shape[axis]},)")
        return (x,)

    def forward(self, x: Array, scale: Array) -> tuple[Array, ...]:
        return (x * along_axis(scale, self.axis, x.ndim),)

    def expression(self, x: Expression, scale: Expression) -> Expression:
        return x * scale

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        x, scale = inputs
        return b.add(self, grad, scale), b.add(DotAxis(self.axis), grad, x)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(-1), (f64(3, 4), f64(4))), Example(cls(1), (f64(2, 3, 4, 5), f64(3))))


@dataclass(frozen=True)
class DotAxis(Op):
    """y_c = Σ a · b over all elements whose index along `axis` is c: what the scale of ScaleAxis gets as its gradient.

    Shapes: a and b alike; y (a.shape[axis],).
    """

    axis: int

    name = "dot_axis"
    sums_gradients = True

    def infer(self, a: TensorType, b: TensorType) -> Types:
        same_floats(self.name, a, b)
        return (a.with_shape((a.shape[check_axis(self.axis, a.rank, self.name)],)),)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axis % inputs[0].rank != 0

    def forward(self, a: Array, b: Array) -> tuple[Array, ...]:
        return ((a * b).sum(other_axes(self.axis, a.ndim)),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        first, second = inputs
        return b.add(ScaleAxis(self.axis), second, grad), b.add(ScaleAxis(self.axis), first, grad)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * inputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(-1), (f64(3, 4), f64(3, 4))), Example(cls(1), (f64(2, 3, 4, 5), f64(2, 3, 4, 5))))


@dataclass(frozen=True)
class InverseRoot(Op):
    """y = 1 / √(x + ε), element by element: the scale that gives data of variance x the variance 1."""

    epsilon: float

    name = "inverse_root"
    elementwise = True
    inplace = (0,)

    def __post_init__(self) -> None:
        self.check(self.epsilon >= 0, "epsilon", "it must be at least 0")

    def infer(self, x: TensorType) -> Types:
        check_floats(self.name, x)
        return (x,)

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (1 / np.sqrt(x + x.dtype.type(self.epsilon)),)

    def expression(self, x: Expression) -> Expression:
        return 1 / ex.sqrt(x + self.epsilon)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(InverseRootGrad(), grad, outputs[0]),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(1e-3), (f64(3, 4),), low=0.1, high=2),)


@dataclass(frozen=True)
class InverseRootGrad(Op):
    """dL/dx = -½ dL/dy · y³ for y = 1 / √(x + ε)."""

    name = "inverse_root_grad"
    elementwise = True
    inplace = (0,)
    differentiable = False

    def infer(self, grad: TensorType, y: TensorType) -> Types:
        return (same_floats(self.name, grad, y),)

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        return (grad * y * y * (y * y.dtype.type(-0.5)),)

    def expression(self, grad: Expression, y: Expression) -> Expression:
        return grad * y * y * (y * -0.5)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4), f64(3, 4))),)
