"""Scaling vectors to length 1, and the gradient of that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.norms import measure
from graphnet.compiler.ops.operands import check_floats, same_floats
from graphnet.compiler.types import Array, TensorType, check_axis

__all__ = ["UnitLength", "UnitLengthGrad"]


@dataclass(frozen=True)
class _UnitLength(Op):
    """The attributes of scaling to length 1 along `axis`; a vector shorter than `epsilon` stays shorter than 1."""

    axis: int
    epsilon: float = 1e-12

    def __post_init__(self) -> None:
        self.check(0 < self.epsilon < math.inf, "epsilon", "it must be a finite number > 0")


@dataclass(frozen=True)
class UnitLength(_UnitLength):
    """y = x / max(‖x‖, ε) with ‖x‖ = √Σ x² along `axis`, as PyTorch's `normalize`."""

    name = "unit_length"
    inplace = (0,)

    def infer(self, x: TensorType) -> Types:
        check_floats(self.name, x)
        check_axis(self.axis, x.rank, self.name)
        return (x,)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axis % inputs[0].rank != 0

    def forward(self, x: Array) -> tuple[Array, ...]:
        scaled, length, _ = measure(x, self.axis, self.epsilon)
        return (scaled / length,)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(UnitLengthGrad(self.axis, self.epsilon), grad, inputs[0]),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return Example(cls(-1), (f64(3, 4),)), Example(cls(1, 2.0), (f64(3, 4, 5),))


@dataclass(frozen=True)
class UnitLengthGrad(_UnitLength):
    """dL/dx = (g - y Σ g y) / ‖x‖ with y = x / ‖x‖ along `axis`, and g / ε where ‖x‖ < ε."""

    name = "unit_length_grad"
    inplace = (0, 1)
    differentiable = False

    def infer(self, g: TensorType, x: TensorType) -> Types:
        check_axis(self.axis, x.rank, self.name)
        return (same_floats(self.name, g, x),)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axis % inputs[0].rank != 0

    def forward(self, g: Array, x: Array) -> tuple[Array, ...]:
        scaled, length, shift = measure(x, self.axis, self.epsilon)
        y = scaled / length
        pull = y * (g * y).sum(self.axis, keepdims=True)
        is_long = length > x.dtype.type(self.epsilon) * shift
        return ((g - pull * is_long) / length * shift,)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 8 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return Example(cls(-1), (f64(3, 4), f64(3, 4))), Example(cls(1, 2.0), (f64(3, 4, 5), f64(3, 4, 5)))
