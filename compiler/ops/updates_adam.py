"""Optimizer steps of the Adam family: a mean gradient over the root of a mean squared gradient, bias corrected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.expression import Expression, Expressions
from graphnet.compiler.op import Example
from graphnet.compiler.ops.updates import Update
from graphnet.compiler.types import Array

__all__ = ["AdamUpdate", "NAdamUpdate"]


@dataclass(frozen=True)
class _Moments(Update):
    """m ← β₁ m + (1 - β₁) g and v ← β₂ v + (1 - β₂) g²."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_share("beta1", "beta2")
        self.check(self.epsilon > 0, "epsilon", "it must be greater than 0")

    @property
    def moments(self) -> tuple[str, ...]:
        """m and v."""
        return "first_moment", "second_moment"

    def follow(self, g: Array, m: Array, v: Array) -> tuple[Array, Array]:
        """The next m and v."""
        scalar = g.dtype.type
        return (scalar(self.beta1) * m + scalar(1 - self.beta1) * g,
                scalar(self.beta2) * v + scalar(1 - self.beta2) * g * g)

    def followed(self, g: Expression, m: Expression, v: Expression) -> tuple[Expression, Expression]:
        """The next m and v."""
        return self.beta1 * m + (1 - self.beta1) * g, self.beta2 * v + (1 - self.beta2) * (g * g)

    def root_correction(self, step: int) -> float:
        """1 / √(1 - β₂ᵗ)."""
        return float((1 - self.beta2**step) ** -0.5)


@dataclass(frozen=True)
class AdamUpdate(_Moments):
    """Adam with bias correction (Kingma and Ba 2015, algorithm 1).

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g²,
    p ← p - η / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε): ε is added to the corrected root, as in the paper and PyTorch.
    With `amsgrad` u ← max(u, v) stands in the place of v under the root (Reddi, Kale and Kumar 2018, algorithm 2; with
    the bias corrections, as in PyTorch). With `decays` it is AdamW (Loshchilov and Hutter 2019, algorithm 2).
    """

    amsgrad: bool = False

    name = "adam_update"
    flops_per_weight: ClassVar[int] = 11

    @property
    def moments(self) -> tuple[str, ...]:
        """m, v and with `amsgrad` the greatest v so far."""
        return (*super().moments, "greatest_moment") if self.amsgrad else super().moments

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        scalar = p.dtype.type
        m, v = self.follow(g, *moments[:2])
        kept = (m, v, np.maximum(moments[2], v)) if self.amsgrad else (m, v)
        size, root = map(scalar, self.corrections(step))
        return p - rate * size * m / (np.sqrt(kept[-1]) * root + scalar(self.epsilon)), *kept

    def numbers(self, rate: float, step: int) -> tuple[float, ...]:
        corrected, root = self.corrections(step)
        return rate * corrected, root

    def rule(self, numbers: Expressions, g: Expression, *moments: Expression) -> Expressions:
        size, root = numbers
        m, v = self.followed(g, *moments[:2])
        kept = (m, v, *(ex.maximum(u, v) for u in moments[2:]))
        return size * m / (ex.sqrt(kept[-1]) * root + self.epsilon), *kept

    def corrections(self, step: int) -> tuple[float, float]:
        """1 / (1 - β₁ᵗ) and 1 / √(1 - β₂ᵗ)."""
        return 1 / (1 - self.beta1**step), self.root_correction(step)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls.example(cls(2)), cls.example(cls(2, amsgrad=True)),
                cls.example(cls(2, (0.5, 2.0), (0.0, 0.1))), cls.example(cls(2, (), (0.1, 0.1))))


@dataclass(frozen=True)
class NAdamUpdate(_Moments):
    """Adam that looks ahead as Nesterov does (Dozat 2016, algorithm 2).

    With the momentum of a step μᵢ = β₁ (1 - 0.96^(i ψ) / 2), m and v as in Adam, and Πᵗ = μ₁ · … · μₜ:
    p ← p - η ((1 - μₜ) / (1 - Πᵗ) · g + μₜ₊₁ / (1 - Πᵗ⁺¹) · m) / (√v / √(1 - β₂ᵗ) + ε), as in PyTorch. The paper
    leaves μᵢ open; this schedule is the one of its author's code.
    """

    psi: float = 0.004

    name = "nadam_update"
    flops_per_weight: ClassVar[int] = 14

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(self.psi >= 0, "psi", "it must be ≥ 0")

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        scalar = p.dtype.type
        m, v = self.follow(g, moments[0], moments[1])
        now, ahead, root = map(scalar, self.corrections(step))
        return p - rate * (now * g + ahead * m) / (np.sqrt(v) * root + scalar(self.epsilon)), m, v

    def numbers(self, rate: float, step: int) -> tuple[float, ...]:
        now, ahead, root = self.corrections(step)
        return rate * now, rate * ahead, root

    def rule(self, numbers: Expressions, g: Expression, *moments: Expression) -> Expressions:
        now, ahead, root = numbers
        m, v = self.followed(g, *moments)
        return (now * g + ahead * m) / (ex.sqrt(v) * root + self.epsilon), m, v

    def corrections(self, step: int) -> tuple[float, float, float]:
        """(1 - μₜ) / (1 - Πᵗ), μₜ₊₁ / (1 - Πᵗ⁺¹) and 1 / √(1 - β₂ᵗ)."""
        now, ahead = (float(mu) for mu in self.momenta(np.array([step, step + 1])))
        product = float(np.prod(self.momenta(np.arange(1, min(step, self.horizon) + 1))))
        return (1 - now) / (1 - product), ahead / (1 - product * ahead), self.root_correction(step)

    def momenta(self, steps: Array) -> Array:
        """μ of each of these steps."""
        momenta: Array = self.beta1 * (1 - 0.5 * 0.96 ** (steps * self.psi))
        return momenta

    @property
    def horizon(self) -> int:
        """From so many factors on, the product of momenta is too small to change 1 - Π in float64."""
        return 1 if self.beta1 == 0 else math.ceil(-45 / math.log(self.beta1))

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls.example(cls(2)), cls.example(cls(2, (0.5, 2.0), (0.0, 0.1), beta1=0.7, psi=0.1)))
