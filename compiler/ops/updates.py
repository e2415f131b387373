"""Optimizer steps. One node updates every weight, so that a backend can walk flat buffers once.

Each step takes (learning rate, step number from 1, n weights, n gradients, the moments), the moments flat over all the
weights in order, and returns (n new weights, new moments).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Array, Example, Op, Types, f, f64
from graphnet.compiler.types import TensorType, format_shape


@dataclass(frozen=True)
class Update(Op):
    """The part that all optimizers share. `count` is the number of weights; `rates` multiplies the learning rate of
    each, () standing for ones.
    """

    count: int
    rates: tuple[float, ...] = ()

    moments: ClassVar[tuple[str, ...]] = ()
    differentiable: ClassVar[bool] = False
    flops_per_weight: ClassVar[int] = 2

    def __post_init__(self) -> None:
        self.check(len(self.rates) in (0, self.count), "rates", f"it must be () or one for each of {self.count}")

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        """New weights and moments from flat arrays; the formula of the optimizer.

        Args:
            rate: the learning rate of each element, or of all, in the dtype of the weights.
            step: the number of the step, from 1.
            p: the weights.
            g: their gradients.
            moments: what the optimizer keeps, in the order of `moments`.
        """
        raise NotImplementedError(self.name)

    def spread_rates(self, sizes: Sequence[int]) -> Array | None:
        """The factor of the learning rate for each element of weights of these sizes (float64); None if all are 1."""
        return np.repeat(self.rates, sizes) if self.rates else None

    def infer(self, rate: TensorType, step: TensorType, *rest: TensorType) -> Types:
        n = self.count
        weights, grads, moments = rest[:n], rest[n:2 * n], rest[2 * n:]
        if len(rest) != 2 * n + len(self.moments):
            raise ShapeError(f"{self.name} of {n} weights takes {2 * n + len(self.moments)} tensors, got {len(rest)}")
        for p, g in zip(weights, grads, strict=True):
            if p != g:
                raise ShapeError(f"{self.name} needs a gradient like its weight {p}, got {g}")
        total = sum(p.size for p in weights)
        for moment in moments:
            if moment.shape != (total,):
                raise ShapeError(f"{self.name} needs moments ({total},), got {format_shape(moment.shape)}")
        return (*weights, *moments)

    def forward(self, rate: Array, step: Array, *rest: Array) -> tuple[Array, ...]:
        n = self.count
        flat = [np.concatenate([a.ravel() for a in rest[start:start + n]]) for start in (0, n)]
        factors = self.spread_rates([a.size for a in rest[:n]])
        eta = np.asarray(rate if factors is None else rate * factors, flat[0].dtype)
        p, *moments = self.step(eta, int(step), *flat, *rest[2 * n:])
        ends = np.cumsum([a.size for a in rest[:n]])[:-1]
        pieces = np.split(p, ends)
        return (*(piece.reshape(a.shape) for piece, a in zip(pieces, rest[:n], strict=True)), *moments)

    def gradients(self, inputs: tuple[int, ...]) -> tuple[int, ...]:
        """Of the ids of the node's inputs those of the gradients."""
        return inputs[2 + self.count:2 + 2 * self.count]

    def advances(self) -> dict[int, int]:
        n = self.count
        moments = {n + i: 2 + 2 * n + i for i in range(len(self.moments))}
        return {i: 2 + i for i in range(n)} | moments

    def flops(self, inputs: Types, outputs: Types) -> int:
        return self.flops_per_weight * sum(t.size for t in outputs[:self.count])

    @classmethod
    def _example(cls, op: Update) -> Example:
        weights = (f64(3, 4), f64(5))
        moments = [f64(17)] * len(op.moments)
        types = (f64(), f("int64"), *weights, *weights, *moments)

        def values(rng: np.random.Generator) -> tuple[Array, ...]:
            return np.array(0.1), np.array(3), *(rng.uniform(0.1, 1, t.shape) for t in types[2:])
        return Example(op, types, values=values)


@dataclass(frozen=True)
class SgdUpdate(Update):
    """p ← p - η g (Robbins and Monro 1951)."""

    name = "sgd_update"

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        return (p - rate * g,)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls._example(cls(2)),)


@dataclass(frozen=True)
class MomentumUpdate(Update):
    """v ← μ v + g, p ← p - η v; with `nesterov` p ← p - η (g + μ v).

    The rate multiplies the velocity, as in PyTorch; Polyak 1964 has it inside the velocity. Equal for a constant rate.
    """

    momentum: float = 0.9
    nesterov: bool = False

    name = "momentum_update"
    moments = ("velocity",)
    flops_per_weight = 4

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        scalar = p.dtype.type
        v = scalar(self.momentum) * moments[0] + g
        direction = g + scalar(self.momentum) * v if self.nesterov else v
        return p - rate * direction, v

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls._example(cls(2)), cls._example(cls(2, (), 0.8, True)), cls._example(cls(2, (0.5, 2.0))))


@dataclass(frozen=True)
class AdamUpdate(Update):
    """Adam with bias correction (Kingma and Ba 2015, algorithm 1).

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g²,
    p ← p - η / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε): ε is added to the corrected root, as in the paper and PyTorch.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    name = "adam_update"
    moments = ("first_moment", "second_moment")
    flops_per_weight = 11

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        scalar = p.dtype.type
        m = scalar(self.beta1) * moments[0] + scalar(1 - self.beta1) * g
        v = scalar(self.beta2) * moments[1] + scalar(1 - self.beta2) * g * g
        size, root = map(scalar, self.corrections(step))
        return p - rate * size * m / (np.sqrt(v) * root + scalar(self.epsilon)), m, v

    def corrections(self, step: int) -> tuple[float, float]:
        """1 / (1 - β₁ᵗ) and 1 / √(1 - β₂ᵗ)."""
        return 1 / (1 - self.beta1**step), (1 - self.beta2**step) ** -0.5

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls._example(cls(2)),)
