"""Nearest-neighbour upsampling, and its reverse, sums over blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_floats
from graphnet.compiler.types import Array, TensorType, format_shape, known

__all__ = ["SumBlocks", "Upsample"]


@dataclass(frozen=True)
class _Blocks(Op):
    """`factors` are the sizes of the blocks along the last axes, one for each."""

    factors: tuple[int, ...]

    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.check(len(self.factors) > 0 and min(self.factors) >= 1, "factors", "each must be at least 1")

    def sides(self, t: TensorType) -> tuple[int, ...]:
        """The sizes of the axes that the factors stand for."""
        if t.rank < len(self.factors):
            raise ShapeError(f"{self.name} by {self.factors} needs {len(self.factors)} dims at least, got "
                             f"{format_shape(t.shape)}")
        return tuple(known(dim, f"each of the last {len(self.factors)} dims of {self.name}")
                     for dim in t.shape[-len(self.factors):])


@dataclass(frozen=True)
class Upsample(_Blocks):
    """y[…, i, j] = x[…, ⌊i / f₁⌋, ⌊j / f₂⌋]: repeats each element to fill a block of f₁ × f₂.

    Shapes: x (…, H, W); y (…, f₁ H, f₂ W).
    """

    name = "upsample"
    rearranging = True

    def infer(self, x: TensorType) -> Types:
        sides = (size * factor for size, factor in zip(self.sides(x), self.factors, strict=True))
        return (x.with_shape((*x.shape[:-len(self.factors)], *sides)),)

    def forward(self, x: Array) -> tuple[Array, ...]:
        for axis, factor in enumerate(self.factors, x.ndim - len(self.factors)):
            x = np.repeat(x, factor, axis)
        return (x,)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(SumBlocks(self.factors), grad),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls((2, 3)), (f64(2, 3, 4, 5),)), Example(cls((3,)), (f64(2, 4, 5),)))


@dataclass(frozen=True)
class SumBlocks(_Blocks):
    """y[…, i, j] = Σ x[…, f₁ i + a, f₂ j + b] over 0 ≤ a < f₁, 0 ≤ b < f₂.

    Shapes: x (…, f₁ H, f₂ W); y (…, H, W).
    """

    name = "sum_blocks"

    def infer(self, x: TensorType) -> Types:
        check_floats(self.name, x)
        sides = self.sides(x)
        if any(size % factor for size, factor in zip(sides, self.factors, strict=True)):
            raise ShapeError(f"the last dims of {format_shape(x.shape)} do not divide into blocks of {self.factors}")
        return (x.with_shape((*x.shape[:-len(self.factors)],
                              *(size // factor for size, factor in zip(sides, self.factors, strict=True)))),)

    def forward(self, x: Array) -> tuple[Array, ...]:
        lead = x.ndim - len(self.factors)
        split = [part for size, f in zip(x.shape[lead:], self.factors, strict=True) for part in (size // f, f)]
        return (x.reshape(*x.shape[:lead], *split).sum(tuple(range(lead + 1, lead + len(split), 2))),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(Upsample(self.factors), grad),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls((2, 3)), (f64(2, 3, 8, 15),)), Example(cls((3,)), (f64(2, 4, 15),)))
