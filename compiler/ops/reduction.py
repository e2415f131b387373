"""Sums and means over axes, and their reverse, spreading over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_floats, check_some
from graphnet.compiler.types import Array, Shape, TensorType, check_axis, format_shape

__all__ = ["Expand", "ReduceMean", "ReduceSum"]


def _without(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(dim for axis, dim in enumerate(shape) if axis not in axes)


def _ascending(axes: tuple[int, ...]) -> bool:
    return all(before < axis for before, axis in zip((-1, *axes), axes, strict=False))


@dataclass(frozen=True)
class Reduction(Op):
    """The base of sums and means over `axes` (each ≥ 0, ascending), which the result no longer has."""

    axes: tuple[int, ...]

    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.check(_ascending(self.axes), "axes", "they must be at least 0 and ascending")

    def infer(self, x: TensorType) -> Types:
        for axis in self.axes:
            check_axis(axis, x.rank, self.name)
        return (x.with_shape(_without(x.shape, self.axes)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(axes), (f64(3, 4, 5),)) for axes in ((0,), (1,), (0, 2), (0, 1, 2)))


@dataclass(frozen=True)
class ReduceSum(Reduction):
    """y = Σ x over `axes`."""

    name = "reduce_sum"

    def infer(self, x: TensorType) -> Types:
        if x.dtype == "bool":
            raise ShapeError(f"{self.name} adds up numbers, got bool")
        return super().infer(x)

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (np.asarray(x.sum(self.axes, x.dtype)),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(Expand(b.types[inputs[0]].shape, self.axes, False), grad),)


@dataclass(frozen=True)
class ReduceMean(Reduction):
    """y = Σ x / n over `axes`, n the number of elements summed."""

    name = "reduce_mean"

    def infer(self, x: TensorType) -> Types:
        check_floats(self.name, x)
        types = super().infer(x)
        check_some(self.name, "element to take the mean of", x, *(x.shape[axis] for axis in self.axes))
        return types

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (np.asarray(x.mean(self.axes)),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(Expand(b.types[inputs[0]].shape, self.axes, True), grad),)


@dataclass(frozen=True)
class Expand(Op):
    """y[…, i, …] = g[…]: repeats g along `axes` to fill `shape`, divided by the number of repeats if `mean`.

    The reverse of a sum (or mean) over `axes`: g has the dims of `shape` without those axes.
    """

    shape: Shape
    axes: tuple[int, ...]
    mean: bool

    name = "expand"
    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        good = _ascending(self.axes) and (not self.axes or self.axes[-1] < len(self.shape))
        self.check(good, "axes", f"they must be ascending axes of {format_shape(self.shape)}")

    def infer(self, g: TensorType) -> Types:
        check_floats(self.name, g)
        if self.mean:
            check_some(self.name, "repeat of a mean", g.with_shape(self.shape), *(self.shape[i] for i in self.axes))
        if g.shape != _without(self.shape, self.axes):
            raise ShapeError(f"{format_shape(g.shape)} cannot be spread over axes {self.axes} of "
                             f"{format_shape(self.shape)}")
        return (g.with_shape(self.shape),)

    def forward(self, g: Array) -> tuple[Array, ...]:
        shape = tuple(int(dim) for dim in self.shape)
        repeats = math.prod(shape[axis] for axis in self.axes) if self.mean else 1
        spread = np.broadcast_to(np.expand_dims(g, self.axes), shape)
        return (spread / g.dtype.type(max(repeats, 1)),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return (None,)
        return (b.add(ReduceMean(self.axes) if self.mean else ReduceSum(self.axes), grad),)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Expand((3, 4, 5), (0, 2), True), (f64(4),)), Example(Expand((3, 4), (1,), False), (f64(3),)),
                Example(Expand((3,), (0,), True), (f64(),)))
