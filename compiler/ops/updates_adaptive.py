"""Optimizer steps that scale each element by the size of its past gradients, and Lion, which takes its sign only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.expression import Expression, Expressions
from graphnet.compiler.op import Example
from graphnet.compiler.ops.updates import Update
from graphnet.compiler.types import Array

__all__ = ["AdadeltaUpdate", "AdagradUpdate", "LionUpdate", "RmsPropUpdate"]


@dataclass(frozen=True)
class RmsPropUpdate(Update):
    """v ← ρ v + (1 - ρ) g², p ← p - η g / (√v + ε) (Tieleman and Hinton 2012, lecture 6.5).

    With `centered` also a ← ρ a + (1 - ρ) g, and √(v - a²) in the place of √v (Graves 2013, eq. 38-41). With a
    momentum b ← μ b + the quotient, and p ← p - η b. ε is added to the root, as in PyTorch; Keras and Graves have it
    under the root.
    """

    rho: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    name = "rmsprop_update"
    flops_per_weight: ClassVar[int] = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_share("rho", "momentum")
        self.check(self.epsilon > 0, "epsilon", "it must be greater than 0")

    @property
    def moments(self) -> tuple[str, ...]:
        """v, and where they are used a and b."""
        return ("second_moment", *["first_moment"] * self.centered, *["velocity"] * bool(self.momentum))

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        scalar = p.dtype.type
        rho, rest = scalar(self.rho), scalar(1 - self.rho)
        kept = [rho * moments[0] + rest * g * g]
        spread = kept[0]
        if self.centered:
            kept.append(rho * moments[1] + rest * g)
            spread = np.maximum(spread - kept[1] * kept[1], 0)
        direction = g / (np.sqrt(spread) + scalar(self.epsilon))
        if self.momentum:
            direction = scalar(self.momentum) * moments[-1] + direction
            kept.append(direction)
        return p - rate * direction, *kept

    def rule(self, numbers: Expressions, g: Expression, *moments: Expression) -> Expressions:
        kept = [self.rho * moments[0] + (1 - self.rho) * (g * g)]
        spread = kept[0]
        if self.centered:
            kept.append(self.rho * moments[1] + (1 - self.rho) * g)
            spread = ex.maximum(spread - kept[1] * kept[1], 0)
        direction = g / (ex.sqrt(spread) + self.epsilon)
        if self.momentum:
            direction = self.momentum * moments[-1] + direction
            kept.append(direction)
        return numbers[0] * direction, *kept

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls.example(cls(2)), cls.example(cls(2, rho=0.9, momentum=0.5)),
                cls.example(cls(2, (0.5, 2.0), (0.1, 0.0), rho=0.8)), _centered(cls, cls(2, rho=0.9, centered=True)),
                _centered(cls, cls(2, rho=0.9, momentum=0.5, centered=True)))


def _centered(cls: type[RmsPropUpdate], op: RmsPropUpdate) -> Example:
    """An example whose second moment is greater than the square of the first, as it is in a run."""
    plain = cls.example(op)

    def values(rng: np.random.Generator) -> tuple[Array, ...]:
        made = list(plain.values(rng)) if plain.values else []
        made[6] = made[6] + 1
        return tuple(made)
    return Example(op, plain.inputs, values=values)


@dataclass(frozen=True)
class AdagradUpdate(Update):
    """s ← s + g², p ← p - η g / (√s + ε) (Duchi, Hazan and Singer 2011, the diagonal form of figure 1).

    s starts from 0 and ε is added to the root, as in PyTorch; Keras starts from 0.1 and has ε under the root.
    """

    epsilon: float = 1e-10

    name = "adagrad_update"
    flops_per_weight: ClassVar[int] = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(self.epsilon > 0, "epsilon", "it must be greater than 0")

    @property
    def moments(self) -> tuple[str, ...]:
        """s."""
        return ("squared_sum",)

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        s = moments[0] + g * g
        return p - rate * (g / (np.sqrt(s) + p.dtype.type(self.epsilon))), s

    def rule(self, numbers: Expressions, g: Expression, *moments: Expression) -> Expressions:
        s = moments[0] + g * g
        return numbers[0] * (g / (ex.sqrt(s) + self.epsilon)), s

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls.example(cls(2)), cls.example(cls(2, (0.5, 2.0), epsilon=0.01)))


@dataclass(frozen=True)
class AdadeltaUpdate(Update):
    """v ← ρ v + (1 - ρ) g², d = √(u + ε) / √(v + ε) · g, u ← ρ u + (1 - ρ) d², p ← p - η d (Zeiler 2012, algorithm 1).

    ε stands under both roots, as in the paper and PyTorch. The paper has no η: its steps are those of η = 1.
    """

    rho: float = 0.9
    epsilon: float = 1e-6

    name = "adadelta_update"
    flops_per_weight: ClassVar[int] = 14

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_share("rho")
        self.check(self.epsilon > 0, "epsilon", "it must be greater than 0")

    @property
    def moments(self) -> tuple[str, ...]:
        """v and u."""
        return "second_moment", "squared_steps"

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        scalar = p.dtype.type
        rho, rest, epsilon = scalar(self.rho), scalar(1 - self.rho), scalar(self.epsilon)
        v = rho * moments[0] + rest * g * g
        d = np.sqrt(moments[1] + epsilon) / np.sqrt(v + epsilon) * g
        return p - rate * d, v, rho * moments[1] + rest * d * d

    def rule(self, numbers: Expressions, g: Expression, *moments: Expression) -> Expressions:
        v, u = moments
        v = self.rho * v + (1 - self.rho) * (g * g)
        d = ex.sqrt(u + self.epsilon) / ex.sqrt(v + self.epsilon) * g
        return numbers[0] * d, v, self.rho * u + (1 - self.rho) * (d * d)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls.example(cls(2)), cls.example(cls(2, (0.5, 2.0), rho=0.7, epsilon=0.01)))


@dataclass(frozen=True)
class LionUpdate(Update):
    """p ← p - η sign(β₁ m + (1 - β₁) g), m ← β₂ m + (1 - β₂) g (Chen et al. 2023, algorithm 2); sign(0) = 0."""

    beta1: float = 0.9
    beta2: float = 0.99

    name = "lion_update"
    flops_per_weight: ClassVar[int] = 9

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_share("beta1", "beta2")

    @property
    def moments(self) -> tuple[str, ...]:
        """m."""
        return ("first_moment",)

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        scalar, (m,) = p.dtype.type, moments
        direction = np.sign(scalar(self.beta1) * m + scalar(1 - self.beta1) * g)
        return p - rate * direction, scalar(self.beta2) * m + scalar(1 - self.beta2) * g

    def rule(self, numbers: Expressions, g: Expression, *moments: Expression) -> Expressions:
        (m,) = moments
        direction = ex.sign(self.beta1 * m + (1 - self.beta1) * g)
        return numbers[0] * direction, self.beta2 * m + (1 - self.beta2) * g

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls.example(cls(2)), cls.example(cls(2, (0.5, 2.0), (0.1, 0.3), beta1=0.5)))
