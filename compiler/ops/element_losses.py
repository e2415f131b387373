"""Losses of each element by itself, and the base that binary cross-entropies share with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import same_floats
from graphnet.compiler.types import Array, TensorType

__all__ = ["AbsoluteError", "AbsoluteErrorGrad", "ElementLoss", "Hinge", "HingeGrad", "Huber", "HuberGrad"]


@dataclass(frozen=True)
class ElementLoss(Op):
    """l = f(p, t) for each element, with a gradient dL/dp that `gradient_op`, with the same attributes, computes."""

    elementwise = True
    inplace = (0,)
    constants: ClassVar[tuple[int, ...]] = (1,)
    gradient_op: ClassVar[type[Op]]

    def infer(self, p: TensorType, t: TensorType) -> Types:
        return (same_floats(self.name, p, t),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(self.gradient_op(**self.attributes()), grad, *inputs)), None

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size


@dataclass(frozen=True)
class ElementLossGrad(Op):
    """dL/dp from g = dL/dl, p and t."""

    elementwise = True
    inplace = (0,)
    differentiable: ClassVar[bool] = False

    def infer(self, g: TensorType, p: TensorType, t: TensorType) -> Types:
        return (same_floats(self.name, g, p, t),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size


TYPES = (f64(3, 4), f64(3, 4))


@dataclass(frozen=True)
class AbsoluteErrorGrad(ElementLossGrad):
    """dL/dp = g sign(p - t); sign(0) = 0."""

    name = "absolute_error_grad"

    def forward(self, g: Array, p: Array, t: Array) -> tuple[Array, ...]:
        return (g * np.sign(p - t),)

    def expression(self, g: Expression, p: Expression, t: Expression) -> Expression:
        return g * ex.sign(p - t)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (*TYPES, f64(3, 4)), kink=1e-3),)


@dataclass(frozen=True)
class AbsoluteError(ElementLoss):
    """l = |p - t|; the derivative at p = t is 0."""

    name = "absolute_error"
    gradient_op = AbsoluteErrorGrad

    def forward(self, p: Array, t: Array) -> tuple[Array, ...]:
        return (np.abs(p - t),)

    def expression(self, p: Expression, t: Expression) -> Expression:
        return abs(p - t)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), TYPES, kink=1e-3),)


@dataclass(frozen=True)
class HuberGrad(ElementLossGrad):
    """dL/dp = g min(max(p - t, -δ), δ)."""

    delta: float

    name = "huber_grad"

    def __post_init__(self) -> None:
        self.check(self.delta > 0, "delta", "it must be greater than 0")

    def forward(self, g: Array, p: Array, t: Array) -> tuple[Array, ...]:
        delta = p.dtype.type(self.delta)
        return (g * np.clip(p - t, -delta, delta),)

    def expression(self, g: Expression, p: Expression, t: Expression) -> Expression:
        return g * ex.minimum(ex.maximum(p - t, -self.delta), self.delta)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(0.4), (*TYPES, f64(3, 4))),)


@dataclass(frozen=True)
class Huber(ElementLoss):
    """l = d² / 2 where |d| ≤ δ, else δ (|d| - δ / 2), with d = p - t (Huber 1964)."""

    delta: float

    name = "huber"
    gradient_op = HuberGrad

    def __post_init__(self) -> None:
        self.check(self.delta > 0, "delta", "it must be greater than 0")

    def forward(self, p: Array, t: Array) -> tuple[Array, ...]:
        size, delta, half = np.abs(p - t), p.dtype.type(self.delta), p.dtype.type(0.5)
        inner = np.minimum(size, delta)
        return (inner * (size - half * inner),)

    def expression(self, p: Expression, t: Expression) -> Expression:
        size = abs(p - t)
        inner = ex.minimum(size, self.delta)
        return inner * (size - 0.5 * inner)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(0.4), TYPES), Example(cls(1.0), TYPES, low=-3, high=3))


@dataclass(frozen=True)
class HingeGrad(ElementLossGrad):
    """dL/dp = -g t where t p < 1, else 0."""

    name = "hinge_grad"

    def forward(self, g: Array, p: Array, t: Array) -> tuple[Array, ...]:
        return (-g * t * (t * p < 1),)

    def expression(self, g: Expression, p: Expression, t: Expression) -> Expression:
        return -g * t * (t * p < 1)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (*TYPES, f64(3, 4)), low=-2, high=2),)


@dataclass(frozen=True)
class Hinge(ElementLoss):
    """l = max(0, 1 - t p) for labels t of -1 and 1 (Rosasco et al. 2004); the derivative at t p = 1 is 0."""

    name = "hinge"
    gradient_op = HingeGrad

    def forward(self, p: Array, t: Array) -> tuple[Array, ...]:
        return (np.maximum(1 - t * p, 0),)

    def expression(self, p: Expression, t: Expression) -> Expression:
        return ex.maximum(1 - t * p, 0)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), TYPES, low=-2, high=2),)
