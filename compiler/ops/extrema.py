"""The larger and the smaller of two tensors, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import same_type
from graphnet.compiler.types import Array, TensorType

__all__ = ["Maximum", "Minimum", "Select"]


@dataclass(frozen=True)
class Maximum(Op):
    """y = max(a, b), element by element; a, b and y have one shape. Where a = b the whole gradient goes to a."""

    name = "maximum"
    elementwise = True
    inplace = (0, 1)

    def infer(self, a: TensorType, b: TensorType) -> Types:
        return (same_type("Maximum", a, b),)

    def forward(self, a: Array, b: Array) -> tuple[Array, ...]:
        return (np.maximum(a, b),)

    def expression(self, a: Expression, b: Expression) -> Expression:
        return ex.maximum(a, b)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        left, right = inputs
        return b.add(Select(True), grad, left, right), b.add(Select(False), grad, left, right)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4), f64(3, 4)), kink=1e-3),)


@dataclass(frozen=True)
class Minimum(Op):
    """y = min(a, b), element by element; a, b and y have one shape. Where a = b the whole gradient goes to a."""

    name = "minimum"
    elementwise = True
    inplace = (0, 1)

    def infer(self, a: TensorType, b: TensorType) -> Types:
        return (same_type("Minimum", a, b),)

    def forward(self, a: Array, b: Array) -> tuple[Array, ...]:
        return (np.minimum(a, b),)

    def expression(self, a: Expression, b: Expression) -> Expression:
        return ex.minimum(a, b)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        left, right = inputs
        return b.add(Select(True), grad, right, left), b.add(Select(False), grad, right, left)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4), f64(3, 4)), kink=1e-3),)


@dataclass(frozen=True)
class Select(Op):
    """y = g where (a ≥ b) is `holds`, else 0; all of one shape."""

    holds: bool

    name = "select"
    elementwise = True
    inplace = (0, 1, 2)
    differentiable = False

    def infer(self, g: TensorType, a: TensorType, b: TensorType) -> Types:
        return (same_type(self.name, g, a, b),)

    def forward(self, g: Array, a: Array, b: Array) -> tuple[Array, ...]:
        return (np.where((a >= b) == self.holds, g, g.dtype.type(0)),)

    def expression(self, g: Expression, a: Expression, b: Expression) -> Expression:
        return ex.where(a >= b, g, 0) if self.holds else ex.where(a >= b, 0, g)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        def values(rng: np.random.Generator) -> tuple[Array, ...]:
            return rng.standard_normal((3, 4)), *(rng.integers(0, 3, (3, 4)).astype(float) for _ in range(2))
        return tuple(Example(cls(holds), (f64(3, 4),) * 3, values=values) for holds in (True, False))
