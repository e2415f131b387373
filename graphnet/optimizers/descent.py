"""Gradient descent, with and without momentum."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphnet.common.checks import check_flag
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError
from graphnet.optimizers.base import OPTIMIZERS, Decaying, Optimizer

__all__ = ["SGD", "SGDW", "Momentum", "Nesterov"]


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

    Keras has η inside the velocity, v ← μ v - η g, which differs where η changes.

    Args:
        learning_rate: η > 0, or a Schedule.
        momentum: μ in [0, 1).
        nesterov: look ahead along the velocity.
    """

    momentum: float = 0.9


@OPTIMIZERS.register()
@dataclass(frozen=True)
class Nesterov(_WithMomentum):
    """v ← μ v + g, p ← p - η (g + μ v): Momentum that looks ahead (Nesterov 1983, as in Sutskever et al. 2013).

    PyTorch's form: `SGD(nesterov=True)`.

    Args:
        learning_rate: η > 0, or a Schedule.
        momentum: μ in (0, 1).
        nesterov: False turns the looking ahead off.
    """

    momentum: float = 0.9
    nesterov: bool = True


@OPTIMIZERS.register()
@dataclass(frozen=True)
class SGDW(Decaying, _WithMomentum):
    """p ← p - η λ p, then a step of Momentum (Loshchilov and Hutter 2019, algorithm 1); see `Decaying`.

    Args:
        learning_rate: η > 0, or a Schedule.
        momentum: μ in [0, 1).
        nesterov: look ahead along the velocity.
        weight_decay: λ ≥ 0.
    """

    momentum: float = 0.9
    weight_decay: float = field(default=1e-2, kw_only=True)
