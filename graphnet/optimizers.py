"""Optimizers: how weights follow their gradients. Each names the op that does one step for all weights."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from graphnet.checks import check_flag, check_number
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError
from graphnet.registry import Configured, Registry
from graphnet.schedules import SCHEDULES, Schedule


@dataclass(frozen=True)
class Optimizer(Configured):
    """Base of all optimizers.

    Args:
        learning_rate: η > 0, or a Schedule that gives it for each step.
    """

    learning_rate: float | Schedule = 0.01
    registry: ClassVar[Registry[Any]]
    nested: ClassVar[Mapping[str, Registry[Any]]] = {"learning_rate": SCHEDULES}

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, Schedule):
            self._check("learning_rate", above=0)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        if isinstance(self.learning_rate, Schedule):
            return self.learning_rate.rate_at(step)
        return self.learning_rate

    @abstractmethod
    def update_op(self, count: int) -> ops.Update:
        """The op that updates `count` weights."""


    def _check(self, name: str, least: float = -math.inf, below: float = math.inf, *, above: float = -math.inf) -> None:
        """Checks a number and keeps it as a plain float, whatever type it came in."""
        number = check_number(type(self).__name__, name, getattr(self, name), least, below, above=above)
        object.__setattr__(self, name, number)


OPTIMIZERS: Registry[Optimizer] = Registry("an Optimizer")
Optimizer.registry = OPTIMIZERS


@dataclass(frozen=True)
class _WithMomentum(Optimizer):
    """What SGD and Momentum share."""

    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("momentum", 0, 1)
        if check_flag(type(self).__name__, "nesterov", self.nesterov) and not self.momentum:
            raise ArgumentError(type(self).__name__, "nesterov", True, "it needs a momentum greater than 0")

    def update_op(self, count: int) -> ops.Update:
        """A step with a velocity, or without one if the momentum is 0."""
        if not self.momentum:
            return ops.SgdUpdate(count)
        return ops.MomentumUpdate(count, momentum=self.momentum, nesterov=self.nesterov)


@OPTIMIZERS.register()
@dataclass(frozen=True)
class SGD(_WithMomentum):
    """p ← p - η g (Robbins and Monro 1951); with a momentum like Momentum.

    Args:
        learning_rate: η > 0, or a Schedule.
        momentum: share of the velocity that stays, in [0, 1).
        nesterov: look ahead along the velocity.
    """


@OPTIMIZERS.register()
@dataclass(frozen=True)
class Momentum(_WithMomentum):
    """v ← μ v + g, p ← p - η v (Polyak 1964, in PyTorch's form); with `nesterov` p ← p - η (g + μ v).

    Args:
        learning_rate: η > 0, or a Schedule.
        momentum: μ in [0, 1).
        nesterov: look ahead along the velocity.
    """

    momentum: float = 0.9


@OPTIMIZERS.register()
@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam with bias correction (Kingma and Ba 2015, algorithm 1).

    ε is added to the corrected root, as in the paper and in PyTorch.

    Args:
        learning_rate: η > 0, or a Schedule.
        beta1: share of the mean gradient that stays, in [0, 1).
        beta2: share of the mean squared gradient that stays, in [0, 1).
        epsilon: > 0, keeps the step finite.
    """

    learning_rate: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("beta1", 0, 1)
        self._check("beta2", 0, 1)
        self._check("epsilon", above=0)

    def update_op(self, count: int) -> ops.Update:
        """A step of Adam."""
        return ops.AdamUpdate(count, beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)
