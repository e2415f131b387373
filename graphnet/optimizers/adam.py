"""The Adam family."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphnet.common.checks import check_epsilon
from graphnet.compiler import ops
from graphnet.optimizers.base import OPTIMIZERS, Decaying, Optimizer
from graphnet.schedules import Schedule

__all__ = ["AMSGrad", "Adam", "AdamW", "NAdam"]


@dataclass(frozen=True)
class _Adam(Optimizer):
    """What the family shares."""

    learning_rate: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("beta1", 0, 1)
        self._check("beta2", 0, 1)
        self.keep("epsilon", check_epsilon(type(self).__name__, self.epsilon))

    def update_op(self, count: int) -> ops.Update:
        """A step of Adam."""
        return ops.AdamUpdate(count, beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)


@OPTIMIZERS.register()
@dataclass(frozen=True)
class Adam(_Adam):
    """m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², p ← p - η m̂ / (√v̂ + ε) (Kingma and Ba 2015, algorithm 1).

    m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ) are corrected for their start from 0 at each step t. ε is added to the
    corrected root, as in the paper.

    Keras / PyTorch: `optimizers.Adam` / `optim.Adam`, the same. Keras has ε = 1e-7 and adds it to the uncorrected root.
    The argument `weight_decay` is AdamW in Keras, the regularizer L2(λ / 2) in PyTorch.

    Args:
        learning_rate: η > 0, or a Schedule.
        beta1: share of the mean gradient that stays, in [0, 1).
        beta2: share of the mean squared gradient that stays, in [0, 1).
        epsilon: > 0, keeps the step finite.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> for scale in (1, 1000):
        ...     net = gn.compile(model, "mae", gn.optimizers.Adam(0.1))
        ...     _ = net.train_on_batch([[scale]], [[9999]])  # its gradient
        ...     print(round(net.weights["dense/weight"].item(), 3))
        0.1
        0.1
    """


@OPTIMIZERS.register("amsgrad")
@dataclass(frozen=True)
class AMSGrad(_Adam):
    """Adam whose v̂ never falls: p ← p - η m̂ / (√(max v / (1 - β₂ᵗ)) + ε) (Reddi, Kale and Kumar 2018, algorithm 2).

    With Adam's bias corrections, which the paper leaves out.

    Keras / PyTorch: `optimizers.Adam(amsgrad=True)` / `optim.Adam(amsgrad=True)`, the same. Keras has another ε, see
    Adam.

    Args:
        learning_rate: η > 0, or a Schedule.
        beta1: share of the mean gradient that stays, in [0, 1).
        beta2: share of the mean squared gradient that stays, in [0, 1).
        epsilon: > 0, keeps the step finite.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> for optimizer in (gn.optimizers.Adam, gn.optimizers.AMSGrad):
        ...     net = gn.compile(model, "mae", optimizer(0.1, beta2=0.5))
        ...     for gradient in (1, 0.1, 0.1, 0.1, 0.1):
        ...         _ = net.train_on_batch([[gradient]], [[9]])
        ...     print(round(net.weights["dense/weight"].item(), 3))
        0.51
        0.287
    """

    def update_op(self, count: int) -> ops.Update:
        """A step of Adam that keeps the greatest v."""
        return ops.AdamUpdate(count, beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon, amsgrad=True)


@OPTIMIZERS.register("adamw")
@dataclass(frozen=True)
class AdamW(Decaying, _Adam):
    """p ← p - η λ p, then a step of Adam (Loshchilov and Hutter 2019, algorithm 2); see `Decaying`.

    Keras / PyTorch: `optimizers.AdamW` / `optim.AdamW`, the same, decay multiplied by η as well. Keras has λ = 0.004.

    Args:
        learning_rate: η > 0, or a Schedule.
        beta1: share of the mean gradient that stays, in [0, 1).
        beta2: share of the mean squared gradient that stays, in [0, 1).
        epsilon: > 0, keeps the step finite.
        weight_decay: λ ≥ 0.

    Example:
        >>> x = gn.Input((1,))
        >>> dense = gn.layers.Dense(
        ...     1, kernel_initializer="ones", bias_initializer="ones")
        >>> adamw = gn.optimizers.AdamW(
        ...     0.1, weight_decay=0.5, decay_vectors=False)
        >>> net = gn.compile(gn.Model(x, dense(x)), "mae", adamw)
        >>> _ = net.train_on_batch([[0]], [[1]])  # no gradient, only decay
        >>> [round(weight.item(), 3) for weight in net.weights.values()]
        [0.95, 1.0]
    """

    learning_rate: float | Schedule = 1e-3
    weight_decay: float = field(default=1e-2, kw_only=True)


@OPTIMIZERS.register("nadam")
@dataclass(frozen=True)
class NAdam(_Adam):
    """Adam with Nesterov's looking ahead (Dozat 2016, algorithm 2, with PyTorch's schedule of the momentum).

    With μₜ = β₁ (1 - 0.96^(t ψ) / 2) in the place of β₁ in the correction of m; see `ops.NAdamUpdate` for the formula.

    Keras / PyTorch: `optimizers.Nadam` / `optim.NAdam`, the same; ψ is its `momentum_decay`. Keras's is ψ = 1, with η =
    0.001.

    Args:
        learning_rate: η > 0, or a Schedule.
        beta1: share of the mean gradient that stays, in [0, 1).
        beta2: share of the mean squared gradient that stays, in [0, 1).
        epsilon: > 0, keeps the step finite.
        psi: ψ ≥ 0, how fast the momentum rises.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> optimizer = gn.optimizers.NAdam(0.1)
        >>> net = gn.compile(model, loss="mae", optimizer=optimizer)
        >>> step = lambda: net.train_on_batch([[1]], [[1]])["loss"]  # 1 - w
        >>> [round(step(), 3) for _ in range(4)]  # first more than η
        [1.0, 0.894, 0.816, 0.743]
    """

    learning_rate: float | Schedule = 2e-3
    psi: float = 4e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("psi", 0)

    def update_op(self, count: int) -> ops.Update:
        """A step of NAdam."""
        return ops.NAdamUpdate(count, beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon, psi=self.psi)
