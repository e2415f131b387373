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

    Keras / PyTorch: `optimizers.SGD` / `optim.SGD`, whose η is 0.001. The argument `weight_decay` is SGDW in Keras, the
    regularizer L2(λ / 2) in PyTorch.

    Args:
        learning_rate: η > 0, or a Schedule.
        momentum: share of the velocity that stays, in [0, 1).
        nesterov: look ahead along the velocity.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> optimizer = gn.optimizers.SGD(0.1)
        >>> net = gn.compile(model, loss="mae", optimizer=optimizer)
        >>> step = lambda: net.train_on_batch([[1]], [[1]])["loss"]  # 1 - w
        >>> [round(step(), 3) for _ in range(4)]  # the gradient is -1
        [1.0, 0.9, 0.8, 0.7]
    """


@OPTIMIZERS.register()
@dataclass(frozen=True)
class Momentum(_WithMomentum):
    """v ← μ v + g, p ← p - η v (Polyak 1964); with `nesterov` p ← p - η (g + μ v).

    Keras / PyTorch: `optimizers.SGD(momentum=0.9)` / `optim.SGD(momentum=0.9)`, the same. Keras has η inside the
    velocity, v ← μ v - η g, which differs where η changes.

    Args:
        learning_rate: η > 0, or a Schedule.
        momentum: μ in [0, 1).
        nesterov: look ahead along the velocity.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> optimizer = gn.optimizers.Momentum(0.1, momentum=0.5)
        >>> net = gn.compile(model, loss="mae", optimizer=optimizer)
        >>> step = lambda: net.train_on_batch([[1]], [[1]])["loss"]  # 1 - w
        >>> [round(step(), 3) for _ in range(4)]  # steps of 0.1, 0.15, 0.175
        [1.0, 0.9, 0.75, 0.575]
    """

    momentum: float = 0.9


@OPTIMIZERS.register()
@dataclass(frozen=True)
class Nesterov(_WithMomentum):
    """v ← μ v + g, p ← p - η (g + μ v): Momentum that looks ahead (Nesterov 1983, as in Sutskever et al. 2013).

    Keras / PyTorch: `optimizers.SGD(momentum=0.9, nesterov=True)` / `optim.SGD(momentum=0.9, nesterov=True)`, the same.
    Keras has η inside the velocity.

    Args:
        learning_rate: η > 0, or a Schedule.
        momentum: μ in (0, 1).
        nesterov: False turns the looking ahead off.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> optimizer = gn.optimizers.Nesterov(0.1, momentum=0.6)
        >>> net = gn.compile(model, loss="mae", optimizer=optimizer)
        >>> step = lambda: net.train_on_batch([[1]], [[1]])["loss"]  # 1 - w
        >>> [round(step(), 3) for _ in range(4)]  # steps of 0.16, 0.196, …
        [1.0, 0.84, 0.644, 0.426]
    """

    momentum: float = 0.9
    nesterov: bool = True


@OPTIMIZERS.register()
@dataclass(frozen=True)
class SGDW(Decaying, _WithMomentum):
    """p ← p - η λ p, then a step of Momentum (Loshchilov and Hutter 2019, algorithm 1); see `Decaying`.

    Keras / PyTorch: `optimizers.SGD(weight_decay=…)` / –; in PyTorch's SGD the decay goes through the velocity, as a
    regularizer's gradient does.

    Args:
        learning_rate: η > 0, or a Schedule.
        momentum: μ in [0, 1).
        nesterov: look ahead along the velocity.
        weight_decay: λ ≥ 0.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        >>> model = gn.Model(x, w(x))
        >>> sgdw = gn.optimizers.SGDW(0.1, weight_decay=0.5)
        >>> net = gn.compile(model, loss="mae", optimizer=sgdw)
        >>> _ = net.train_on_batch([[1]], [[1]])  # no gradient, only decay
        >>> round(net.weights["dense/weight"].item(), 3)
        0.95
    """

    momentum: float = 0.9
    weight_decay: float = field(default=1e-2, kw_only=True)
