"""Optimizer steps. One node updates every weight, so that a backend can walk flat buffers once.

Each step takes (learning rate, step number from 1, n weights, n gradients, the moments), the moments flat over all the
weights in order, and returns (n new weights, new moments).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.expression import Expression, Expressions, Formula, restates, trace
from graphnet.compiler.op import Example, Op, Ranges, Types, f, f64
from graphnet.compiler.ops.operands import check_floats
from graphnet.compiler.types import Array, TensorType, concrete, format_shape

__all__ = ["GradientReader", "MomentumUpdate", "SgdUpdate", "Update"]


@dataclass(frozen=True)
class GradientReader(Op):
    """An op that reads the gradients of `count` weights, which lie in one flat buffer."""

    count: int

    differentiable: ClassVar[bool] = False

    def gradient_positions(self) -> range:
        """Which inputs of the op are gradients."""
        raise NotImplementedError(self.name)


@dataclass(frozen=True)
class Update(GradientReader):
    """The part that all optimizers share.

    `count` is the number of weights. `rates` multiplies the learning rate of each, () standing for ones. `decays` are
    the shares λ of decoupled weight decay, () standing for none: before the step each weight becomes p - η λ p
    (Loshchilov and Hutter 2019, algorithms 1 and 2; there with the schedule in place of η).
    """

    rates: tuple[float, ...] = ()
    decays: tuple[float, ...] = ()

    flops_per_weight: ClassVar[int] = 2

    def __post_init__(self) -> None:
        each = f"it must be () or one for each of {self.count} weights"
        self.check(type(self.count) is int and self.count >= 0, "count", "it must be a whole number ≥ 0")
        self.check(len(self.rates) in (0, self.count), "rates", each)
        self.check(len(self.decays) in (0, self.count), "decays", each)

    @property
    def moments(self) -> tuple[str, ...]:
        """What the optimizer keeps from step to step, each flat over all weights."""
        return ()

    def check_share(self, *names: str) -> None:
        """Refuses attributes of these names that are not in [0, 1)."""
        for name in names:
            self.check(0 <= getattr(self, name) < 1, name, "it must be ≥ 0 and < 1")

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        """New weights and moments from flat arrays; the formula of the optimizer.

        Args:
            rate: the learning rate of each element, in the dtype of the weights.
            step: the number of the step, from 1.
            p: the weights.
            g: their gradients.
            moments: what the optimizer keeps, in the order of `moments`.
        """
        raise NotImplementedError(self.name)

    def numbers(self, rate: float, step: int) -> tuple[float, ...]:
        """What `rule` needs of the learning rate of a weight and the number of the step, worked out in float64."""
        return (rate,)

    def rule(self, numbers: Expressions, g: Expression, *moments: Any) -> Expressions:
        """What `step` computes, for one element: what its weight goes down by, and its new moments.

        Args:
            numbers: those of the step, in the dtype of the weights.
            g: the gradient.
            moments: in the order of `moments`.
        """
        raise NotImplementedError(self.name)

    def formula_of(self, decayed: bool) -> Formula | None:
        """The whole update of an element by `rule`, in steps; None if the optimizer has only `step`.

        Inputs: p, g, the moments, the numbers, and for weights with decay 1 - η λ. Outputs: new p and moments.
        """
        return _traced(self, decayed, repr(self)) if restates(type(self), "rule", "step") else None

    def spread(self, numbers: tuple[float, ...], sizes: Sequence[int], otherwise: float) -> Array:
        """Numbers given for each weight, for each element of weights of these sizes (float64)."""
        return np.repeat(numbers or (otherwise,) * self.count, sizes)

    def infer(self, rate: TensorType, step: TensorType, *rest: TensorType) -> Types:
        n = self.count
        weights, grads, moments = rest[:n], rest[n:2 * n], rest[2 * n:]
        if len(rest) != 2 * n + len(self.moments):
            raise ShapeError(f"{self.name} of {n} weights takes {2 * n + len(self.moments)} tensors, got {len(rest)}")
        for p, g in zip(weights, grads, strict=True):
            if p != g:
                raise ShapeError(f"{self.name} needs a gradient like its weight {p}, got {g}")
        if rate.shape or not rate.is_float or step.shape or step.dtype not in ("int64", "int32"):
            raise ShapeError(f"{self.name} takes a rate, a float, and the number of the step, int64, got {rate} and "
                             f"{step}")
        check_floats(self.name, *weights, *moments)
        total = sum(p.size for p in weights)
        for moment in moments:
            if moment.shape != (total,):
                raise ShapeError(f"{self.name} needs moments ({total},), got {format_shape(moment.shape)}")
        return (*weights, *moments)

    def forward(self, rate: Array, step: Array, *rest: Array) -> tuple[Array, ...]:
        n = self.count
        p, g = (np.concatenate([a.ravel() for a in rest[start:start + n]]) for start in (0, n))
        sizes = [a.size for a in rest[:n]]
        eta = rate * self.spread(self.rates, sizes, 1.0)
        keep = 1 - eta * self.spread(self.decays, sizes, 0.0)
        p, *moments = self.step(eta.astype(p.dtype), int(step), keep.astype(p.dtype) * p, g, *rest[2 * n:])
        pieces = np.split(p, np.cumsum(sizes)[:-1])
        return (*(piece.reshape(a.shape) for piece, a in zip(pieces, rest[:n], strict=True)), *moments)

    def index_ranges(self, *types: TensorType) -> Ranges:
        """Steps count from 1."""
        return {1: (1, None)}

    def gradient_positions(self) -> range:
        """Behind the learning rate, the step and the weights."""
        return range(2 + self.count, 2 + 2 * self.count)

    def advances(self) -> dict[int, int]:
        n = self.count
        moments = {n + i: 2 + 2 * n + i for i in range(len(self.moments))}
        return {i: 2 + i for i in range(n)} | moments

    def flops(self, inputs: Types, outputs: Types) -> int:
        return self.flops_per_weight * sum(t.size for t in outputs[:self.count])

    @classmethod
    def example(cls, op: Update) -> Example:
        """An example with weights (3, 4) and (5,), a rate of 0.1 and step 3."""
        weights = (f64(3, 4), f64(5))
        moments = [f64(17)] * len(op.moments)
        types = (f64(), f("int64"), *weights, *weights, *moments)

        def values(rng: np.random.Generator) -> tuple[Array, ...]:
            return np.array(0.1), np.array(3), *(rng.uniform(0.1, 1, concrete(t.shape)) for t in types[2:])
        return Example(op, types, values=values)


@dataclass(frozen=True)
class SgdUpdate(Update):
    """p ← p - η g (Robbins and Monro 1951)."""

    name = "sgd_update"

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        return (p - rate * g,)

    def rule(self, numbers: Expressions, g: Expression, *moments: Expression) -> Expressions:
        (rate,) = numbers
        return (rate * g,)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls.example(cls(2)), cls.example(cls(2, (0.5, 2.0), (0.1, 0.0))))


@dataclass(frozen=True)
class MomentumUpdate(Update):
    """v ← μ v + g, p ← p - η v; with `nesterov` p ← p - η (g + μ v).

    The rate multiplies the velocity, as in PyTorch; Polyak 1964 has it inside the velocity. Equal for a constant rate.
    """

    momentum: float = 0.9
    nesterov: bool = False

    name = "momentum_update"
    flops_per_weight = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_share("momentum")

    @property
    def moments(self) -> tuple[str, ...]:
        """The velocity v."""
        return ("velocity",)

    def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
        scalar = p.dtype.type
        v = scalar(self.momentum) * moments[0] + g
        direction = g + scalar(self.momentum) * v if self.nesterov else v
        return p - rate * direction, v

    def rule(self, numbers: Expressions, g: Expression, *moments: Expression) -> Expressions:
        (rate,), (v,) = numbers, moments
        v = self.momentum * v + g
        return rate * (g + self.momentum * v if self.nesterov else v), v

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (cls.example(cls(2)), cls.example(cls(2, momentum=0.8, nesterov=True)), cls.example(cls(2, (0.5, 2.0))))


@lru_cache(maxsize=256)
def _traced(op: Update, decayed: bool, text: str) -> Formula:  # the text tells 0.0 from -0.0, which are equal
    kept, given = len(op.moments), len(op.numbers(1.0, 1))

    def update(p: Expression, g: Expression, *rest: Expression) -> Expressions:
        down, *moments = op.rule(rest[kept:kept + given], g, *rest[:kept])
        return (p * rest[-1] if decayed else p) - down, *moments
    return trace(update, 2 + kept + given + decayed)
