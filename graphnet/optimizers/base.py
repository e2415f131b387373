"""What all optimizers share: the learning rate, clipped gradients, decoupled weight decay."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from graphnet.common.checks import check_flag, check_number
from graphnet.common.plain import as_python
from graphnet.common.registry import Configured, Registry
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ops.clipping import GLOBAL_NORM, NORM, VALUE
from graphnet.compiler.passes.attach_update import AttachUpdate
from graphnet.schedules import SCHEDULES, Schedule

__all__ = ["OPTIMIZERS", "Optimizer"]
CLIPPING = {"clip_value": VALUE, "clip_norm": NORM, "global_clip_norm": GLOBAL_NORM}


@dataclass(frozen=True)
class Optimizer(Configured):
    """Base of all optimizers. At most one kind of clipping can be chosen.

    Keras / PyTorch: `optimizers.Optimizer` / `optim.Optimizer`, which is given the weights and steps by itself; here
    `gn.compile` makes it a part of the training step. Clipping is `clipvalue`, `clipnorm`, `global_clipnorm` /
    `nn.utils.clip_grad_value_`, `clip_grad_norm_`, which adds the same 1e-6.

    Args:
        learning_rate: η > 0, or a Schedule that gives it for each step.
        clip_value: each element of the gradients is kept within ± this.
        clip_norm: the gradient of each weight is scaled down to at most this norm.
        global_clip_norm: all gradients are scaled down together, to at most this norm of them all. 1e-6 is added to the
            norms.

    Example:
        >>> x = gn.Input((1,))
        >>> w = gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        >>> model = gn.Model(x, w(x))
        >>> net = gn.compile(model, "mae", gn.optimizers.SGD(0.1, clip_value=1))
        >>> _ = net.train_on_batch([[1000]], [[9999]])  # a gradient of -1000
        >>> round(net.weights["dense/weight"].item(), 3)
        0.1
    """

    _habits = "Methods and attributes of an optimizer"

    learning_rate: float | Schedule = 0.01
    clip_value: float | None = field(default=None, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    global_clip_norm: float | None = field(default=None, kw_only=True)

    registry: ClassVar[Registry[Any]]
    nested: ClassVar[Mapping[str, Registry[Any]]] = {"learning_rate": SCHEDULES}
    _instead = ("an optimizer stays as it was declared: compile the model with a new {kind}, gn.compile(model, …, "
                "optimizer=…), and carry the weights over with set_weights(net.weights); for the learning rate alone "
                "set net.rate_factor, which multiplies it, or use a schedule of gn.schedules or the callback "
                "gn.callbacks.ReduceOnPlateau")

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, Schedule):
            self._check_rate()
        chosen = [name for name in CLIPPING if getattr(self, name) is not None]
        for name in chosen:
            self._check(name, above=0)
        if len(chosen) > 1:
            raise ArgumentError(type(self).__name__, chosen[1], getattr(self, chosen[1]),
                                f"{chosen[0]} is given too; gradients are clipped in one way only")

    def _check_rate(self) -> None:
        if not isinstance(as_python(self.learning_rate), int | float):
            raise ArgumentError(type(self).__name__, "learning_rate", self.learning_rate,
                                "it must be a finite number > 0 or a Schedule such as OneCycle(0.005, 1000); "
                                "which weights are trained is known from the model and is not said")
        self._check("learning_rate", above=0)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        if isinstance(self.learning_rate, Schedule):
            return self.learning_rate.rate_at(step)
        return self.learning_rate

    @abstractmethod
    def update_op(self, count: int) -> ops.Update:
        """The op that updates `count` weights."""

    def attachment(self, count: int) -> AttachUpdate:
        """The pass that makes a training step for `count` weights: clipping, update, decay."""
        return AttachUpdate(self.update_op(count), self._clip_op(count))

    def _clip_op(self, count: int) -> ops.ClipGradients | None:
        limits = [(getattr(self, name), by) for name, by in CLIPPING.items() if getattr(self, name) is not None]
        return ops.ClipGradients(count, *limits[0]) if limits else None

    def _check(self, name: str, least: float = -math.inf, below: float = math.inf, *, above: float = -math.inf) -> None:
        """Checks a number and keeps it as a plain float, whatever type it came in."""
        number = check_number(type(self).__name__, name, getattr(self, name), least, below, above=above)
        self.keep(name, number)


@dataclass(frozen=True)
class Decaying(Optimizer):
    """Base of optimizers with decoupled weight decay: before each step p ← p - η λ p.

    (Loshchilov and Hutter 2019. There the decay follows the schedule but not η itself; here, as in PyTorch, it is
    multiplied by the learning rate of the step, schedule included.)

    Args:
        weight_decay: λ ≥ 0.
        decay_vectors: whether biases, the scales and shifts of normalizations and the slopes of PReLU decay too, as in
            PyTorch; False leaves them out, of whatever shape they are. Kernels and embeddings always decay.
    """

    weight_decay: float = field(default=0.0, kw_only=True)
    decay_vectors: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("weight_decay", 0)
        check_flag(type(self).__name__, "decay_vectors", self.decay_vectors)

    def attachment(self, count: int) -> AttachUpdate:
        """With the decay."""
        return AttachUpdate(self.update_op(count), self._clip_op(count), self.weight_decay, self.decay_vectors)


OPTIMIZERS: Registry[Optimizer] = Registry("an Optimizer", "Optimizers by name")
"""All optimizers by name; `.names` lists them, and `@OPTIMIZERS.register()` above a class of your own adds it."""
Optimizer.registry = OPTIMIZERS
