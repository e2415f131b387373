"""What callbacks share that watch a figure of the epochs: which one, which way it is better, the best so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from graphnet.common.checks import check_choice
from graphnet.common.frozen import Check, Guarded, freeze, is_library
from graphnet.common.habits import hint
from graphnet.compiler.errors import ArgumentError, FrozenError
from graphnet.engine.checkpoints import FIT, same_value
from graphnet.engine.figures import VALIDATION, mode_by_name
from graphnet.metrics.base import MAX, MIN, NEITHER
from graphnet.training.callback import Callback

MODES = (MIN, MAX)


def _check_figure(owner: str, name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ArgumentError(owner, name, value, "it must be the name of a figure such as 'val_loss'")
    return value


def _check_mode(owner: str, name: str, value: Any) -> str | None:
    mode: str | None = None if value is None else check_choice(owner, name, value, MODES)
    return mode


@dataclass
class Monitor(Callback, Guarded):
    """Base of callbacks that watch one figure of the epochs.

    Arguments may be set at any time, also between calls of `fit`: they count from the next epoch on. With another
    figure or mode the best one is forgotten. Results are only read.

    Args:
        monitor: the figure: "loss", "val_loss", "val_accuracy", …
        mode: "min" if smaller is better, "max" if larger is. None where that is known: of losses, of the metrics of
            graphnet, and of other metrics whose class says it by its attribute `mode`.
    """

    monitor: str = "val_loss"
    mode: str | None = field(default=None, kw_only=True)
    best: float = field(default=math.inf, init=False)
    remembered: ClassVar[Mapping[str, Any]] = {}
    """Attributes beside `best` that a checkpoint keeps, and their types."""
    added: ClassVar[tuple[str, ...]] = ()
    """Those of them that checkpoints of older versions lack."""
    _checks: ClassVar[Mapping[str, Check]] = {"monitor": _check_figure, "mode": _check_mode}
    _said: ClassVar[bool] = False  # whether the mode was given

    def __post_init__(self) -> None:
        self.forget()
        if is_library(self):  # the attributes of a class of a user's own are the user's
            freeze(self)

    def __getstate__(self) -> object:
        """With the mark of what is frozen, which does not stand for a graph here: a copy is guarded too."""
        return dict(vars(self))

    def _guarded_set(self, name: str, value: Any) -> None:
        before = self.monitor, self.mode
        super()._guarded_set(name, value)
        if name == "mode":
            self.note(_said=value is not None)
        if name in ("mode", "monitor") and not self._said:
            self.note(mode=mode_by_name(self.monitor))
        if (self.monitor, self.mode) != before:
            self.forget()

    def _refusal(self, name: str) -> FrozenError:
        known = "is a result, which fit sets" if hasattr(self, name) else "cannot be set: there is no such attribute"
        return FrozenError(f"{type(self).__name__}: {name} {known}; to be set there are {', '.join(self.arguments)}")

    def note(self, **results: Any) -> None:
        """Sets results."""
        vars(self).update(results)

    def forget(self) -> None:
        """Forgets the best figure."""
        self.note(best=-math.inf if self.mode == MAX else math.inf)

    @property
    def watches(self) -> bool:
        """Whether it looks at the figure."""
        return True

    def check_figures(self, figures: Mapping[str, str | None]) -> None:
        """Refuses a figure that there will not be, or whose direction nobody has said.

        Raises:
            ArgumentError: the text says what there is, or how to say it.
        """
        if not self.watches:
            return
        if is_library(self) and self.monitor not in figures:  # a class of a user's own may measure more
            raise self._missing(figures)
        known = figures.get(self.monitor)
        if known == NEITHER:
            raise self._not_a_number()
        if not self._said and self.monitor in figures and known != self.mode:  # not what its name sounds like
            self.note(mode=known if known in MODES else None)
            self.forget()
        self._need_mode()

    def figure(self, logs: Mapping[str, Any]) -> float:
        """The figure of an epoch.

        Raises:
            ArgumentError: there is no such figure, it is not a number, or nobody has said which are better.
        """
        if self.monitor not in logs:
            raise self._missing(logs)
        if not isinstance(logs[self.monitor], int | float):
            raise self._not_a_number()
        self._need_mode()
        return float(logs[self.monitor])

    def _need_mode(self) -> None:
        if self.mode not in MODES:
            owner = type(self).__name__
            raise ArgumentError(owner, "mode", None, (
                f"it is not known whether a smaller or a larger {self.monitor!r} is better: say it here, "
                f"{owner}({self.monitor!r}, mode='min') or mode='max', or once for all in the class of the metric, "
                "mode = 'min' or 'max'"))

    def _missing(self, figures: Mapping[str, Any]) -> ArgumentError:
        unvalidated = self.monitor.startswith(VALIDATION) and not any(name.startswith(VALIDATION) for name in figures)
        fix = "; give fit validation_data" if unvalidated else hint("", self.monitor, figures, quoted=True)
        return ArgumentError(type(self).__name__, "monitor", self.monitor,
                             f"the epoch has only {', '.join(map(repr, figures))}{fix}")

    def _not_a_number(self) -> ArgumentError:
        return ArgumentError(type(self).__name__, "monitor", self.monitor,
                             "it must be a number, and this figure is an array")

    def state(self) -> dict[str, Any]:
        """The best figure, what else is remembered, and the arguments, which must be the same to go on."""
        return {"arguments": self.arguments, "best": self.best} | {key: getattr(self, key) for key in self.remembered}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave.

        Raises:
            GnetFormatError: it is not the state of such a callback.
            ArgumentError: an argument was another one.
        """
        from graphnet.runtime.gnet.codec import decode_map

        owner, types = type(self).__name__, {"arguments": dict[str, Any], "best": float, **self.remembered}
        kept = decode_map(state, types, ("train", FIT, "callbacks", owner), self.added)
        for name, value in self.arguments.items():
            before = kept["arguments"].get(name)
            if not same_value(before, value):
                raise ArgumentError(owner, name, value,
                                    f"the checkpoint was made with {before!r}; give the same to go on")
        self.note(**{key: kept[key] for key in ("best", *self.remembered) if key in kept})

    @property
    def arguments(self) -> dict[str, Any]:
        """What it was made with."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.init}

    def gain(self, figure: float) -> float:
        """By how much a figure is better than the best one; negative if it is worse, NaN if it is NaN."""
        return self.best - figure if self.mode == MIN else figure - self.best
