"""What regularisation adds to the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_floats
from graphnet.compiler.types import Array, TensorType

__all__ = ["Penalty", "PenaltyGrad"]


@dataclass(frozen=True)
class _Penalised(Op):
    l1: float
    l2: float
    per_sample: bool = False

    def __post_init__(self) -> None:
        self.check(self.l1 >= 0, "l1", "it must be ≥ 0")
        self.check(self.l2 >= 0, "l2", "it must be ≥ 0")

    def separates(self, *inputs: TensorType) -> bool:
        return self.per_sample

    def shares(self, x: Array) -> tuple[float, float]:
        """λ₁ and λ₂, divided by the number of samples if `per_sample`."""
        samples = max(len(x), 1) if self.per_sample else 1
        return self.l1 / samples, self.l2 / samples

    def _check_samples(self, x: TensorType) -> None:
        check_floats(self.name, x)
        if self.per_sample and x.rank == 0:
            raise ShapeError(f"{self.name} per sample needs a batch axis, got a scalar")


@dataclass(frozen=True)
class Penalty(_Penalised):
    """y = λ₁ Σ |x| + λ₂ Σ x², a scalar; divided by the number of samples, the first dim, if `per_sample`.

    (Goodfellow, Bengio and Courville, Deep Learning, section 7.1; λ₂ as in Keras, without the factor ½ of a weight
    decay.) The derivative is taken to be 0 where an element is 0.
    """

    name = "penalty"

    def infer(self, x: TensorType) -> Types:
        self._check_samples(x)
        return (x.with_shape(()),)

    def forward(self, x: Array) -> tuple[Array, ...]:
        l1, l2 = self.shares(x)
        wide = x.astype(np.float64)
        return (np.asarray(l1 * np.abs(wide).sum() + l2 * np.square(wide).sum(), x.dtype),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(PenaltyGrad(**self.attributes()), grad, inputs[0]),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return (2 * bool(self.l1) + 2 * bool(self.l2)) * inputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(0.3, 0.0), (f64(3, 4),), kink=1e-3), Example(cls(0.0, 0.7), (f64(3, 4),)),
                Example(cls(0.3, 0.7, True), (f64(3, 4, 5),), kink=1e-3))


@dataclass(frozen=True)
class PenaltyGrad(_Penalised):
    """dL/dx = g (λ₁ sign(x) + 2 λ₂ x) for the gradient g of the penalty; sign(0) = 0."""

    name = "penalty_grad"
    differentiable: ClassVar[bool] = False

    def infer(self, g: TensorType, x: TensorType) -> Types:
        self._check_samples(x)
        check_floats(self.name, g, x)
        if g.shape != ():
            raise ShapeError(f"{self.name} needs a scalar gradient, got {g}")
        return (x,)

    def forward(self, g: Array, x: Array) -> tuple[Array, ...]:
        l1, l2 = map(x.dtype.type, self.shares(x))
        return (g * (l1 * np.sign(x) + (l2 + l2) * x),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return (2 * bool(self.l1) + 2 * bool(self.l2)) * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(0.3, 0.0), (f64(), f64(3, 4))), Example(cls(0.0, 0.7), (f64(), f64(3, 4))),
                Example(cls(0.3, 0.7, True), (f64(), f64(3, 4, 5))))
