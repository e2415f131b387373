"""Exchanging axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.types import Array, TensorType, format_shape

__all__ = ["Transpose"]


@dataclass(frozen=True)
class Transpose(Op):
    """y[i₀, i₁, …] = x with index i_k on its axis `axes[k]`: axis k of y is axis `axes[k]` of x."""

    axes: tuple[int, ...]

    name = "transpose"
    rearranging = True

    def __post_init__(self) -> None:
        self.check(sorted(self.axes) == list(range(len(self.axes))), "axes",
                   f"it must have each of the axes 0 … {len(self.axes) - 1} once")

    def infer(self, x: TensorType) -> Types:
        if x.rank != len(self.axes):
            raise ShapeError(f"axes {self.axes} are an order of {len(self.axes)} axes, but {format_shape(x.shape)} has "
                             f"{x.rank}")
        return (x.with_shape(x.shape[axis] for axis in self.axes),)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axes[0] == 0

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (x.transpose(self.axes).copy(order="C"),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        back = tuple(int(axis) for axis in np.argsort(self.axes))
        return (None if grad is None else b.add(Transpose(back), grad),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls((0, 2, 1)), (f64(3, 4, 5),)), Example(cls((2, 0, 3, 1)), (f64(2, 3, 4, 5),)))
