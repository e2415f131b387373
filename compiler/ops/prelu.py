"""PReLU: a leaky rectifier whose slope is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.activations import Relu
from graphnet.compiler.ops.arithmetic import Multiply, Subtract
from graphnet.compiler.ops.linear import along_axis
from graphnet.compiler.ops.operands import check_floats, same_type
from graphnet.compiler.ops.reduction import ReduceSum
from graphnet.compiler.ops.shaping import Reshape
from graphnet.compiler.roles import SLOPE
from graphnet.compiler.types import Array, TensorType, check_axis, format_shape

__all__ = ["PRelu", "PReluGrad"]


def _check_slope(x: TensorType, slope: TensorType, axis: int) -> None:
    check_floats("PReLU", x, slope)
    axis = check_axis(axis, x.rank, "PReLU")
    if slope.shape not in ((x.shape[axis],), (1,)):
        raise ShapeError(f"a slope of shape {format_shape(slope.shape)} does not fit axis {axis} of "
                         f"{format_shape(x.shape)}: it must be ({x.shape[axis]},), or (1,) to be shared")


@dataclass(frozen=True)
class PRelu(Op):
    """y = x where x > 0, else a · x (He et al. 2015, eq. 1). The gradient for x at 0 is a.

    Shapes: x of any shape, slope a (x.shape[axis],), or (1,) if all channels share it; y like x.
    """

    axis: int

    name = "prelu"
    roles = MappingProxyType({1: SLOPE})
    planned = True
    elementwise = True
    inplace = (0,)

    def infer(self, x: TensorType, slope: TensorType) -> Types:
        _check_slope(x, slope, self.axis)
        return (x,)

    def forward(self, x: Array, slope: Array) -> tuple[Array, ...]:
        return (np.where(x > 0, x, x * along_axis(slope, self.axis, x.ndim)),)

    def expression(self, x: Expression, slope: Expression) -> Expression:
        return ex.where(x > 0, x, x * slope)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        x, slope = inputs
        negative = b.add(Subtract(), x, b.add(Relu(), x))  # min(x, 0) = dy/da
        share = b.add(Multiply(), grad, negative)
        return b.add(PReluGrad(self.axis), grad, x, slope), self._sum(b, share, b.types[slope])

    def _sum(self, b: NodeMaker, share: int, slope: TensorType) -> int:
        t = b.types[share]
        axis = self.axis % t.rank
        if slope.shape == (t.shape[axis],):
            return b.add(ReduceSum(tuple(i for i in range(t.rank) if i != axis)), share)
        return b.add(Reshape((1,)), b.add(ReduceSum(tuple(range(t.rank))), share))

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(1), (f64(2, 3, 4), f64(3)), kink=1e-3), Example(cls(-1), (f64(3, 4), f64(1)), kink=1e-3))


@dataclass(frozen=True)
class PReluGrad(Op):
    """dL/dx = dL/dy where x > 0, else a · dL/dy. Shapes as for `prelu`."""

    axis: int

    name = "prelu_grad"
    planned = True
    inplace = (0, 1)
    elementwise = True
    differentiable = False

    def infer(self, grad: TensorType, x: TensorType, slope: TensorType) -> Types:
        _check_slope(x, slope, self.axis)
        return (same_type(self.name, grad, x),)

    def forward(self, grad: Array, x: Array, slope: Array) -> tuple[Array, ...]:
        return (np.where(x > 0, grad, grad * along_axis(slope, self.axis, x.ndim)),)

    def expression(self, grad: Expression, x: Expression, slope: Expression) -> Expression:
        return ex.where(x > 0, grad, grad * slope)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(1), (f64(2, 3, 4), f64(2, 3, 4), f64(3))), Example(cls(-1), (f64(3, 4), f64(3, 4), f64(1))))
