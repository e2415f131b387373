"""Cross-entropy of independent yes-or-no decisions, from probabilities and from logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Op, f64
from graphnet.compiler.ops.cross_entropy import floor
from graphnet.compiler.ops.element_losses import TYPES, ElementLoss, ElementLossGrad
from graphnet.compiler.types import Array

__all__ = ["BinaryCrossEntropy", "BinaryCrossEntropyGrad", "SigmoidCrossEntropy", "SigmoidCrossEntropyGrad"]


def _check_weights(op: Op, weights: tuple[float, ...]) -> None:
    op.check(len(weights) == 2 and min(weights) >= 0, "weights", "it must be two numbers ≥ 0, for 0 and for 1")


@dataclass(frozen=True)
class BinaryCrossEntropyGrad(ElementLossGrad):
    """dL/dp = g (w₀ (1 - t) / (1 - p) - w₁ t / p); a quotient is 0 where its denominator is not positive.

    (Below the smallest normal number, to be exact: where the logarithm is cut off.)
    """

    weights: tuple[float, float] = (1.0, 1.0)

    name = "binary_cross_entropy_grad"

    def __post_init__(self) -> None:
        _check_weights(self, self.weights)

    def forward(self, g: Array, p: Array, t: Array) -> tuple[Array, ...]:
        no, yes = map(p.dtype.type, self.weights)
        return (g * (no * _quotient(1 - t, 1 - p) - yes * _quotient(t, p)),)

    def expression(self, g: Expression, p: Expression, t: Expression) -> Expression:
        no, yes = self.weights
        return g * (no * _quotient_of(1 - t, 1 - p) - yes * _quotient_of(t, p))

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls((0.5, 2.0)), (*TYPES, f64(3, 4)), low=0.1, high=0.9),)


@dataclass(frozen=True)
class BinaryCrossEntropy(ElementLoss):
    """l = -w₁ t log max(p, m) - w₀ (1 - t) log max(1 - p, m); m is the smallest normal number of the dtype.

    Up to p = 1/2 the second logarithm is log1p(-p), since 1 - p is 1 for a small p.
    """

    weights: tuple[float, float] = (1.0, 1.0)

    name = "binary_cross_entropy"
    gradient_op = BinaryCrossEntropyGrad

    def __post_init__(self) -> None:
        _check_weights(self, self.weights)

    def forward(self, p: Array, t: Array) -> tuple[Array, ...]:
        no, yes = map(p.dtype.type, self.weights)
        right, half = np.log(np.maximum(p, floor(p.dtype))), p.dtype.type(0.5)
        wrong = np.where(p < half, np.log1p(-np.minimum(p, half)), np.log(np.maximum(1 - p, floor(p.dtype))))
        return (-yes * t * right - no * (1 - t) * wrong,)

    def expression(self, p: Expression, t: Expression) -> Expression:
        no, yes = self.weights
        right, rest = ex.log(ex.maximum(p, ex.SMALLEST)), ex.log(ex.maximum(1 - p, ex.SMALLEST))
        wrong = ex.where(p < 0.5, ex.log1p(-ex.minimum(p, 0.5)), rest)
        return -yes * t * right - no * (1 - t) * wrong

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), TYPES, low=0.1, high=0.9), Example(cls((0.5, 2.0)), TYPES, low=0.1, high=0.9))


@dataclass(frozen=True)
class SigmoidCrossEntropyGrad(ElementLossGrad):
    """dL/dz = g (w₀ (1 - t) σ(z) - w₁ t σ(-z)), which without weights is g (σ(z) - t)."""

    weights: tuple[float, float] = (1.0, 1.0)

    name = "sigmoid_cross_entropy_grad"

    def __post_init__(self) -> None:
        _check_weights(self, self.weights)

    def forward(self, g: Array, z: Array, t: Array) -> tuple[Array, ...]:
        no, yes = map(z.dtype.type, self.weights)
        e = np.exp(-np.abs(z))
        small, large = e / (1 + e), 1 / (1 + e)  # of σ(z) and σ(-z)
        chance, rest = np.where(z < 0, small, large), np.where(z < 0, large, small)
        return (g * (no * (1 - t) * chance - yes * t * rest),)

    def expression(self, g: Expression, z: Expression, t: Expression) -> Expression:
        no, yes = self.weights
        e = ex.exp(-abs(z))
        small, large = e / (1 + e), 1 / (1 + e)
        chance, rest = ex.where(z < 0, small, large), ex.where(z < 0, large, small)
        return g * (no * (1 - t) * chance - yes * t * rest)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls((0.5, 2.0)), (*TYPES, f64(3, 4)), low=-3, high=3),)


@dataclass(frozen=True)
class SigmoidCrossEntropy(ElementLoss):
    """l = w₁ t softplus(-z) + w₀ (1 - t) softplus(z): the binary cross-entropy of p = 1 / (1 + exp(-z)), for any z.

    softplus(z) = log(1 + exp(z)) = max(z, 0) + log1p(exp(-|z|)), which neither overflows nor cancels.
    """

    weights: tuple[float, float] = (1.0, 1.0)

    name = "sigmoid_cross_entropy"
    gradient_op = SigmoidCrossEntropyGrad

    def __post_init__(self) -> None:
        _check_weights(self, self.weights)

    def forward(self, z: Array, t: Array) -> tuple[Array, ...]:
        no, yes = map(z.dtype.type, self.weights)
        small = np.log1p(np.exp(-np.abs(z)))
        return (yes * t * (np.maximum(-z, 0) + small) + no * (1 - t) * (np.maximum(z, 0) + small),)

    def expression(self, z: Expression, t: Expression) -> Expression:
        no, yes = self.weights
        small = ex.log1p(ex.exp(-abs(z)))
        return yes * t * (ex.maximum(-z, 0) + small) + no * (1 - t) * (ex.maximum(z, 0) + small)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), TYPES, low=-3, high=3, kink=1e-3),
                Example(cls((0.5, 2.0)), TYPES, low=-3, high=3, kink=1e-3))


def _quotient(a: Array, b: Array) -> Array:
    """a / b, and 0 where b is not a positive normal number."""
    least = floor(b.dtype)
    return np.where(b < least, b.dtype.type(0), a / np.maximum(b, least))


def _quotient_of(a: Expression, b: Expression) -> Expression:
    return ex.where(b < ex.SMALLEST, 0, a / ex.maximum(b, ex.SMALLEST))
