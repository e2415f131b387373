"""Learning-rate schedules: functions of the number of the step, and of nothing else.

An optimizer takes one in place of a number: `Adam(OneCycle(5e-3, steps=1000))`. Steps are counted from 1, as
`Network.step` counts them; formulas use t = step - 1, the steps done before. What depends on how the training goes,
such as waiting for a plateau, is a callback (`graphnet.callbacks`).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from graphnet.common.answers import answer_names
from graphnet.common.checks import check_number, check_whole
from graphnet.common.registry import Configured, Registry
from graphnet.compiler.errors import ArgumentError

__all__ = ["SCHEDULES", "Constant", "CosineDecay", "ExponentialDecay", "OneCycle", "Schedule", "StepDecay", "WarmUp"]
answer_names(globals())


@dataclass(frozen=True)
class Schedule(Configured):
    """Base of all schedules.

    Keras / PyTorch: `optimizers.schedules.LearningRateSchedule` / `optim.lr_scheduler.LRScheduler`. Keras calls it with
    the steps done before, from 0; PyTorch's changes when its `step()` is called, as a rule once an epoch. Here it
    follows the training's steps, counted from 1, by itself.

    Example:
        >>> x = gn.Input((1,))
        >>> sgd = gn.optimizers.SGD(gn.schedules.StepDecay(0.5, every=2))
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", sgd)
        >>> x, y = np.ones((4, 1)), np.ones((4, 1))
        >>> _ = net.fit(x, y, batch_size=2, verbose=False)
        >>> sgd.rate_at(net.step), sgd.rate_at(net.step + 1)  # the next falls
        (0.5, 0.05)
    """

    registry: ClassVar[Registry[Any]]
    _instead = ("a schedule stays as it was declared: declare a new {kind} and an optimizer with it, compile the model "
                "again, and carry the weights over with set_weights(net.weights); or set net.rate_factor, which "
                "multiplies the learning rate of every step")

    def rate_at(self, step: int) -> float:
        """The learning rate of a step.

        Args:
            step: counted from 1.

        Raises:
            ArgumentError: `step` is not a whole number ≥ 1.
        """
        return self.rate_after(check_whole(type(self).__name__, "step", step) - 1)

    @abstractmethod
    def rate_after(self, t: int) -> float:
        """The learning rate when `t` ≥ 0 steps have been done."""

    def _check(self, name: str, least: float = -math.inf, below: float = math.inf, *, above: float = -math.inf,
               most: float = math.inf, of_most: str = "") -> None:
        """Checks a number and keeps it as a plain float, whatever type it came in."""
        given = getattr(self, name)
        number = check_number(type(self).__name__, name, given, least, below, above=above)
        if number > most:
            raise ArgumentError(type(self).__name__, name, given, f"it must be at most {of_most or f'{most:g}'}")
        self.keep(name, number)

    def _check_rate(self, name: str) -> None:
        self._check(name, above=0)

    def _check_steps(self, name: str) -> None:
        self.keep(name, check_whole(type(self).__name__, name, getattr(self, name)))


SCHEDULES: Registry[Schedule] = Registry("a Schedule such as OneCycle(0.005, steps=1000)", "Schedules by name")
"""All schedules by name; `.names` lists them, and `@SCHEDULES.register()` above a class of your own adds it."""
Schedule.registry = SCHEDULES


@SCHEDULES.register()
@dataclass(frozen=True)
class Constant(Schedule):
    """η, always the same.

    Keras / PyTorch: – / –; a number alone does there, and does here but in WarmUp. `ConstantLR` begins with a third of
    the rate.

    Args:
        rate: η > 0.

    Example:
        >>> rate = gn.schedules.Constant(0.8)
        >>> schedule = gn.schedules.WarmUp(rate, steps=3, start=0.25)
        >>> [round(schedule.rate_at(step), 3) for step in range(1, 6)]
        [0.2, 0.4, 0.6, 0.8, 0.8]
    """

    rate: float

    def __post_init__(self) -> None:
        self._check_rate("rate")

    def rate_after(self, t: int) -> float:
        """The rate."""
        return self.rate


@SCHEDULES.register()
@dataclass(frozen=True)
class StepDecay(Schedule):
    """η γ^⌊t / every⌋: falls by a factor at regular intervals.

    Keras / PyTorch: `schedules.ExponentialDecay(staircase=True)` / `StepLR`; `every` is `decay_steps` / `step_size`, in
    steps of training, not epochs; the factor `decay_rate` / `gamma`.

    Args:
        rate: η > 0.
        every: steps between two falls.
        factor: γ in (0, 1].

    Example:
        >>> schedule = gn.schedules.StepDecay(0.8, every=2, factor=0.5)
        >>> [round(schedule.rate_at(step), 3) for step in range(1, 7)]
        [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        self._check_rate("rate")
        self._check_steps("every")
        self._check("factor", above=0, most=1)

    def rate_after(self, t: int) -> float:
        """The rate after the falls so far."""
        return self.rate * self.factor ** (t // self.every)


@SCHEDULES.register()
@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """η γ^(t / every): falls smoothly, by γ in `every` steps.

    Keras / PyTorch: `schedules.ExponentialDecay` / `ExponentialLR`, which has `every` = 1 and steps, as a rule, once an
    epoch. Keras takes `decay_steps` before `decay_rate`.

    Args:
        rate: η > 0.
        factor: γ in (0, 1].
        every: steps in which the rate falls by the factor.

    Example:
        >>> schedule = gn.schedules.ExponentialDecay(0.8, factor=0.25, every=2)
        >>> [round(schedule.rate_at(step), 3) for step in range(1, 6)]
        [0.8, 0.4, 0.2, 0.1, 0.05]
    """

    rate: float
    factor: float
    every: int = 1

    def __post_init__(self) -> None:
        self._check_rate("rate")
        self._check_steps("every")
        self._check("factor", above=0, most=1)

    def rate_after(self, t: int) -> float:
        """The rate after `t` steps of falling."""
        return float(self.rate * self.factor ** (t / self.every))


@SCHEDULES.register()
@dataclass(frozen=True)
class CosineDecay(Schedule):
    """η' + (η - η') (1 + cos(π t / T)) / 2 up to t = T, then η' (Loshchilov and Hutter 2017, equation 5, one run).

    Keras / PyTorch: `schedules.CosineDecay` / `CosineAnnealingLR`, which climbs again after T; T is `decay_steps` /
    `T_max`, η' `eta_min`. Keras's `alpha` is η' as a share of η; its warm-up is WarmUp here.

    Args:
        rate: η > 0.
        steps: T, the steps in which the rate falls.
        final: η', the rate at the end, in [0, η].

    Example:
        >>> schedule = gn.schedules.CosineDecay(0.8, steps=4, final=0.2)
        >>> [round(schedule.rate_at(step), 3) for step in range(1, 7)]
        [0.8, 0.712, 0.5, 0.288, 0.2, 0.2]
    """

    rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        self._check_rate("rate")
        self._check_steps("steps")
        self._check("final", 0, most=self.rate, of_most=f"the rate, {self.rate:g}")

    def rate_after(self, t: int) -> float:
        """The rate at share t / T of the fall."""
        return _cosine(self.rate, self.final, min(t / self.steps, 1.0))


@SCHEDULES.register()
@dataclass(frozen=True)
class WarmUp(Schedule):
    """Rises in a line to where another schedule begins, then follows that one (Goyal et al. 2017, section 2.2).

    For t < steps: η (start + (1 - start) t / steps), where η is the first rate of `after`; from then on `after` at
    t - steps.

    Keras / PyTorch: `schedules.CosineDecay(warmup_target=…, warmup_steps=…)` / `SequentialLR` of `LinearLR`, which
    starts from a third, and another.

    Args:
        after: the schedule to follow, which begins when the rise ends.
        steps: steps of the rise.
        start: share of η to begin with, in [0, 1].

    Example:
        >>> falling = gn.schedules.StepDecay(0.8, every=2, factor=0.5)
        >>> schedule = gn.schedules.WarmUp(falling, steps=2, start=0)
        >>> [round(schedule.rate_at(step), 3) for step in range(1, 8)]
        [0.0, 0.4, 0.8, 0.8, 0.4, 0.4, 0.2]
    """

    after: Schedule
    steps: int
    start: float = 0.1

    nested: ClassVar[Mapping[str, Registry[Any]]] = {"after": SCHEDULES}

    def __post_init__(self) -> None:
        if not isinstance(self.after, Schedule):
            raise ArgumentError("WarmUp", "after", self.after, "it must be a Schedule such as Constant(0.01)")
        self._check_steps("steps")
        self._check("start", 0, most=1)

    def rate_after(self, t: int) -> float:
        """The rate on the rise, or that of the schedule after it."""
        if t >= self.steps:
            return self.after.rate_after(t - self.steps)
        return self.after.rate_after(0) * (self.start + (1 - self.start) * t / self.steps)


@SCHEDULES.register()
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Rises along a half cosine to a peak and falls along another far below the start (Smith and Topin 2018).

    With u = warm_up · steps - 1: from peak / start_divisor at t = 0 to peak at t = u, then to
    peak / (start_divisor · final_divisor) at t = steps - 1, where it stays.

    Keras / PyTorch: – / `OneCycleLR`, the same numbers; the momentum is not cycled, and after the last step the rate
    stays, where PyTorch raises ValueError. `max_lr`, `total_steps`, `pct_start`, `div_factor` are `peak`, `steps`,
    `warm_up`, `start_divisor`.

    Args:
        peak: the highest rate, > 0.
        steps: length of the cycle.
        warm_up: share of the steps that rise, in [0, 1).
        start_divisor: peak over the first rate, ≥ 1.
        final_divisor: first rate over the last, ≥ 1.

    Example:
        >>> schedule = gn.schedules.OneCycle(1.0, steps=10)
        >>> [round(schedule.rate_at(step), 3) for step in range(1, 12)]
        [0.04, 0.52, 1.0, 0.95, 0.812, 0.611, 0.389, 0.188, 0.05, 0.0, 0.0]
    """

    peak: float
    steps: int
    warm_up: float = 0.3
    start_divisor: float = 25.0
    final_divisor: float = 1e4

    def __post_init__(self) -> None:
        self._check_rate("peak")
        self._check_steps("steps")
        self._check("warm_up", 0, 1)
        self._check("start_divisor", 1)
        self._check("final_divisor", 1)

    def rate_after(self, t: int) -> float:
        """The rate on its way up or down."""
        first, top, last = self.peak / self.start_divisor, self.warm_up * self.steps - 1, self.steps - 1
        if t < top:
            return _cosine(first, self.peak, t / top)
        return _cosine(self.peak, first / self.final_divisor, min((t - top) / (last - top), 1.0))


def _cosine(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
