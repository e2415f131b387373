"""Optimizers that scale each element by its past gradients; Lion, which takes their sign."""

from __future__ import annotations

from dataclasses import dataclass

from graphnet.common.checks import check_epsilon, check_flag
from graphnet.compiler import ops
from graphnet.optimizers.base import OPTIMIZERS, Decaying, Optimizer
from graphnet.schedules import Schedule

__all__ = ["Adadelta", "Adagrad", "Lion", "RMSProp"]


@OPTIMIZERS.register("rmsprop")
@dataclass(frozen=True)
class RMSProp(Optimizer):
    """v ← ρ v + (1 - ρ) g², p ← p - η g / (√v + ε) (Tieleman and Hinton 2012, lecture 6.5).

    ε is added to the root. The lecture has ρ = 0.9.

    Keras / PyTorch: `optimizers.RMSprop` / `optim.RMSprop`, the same with the same defaults; ρ is its `alpha`. Keras
    has ρ = 0.9, η = 0.001, and ε = 1e-7 under the root.

    Args:
        learning_rate: η > 0, or a Schedule.
        rho: ρ in [0, 1), share of the mean squared gradient that stays.
        momentum: μ in [0, 1): b ← μ b + g / (√v + ε), p ← p - η b.
        centered: whether the squared mean gradient is taken off v under the root (Graves 2013).
        epsilon: > 0, keeps the step finite.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> optimizer = gn.optimizers.RMSProp(0.01)
        >>> net = gn.compile(model, loss="mae", optimizer=optimizer)
        >>> step = lambda: net.train_on_batch([[1]], [[1]])["loss"]  # 1 - w
        >>> [round(step(), 3) for _ in range(4)]  # first η / √(1 - ρ) = 0.1
        [1.0, 0.9, 0.829, 0.771]
    """

    rho: float = 0.99
    momentum: float = 0.0
    centered: bool = False
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("rho", 0, 1)
        self._check("momentum", 0, 1)
        check_flag("RMSProp", "centered", self.centered)
        self.keep("epsilon", check_epsilon(type(self).__name__, self.epsilon))

    def update_op(self, count: int) -> ops.Update:
        """A step of RMSProp."""
        return ops.RmsPropUpdate(count, rho=self.rho, epsilon=self.epsilon, momentum=self.momentum,
                                 centered=self.centered)


@OPTIMIZERS.register()
@dataclass(frozen=True)
class Adagrad(Optimizer):
    """s ← s + g², p ← p - η g / (√s + ε) (Duchi, Hazan and Singer 2011).

    s starts from 0 and ε is added to the root.

    Keras / PyTorch: `optimizers.Adagrad` / `optim.Adagrad`, the same with the same defaults. Keras starts from s = 0.1,
    with η = 0.001 and ε = 1e-7 under the root.

    Args:
        learning_rate: η > 0, or a Schedule.
        epsilon: > 0, keeps the step finite.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> optimizer = gn.optimizers.Adagrad(0.1)
        >>> net = gn.compile(model, loss="mae", optimizer=optimizer)
        >>> step = lambda: net.train_on_batch([[1]], [[1]])["loss"]  # 1 - w
        >>> [round(step(), 3) for _ in range(4)]  # steps of 0.1 / √t
        [1.0, 0.9, 0.829, 0.772]
    """

    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keep("epsilon", check_epsilon(type(self).__name__, self.epsilon))

    def update_op(self, count: int) -> ops.Update:
        """A step of Adagrad."""
        return ops.AdagradUpdate(count, epsilon=self.epsilon)


@OPTIMIZERS.register()
@dataclass(frozen=True)
class Adadelta(Optimizer):
    """v ← ρ v + (1 - ρ) g², d = √(u + ε) / √(v + ε) · g, u ← ρ u + (1 - ρ) d², p ← p - η d (Zeiler 2012, algorithm 1).

    ε stands under both roots, as in the paper. The paper has no η; its steps are those of η = 1.

    Keras / PyTorch: `optimizers.Adadelta` / `optim.Adadelta`, the same with the same defaults. Keras has η = 0.001, ρ =
    0.95, ε = 1e-7.

    Args:
        learning_rate: η > 0, or a Schedule.
        rho: ρ in [0, 1), share of the means that stays.
        epsilon: > 0, gets the first steps going.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> optimizer = gn.optimizers.Adadelta()
        >>> net = gn.compile(model, loss="mae", optimizer=optimizer)
        >>> step = lambda: net.train_on_batch([[1]], [[1]])["loss"]  # 1 - w
        >>> [round(step(), 3) for _ in range(4)]  # first √(ε / (1 - ρ)) = 0.003
        [1.0, 0.997, 0.994, 0.99]
    """

    learning_rate: float | Schedule = 1.0
    rho: float = 0.9
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("rho", 0, 1)
        self.keep("epsilon", check_epsilon(type(self).__name__, self.epsilon))

    def update_op(self, count: int) -> ops.Update:
        """A step of Adadelta."""
        return ops.AdadeltaUpdate(count, rho=self.rho, epsilon=self.epsilon)


@OPTIMIZERS.register()
@dataclass(frozen=True)
class Lion(Decaying):
    """p ← p - η λ p - η sign(β₁ m + (1 - β₁) g), m ← β₂ m + (1 - β₂) g (Chen et al. 2023, algorithm 2).

    Every element moves by η, so η is chosen 3 to 10 times smaller than for Adam, and λ as much larger.

    Keras / PyTorch: `optimizers.Lion` / –; Keras has η = 0.001.

    Args:
        learning_rate: η > 0, or a Schedule.
        beta1: β₁ in [0, 1), share of m in the direction.
        beta2: β₂ in [0, 1), share of m that stays.
        weight_decay: λ ≥ 0; see `Decaying`.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> net = gn.compile(model, "mae", gn.optimizers.Lion(0.1))
        >>> for scale in (1000, 1, 30):
        ...     _ = net.train_on_batch([[scale]], [[9999]])  # its gradient
        ...     print(round(net.weights["dense/weight"].item(), 3))
        0.1
        0.2
        0.3
    """

    learning_rate: float | Schedule = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("beta1", 0, 1)
        self._check("beta2", 0, 1)

    def update_op(self, count: int) -> ops.Update:
        """A step of Lion."""
        return ops.LionUpdate(count, beta1=self.beta1, beta2=self.beta2)
