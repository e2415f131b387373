"""Matrix products of a batch with a weight matrix, and adding a bias."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_floats, check_some
from graphnet.compiler.ops.reduction import ReduceSum
from graphnet.compiler.roles import BIAS, KERNEL
from graphnet.compiler.types import Array, TensorType, check_axis, format_shape

__all__ = ["BiasAdd", "MatMul", "MatMulGradWeight"]


@dataclass(frozen=True)
class MatMul(Op):
    """y = x W, or x Wᵀ if `transpose_w`.

    Shapes: x (…, K), W (K, M) or, transposed, (M, K); y (…, M).
    """

    transpose_w: bool = False

    name = "matmul"
    separable: ClassVar[bool] = True
    roles = MappingProxyType({1: KERNEL})

    def infer(self, x: TensorType, w: TensorType) -> Types:
        check_floats("a matrix product", x, w)
        if x.rank < 2 or w.rank != 2:
            raise ShapeError(f"a matrix product needs x (…, K) and weights of 2 dims, got {format_shape(x.shape)} "
                             f"and {format_shape(w.shape)}")
        k, m = reversed(w.shape) if self.transpose_w else w.shape
        if x.shape[-1] != k:
            raise ShapeError(f"weights {format_shape(w.shape)} take {k} features, but the input "
                             f"{format_shape(x.shape)} has {x.shape[-1]} on its last axis: {x.shape[-1]} ≠ {k}",
                             f"feed {k} features, or declare the layer on an input of {x.shape[-1]}")
        check_some("a matrix product", "row and column of its weights", w, *w.shape)
        return (x.with_shape((*x.shape[:-1], m)),)

    def forward(self, x: Array, w: Array) -> tuple[Array, ...]:
        return (x @ (w.T if self.transpose_w else w),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        x, w = inputs
        left, right = (grad, x) if self.transpose_w else (x, grad)
        for_weight = b.add(MatMulGradWeight(), left, right)  # first: x can go then
        return b.add(MatMul(not self.transpose_w), grad, w), for_weight

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * outputs[0].size * int(inputs[0].shape[-1])

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(MatMul(), (f64(3, 4), f64(4, 5))), Example(MatMul(True), (f64(3, 4), f64(5, 4))),
                Example(MatMul(), (f64(2, 3, 4), f64(4, 5))))


@dataclass(frozen=True)
class MatMulGradWeight(Op):
    """W = Σ xᵀ g over all axes but the last: the gradient of a matrix product for its weights.

    Shapes: x (…, K), g (…, M); W (K, M).
    """

    name = "matmul_grad_weight"
    sums_gradients: ClassVar[bool] = True
    separable: ClassVar[bool] = True

    def infer(self, x: TensorType, g: TensorType) -> Types:
        check_floats(self.name, x, g)
        check_some(self.name, "feature", x, *x.shape[-1:])
        check_some(self.name, "feature", g, *g.shape[-1:])
        if min(x.rank, g.rank) < 2 or x.shape[:-1] != g.shape[:-1]:
            raise ShapeError(f"{self.name} needs equal leading dims, got {format_shape(x.shape)} and "
                             f"{format_shape(g.shape)}")
        return (x.with_shape((x.shape[-1], g.shape[-1])),)

    def forward(self, x: Array, g: Array) -> tuple[Array, ...]:
        return (x.reshape(-1, x.shape[-1]).T @ g.reshape(-1, g.shape[-1]),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        x, g = inputs
        return b.add(MatMul(True), g, grad), b.add(MatMul(False), x, grad)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * inputs[0].size * int(inputs[1].shape[-1])

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(MatMulGradWeight(), (f64(3, 4), f64(3, 5))),
                Example(MatMulGradWeight(), (f64(2, 3, 4), f64(2, 3, 5))))


@dataclass(frozen=True)
class BiasAdd(Op):
    """y = x + b with b spread along `axis` of x; b (x.shape[axis],)."""

    axis: int

    name = "bias_add"
    roles = MappingProxyType({1: BIAS})
    elementwise = True
    inplace = (0,)

    def infer(self, x: TensorType, bias: TensorType) -> Types:
        check_floats("the bias", x, bias)
        axis = check_axis(self.axis, x.rank, "the bias")
        if bias.shape != (x.shape[axis],):
            raise ShapeError(f"a bias of shape {format_shape(bias.shape)} does not fit axis {axis} of "
                             f"{format_shape(x.shape)}: {x.shape[axis]} ≠ {format_shape(bias.shape)}")
        return (x,)

    def forward(self, x: Array, bias: Array) -> tuple[Array, ...]:
        return (x + along_axis(bias, self.axis, x.ndim),)

    def expression(self, x: Expression, bias: Expression) -> Expression:
        return x + bias

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        rank = b.types[inputs[0]].rank
        axes = tuple(axis for axis in range(rank) if axis != self.axis % rank)
        return grad, b.add(ReduceSum(axes), grad)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(BiasAdd(-1), (f64(3, 4), f64(4))), Example(BiasAdd(1), (f64(2, 3, 4, 5), f64(3))))


def along_axis(vector: Array, axis: int, rank: int) -> Array:
    """A view of a vector that broadcasts along `axis` of a tensor of this rank."""
    shape = [1] * rank
    shape[axis] = math.prod(np.shape(vector))
    return vector.reshape(shape)
