"""The largest element over axes, and its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.types import Array, TensorType, check_axis, format_shape

__all__ = ["ReduceMax", "ReduceMaxGrad"]


@dataclass(frozen=True)
class ReduceMax(Op):
    """y = max x over the last `count` axes, which the result no longer has.

    Of equal elements the first in row-major order gets the gradient.
    """

    count: int

    name = "reduce_max"

    def __post_init__(self) -> None:
        self.check(self.count >= 1, "count", "it must be at least 1")

    def infer(self, x: TensorType) -> Types:
        check_axis(-self.count, x.rank, self.name)
        if 0 in x.shape[-self.count:]:
            raise ShapeError(f"{format_shape(x.shape)} has no element to take the largest of")
        return (x.with_shape(x.shape[:-self.count]),)

    def separates(self, *inputs: TensorType) -> bool:
        return self.count < inputs[-1].rank

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (np.asarray(x.max(tuple(range(-self.count, 0)))),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(ReduceMaxGrad(self.count), grad, inputs[0]),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(count), (f64(3, 4, 5),), kink=1e-3) for count in (1, 2))


@dataclass(frozen=True)
class ReduceMaxGrad(Op):
    """dL/dx[p] = g if p is the first largest element, else 0.

    Shapes: x (…, d₁, …, d_count), g (…); result like x.
    """

    count: int

    name = "reduce_max_grad"
    differentiable = False

    def infer(self, g: TensorType, x: TensorType) -> Types:
        (expected,) = ReduceMax(self.count).infer(x)
        if g != expected:
            raise ShapeError(f"{self.name} needs a gradient {format_shape(expected.shape)}, "
                             f"got {format_shape(g.shape)}")
        return (x,)

    def separates(self, *inputs: TensorType) -> bool:
        return self.count < inputs[-1].rank

    def forward(self, g: Array, x: Array) -> tuple[Array, ...]:
        rows = x.reshape(*g.shape, math.prod(x.shape[g.ndim:]))
        found = np.zeros(rows.shape, x.dtype)
        first = rows.argmax(-1)[..., None]  # argmax takes the first of equals
        np.put_along_axis(found, first, g[..., None], -1)
        return (found.reshape(x.shape),)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        def values(rng: np.random.Generator) -> tuple[Array, ...]:
            return rng.standard_normal((2, 3)), rng.integers(0, 4, (2, 3, 4, 5)).astype(float)  # with ties
        return (Example(cls(2), (f64(2, 3), f64(2, 3, 4, 5)), values=values),)
