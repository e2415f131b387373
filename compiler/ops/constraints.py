"""What a weight is replaced by after each step, to keep it in a set: `Parameter.constraint` holds such an op."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Op, Types, f64
from graphnet.compiler.ops.norms import measure
from graphnet.compiler.ops.operands import check_floats
from graphnet.compiler.types import Array, TensorType

__all__ = ["Constraint", "MaxNorm", "NonNegative", "UnitNorm"]

SMALLEST = 1e-7
"""The norm that a weight is divided by at least, so that 0 stays 0."""


@dataclass(frozen=True)
class Constraint(Op):
    """From a weight to the weight that takes its place, of the same type."""

    differentiable: ClassVar[bool] = False

    def infer(self, w: TensorType) -> Types:
        check_floats(self.name, w)
        return (w,)

    def advances(self) -> dict[int, int]:
        return {0: 0}

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * outputs[0].size


@dataclass(frozen=True)
class _NormConstraint(Constraint):
    """A constraint on the norm of w over `axes` (each ≥ 0, ascending)."""

    axes: tuple[int, ...]

    def infer(self, w: TensorType) -> Types:
        if any(not 0 <= axis < w.rank for axis in self.axes) or len(set(self.axes)) < len(self.axes):
            raise ShapeError(f"{self.name} has axes {self.axes}, but the weight has {w.rank} dims",
                             "choose axes of the weight, each once")
        return super().infer(w)


@dataclass(frozen=True)
class NonNegative(Constraint):
    """w ← max(w, 0)."""

    name = "non_negative"

    def forward(self, w: Array) -> tuple[Array, ...]:
        return (np.maximum(w, 0),)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4),)),)


@dataclass(frozen=True)
class UnitNorm(_NormConstraint):
    """w ← w / max(‖w‖₂, 1e-7), the norm taken over `axes`."""

    name = "unit_norm"

    def forward(self, w: Array) -> tuple[Array, ...]:
        scaled, length, _ = measure(w, self.axes, SMALLEST)
        return (scaled / length,)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls((0,)), (f64(3, 4),)), Example(cls((1, 2)), (f64(3, 4, 5),)))


@dataclass(frozen=True)
class MaxNorm(_NormConstraint):
    """w ← w · c / max(‖w‖₂, c), the norm taken over `axes` (Srebro, Rennie and Jaakkola 2004).

    A weight within the limit c stays as it is, to the last bit.
    """

    limit: float

    name = "max_norm"

    def __post_init__(self) -> None:
        self.check(self.limit > 0, "limit", "it must be greater than 0")

    def forward(self, w: Array) -> tuple[Array, ...]:
        scaled, length, _ = measure(w, self.axes, self.limit)
        return (scaled * (w.dtype.type(self.limit) / length),)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls((0,), 0.8), (f64(3, 4),)), Example(cls((1, 2), 1.2), (f64(3, 4, 5),)))
