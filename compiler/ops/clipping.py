"""Keeping gradients small before the update: by value, by the norm of each, or by the norm of all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Types, f64
from graphnet.compiler.ops.operands import check_floats
from graphnet.compiler.ops.updates import GradientReader
from graphnet.compiler.types import Array, TensorType

__all__ = ["ClipGradients"]

VALUE, NORM, GLOBAL_NORM = "value", "norm", "global_norm"
EPSILON = 1e-6
"""Added to norms, as PyTorch's `clip_grad_norm_` does."""


@dataclass(frozen=True)
class ClipGradients(GradientReader):
    """Makes gradients g no larger than a limit c.

    `value`: g ← min(max(g, -c), c), each element. `norm`: g ← g · min(1, c / (‖g‖₂ + 1e-6)), each weight's gradient by
    itself. `global_norm`: the same with the norm of all gradients together, √Σ ‖g‖₂² (Pascanu, Mikolov and Bengio 2013,
    algorithm 1). The 1e-6 is PyTorch's; Keras and the paper have none, so their results are larger by 1e-6 / ‖g‖₂.
    """

    limit: float
    by: str

    name = "clip_gradients"
    modes: ClassVar[tuple[str, ...]] = (VALUE, NORM, GLOBAL_NORM)

    def __post_init__(self) -> None:
        self.check(type(self.count) is int and self.count >= 0, "count", "it must be a whole number ≥ 0")
        self.check(self.limit > 0, "limit", "it must be greater than 0")
        self.check(self.by in self.modes, "by", f"it must be one of {', '.join(self.modes)}")

    def infer(self, *gradients: TensorType) -> Types:
        if len(gradients) != self.count:
            raise ShapeError(f"{self.name} of {self.count} gradients takes as many tensors, got {len(gradients)}")
        check_floats(self.name, *gradients)
        return gradients

    def forward(self, *gradients: Array) -> tuple[Array, ...]:
        if self.by == VALUE:
            return tuple(np.clip(g, g.dtype.type(-self.limit), g.dtype.type(self.limit)) for g in gradients)
        groups = [gradients] if self.by == GLOBAL_NORM else [(g,) for g in gradients]
        factors = [tuple(map(g.dtype.type, self.factors(group))) for group in groups for g in group]
        return tuple(g * first * second for g, (first, second) in zip(gradients, factors, strict=True))

    def factor(self, square: float) -> float:
        """What gradients with this squared norm are multiplied by."""
        return min(1.0, self.limit / (math.sqrt(square) + EPSILON))

    def factors(self, gradients: Sequence[Array]) -> tuple[float, float]:
        """What gradients are multiplied by one after the other: a power of two that makes them at most 1, and the rest.

        So neither their squares nor the product of both factors have to be numbers that the dtype has.
        """
        largest = max((float(np.abs(g).max(initial=0)) for g in gradients), default=0.0)
        down = -max(math.frexp(largest)[1], 0)
        square = sum(float(np.square(np.ldexp(g, down), dtype=np.float64).sum()) for g in gradients)
        length = math.sqrt(square) + math.ldexp(EPSILON, down)
        if math.ldexp(self.limit, down) < length:
            return math.ldexp(1.0, down), self.limit / length
        return 1.0, 1.0

    def gradient_positions(self) -> range:
        """All of them."""
        return range(self.count)

    def advances(self) -> dict[int, int]:
        return {i: i for i in range(self.count)}

    def flops(self, inputs: Types, outputs: Types) -> int:
        return (2 if self.by == VALUE else 3) * sum(t.size for t in outputs)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        types = (f64(3, 4), f64(5))
        return (*(Example(cls(2, 0.5, by), types) for by in cls.modes), Example(cls(2, 50.0, GLOBAL_NORM), types))
