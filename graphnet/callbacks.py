"""What `fit` can call along the way: things that depend on how the training goes."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypedDict

from graphnet.common.checks import check_flag, check_number, check_path, check_whole
from graphnet.compiler.errors import ArgumentError
from graphnet.engine.checkpoints import FIT, same_value
from graphnet.training.callback import Callback, Trained

MIN, MAX = MODES = ("min", "max")
RISING = ("accuracy", "precision", "recall", "f1")
"""Ends of the names of figures that are better the larger they are."""


@dataclass
class Monitor(Callback):
    """Base of callbacks that watch one figure of the epochs.

    Args:
        monitor: the figure: "loss", "val_loss", "val_accuracy", …
        mode: "min" if smaller is better, "max" if larger is; None to tell by the name ("max" for accuracy, precision,
            recall and F1).
    """

    monitor: str = "val_loss"
    mode: str | None = field(default=None, kw_only=True)
    best: float = field(default=math.inf, init=False)
    remembered: ClassVar[Mapping[str, Any]] = {}
    """Attributes beside `best` that a checkpoint keeps, and their types."""

    def __post_init__(self) -> None:
        owner = type(self).__name__
        if not isinstance(self.monitor, str):
            raise ArgumentError(owner, "monitor", self.monitor, "it must be the name of a figure such as 'val_loss'")
        if self.mode is None:
            self.mode = MAX if self.monitor.endswith(RISING) else MIN
        if self.mode not in MODES:
            raise ArgumentError(owner, "mode", self.mode, f"it must be one of {', '.join(map(repr, MODES))}")
        self.forget()

    def forget(self) -> None:
        """Forgets the best figure."""
        self.best = math.inf if self.mode == MIN else -math.inf

    def figure(self, logs: dict[str, Any]) -> float:
        """The figure of an epoch.

        Raises:
            ArgumentError: there is no such figure, or it is not a number.
        """
        owner = type(self).__name__
        if self.monitor not in logs:
            hint = "; give fit validation_data" if self.monitor.startswith("val_") else ""
            raise ArgumentError(owner, "monitor", self.monitor,
                                f"the epoch has only {', '.join(map(repr, logs))}{hint}")
        if not isinstance(logs[self.monitor], int | float):
            raise ArgumentError(owner, "monitor", self.monitor, "it must be a number, and this figure is an array")
        return float(logs[self.monitor])

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
        kept = decode_map(state, types, ("train", FIT, "callbacks", owner))
        for name, value in self.arguments.items():
            before = kept["arguments"].get(name)
            if not same_value(before, value):
                raise ArgumentError(owner, name, value,
                                    f"the checkpoint was made with {before!r}; give the same to go on")
        for key in ("best", *self.remembered):
            setattr(self, key, kept[key])

    @property
    def arguments(self) -> dict[str, Any]:
        """What it was made with."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.init}

    def gain(self, figure: float) -> float:
        """By how much a figure is better than the best one; negative if it is worse, NaN if it is NaN."""
        return self.best - figure if self.mode == MIN else figure - self.best


@dataclass
class ReduceOnPlateau(Monitor):
    """Lowers the learning rate when a figure has stopped to improve; the rule is PyTorch's ReduceLROnPlateau.

    An epoch is better if it beats the best one by more than the share `threshold` of it. After more than `patience`
    epochs in a row that are not, `Network.rate_factor`, which multiplies the rate of every step, is multiplied by
    `factor`. So it works together with any schedule, and a saved network keeps what was lowered.

    Args:
        monitor: the figure: "loss", "val_loss", "val_accuracy", …
        factor: what the rate is multiplied by, in (0, 1).
        patience: epochs without improvement that are let pass, ≥ 0.
        threshold: share of the best figure, ≥ 0.
        cooldown: epochs after a reduction that are not counted, ≥ 0.
        least: the smallest `Network.rate_factor`, ≥ 0.
        mode: see `Monitor`.
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    least: float = 0.0
    waited: int = field(default=0, init=False)
    resting: int = field(default=0, init=False)
    remembered: ClassVar[Mapping[str, Any]] = {"waited": int, "resting": int}

    def __post_init__(self) -> None:
        super().__post_init__()
        owner = "ReduceOnPlateau"
        check_number(owner, "factor", self.factor, below=1, above=0)
        check_number(owner, "threshold", self.threshold, 0)
        check_number(owner, "least", self.least, 0)
        check_whole(owner, "patience", self.patience, 0)
        check_whole(owner, "cooldown", self.cooldown, 0)

    def on_epoch_end(self, network: Trained, epoch: int, logs: dict[str, Any]) -> None:
        """Takes note of the epoch's figure and lowers the rate if it is time.

        Raises:
            ArgumentError: there is no such figure.
        """
        self._count(self.figure(logs))
        if self.waited > self.patience:
            network.rate_factor = max(network.rate_factor * self.factor, self.least)
            self.waited, self.resting = 0, self.cooldown

    def _count(self, figure: float) -> None:
        self.waited += 1
        if self._is_better(figure):
            self.best, self.waited = figure, 0
        if self.resting > 0:
            self.resting, self.waited = self.resting - 1, 0

    def _is_better(self, figure: float) -> bool:
        if self.mode == MIN:
            return figure < self.best * (1 - self.threshold)
        return figure > self.best * (1 + self.threshold)


ReduceLROnPlateau = ReduceOnPlateau


class _Kept(TypedDict):
    """The weights and layer states of an epoch."""

    weights: dict[str, Any]
    states: dict[str, Any]


@dataclass
class EarlyStopping(Monitor):
    """Stops the training when a figure has stopped to improve (Prechelt 1998); the rule is Keras's.

    An epoch is better if it beats the best one by more than `min_delta`. After `patience` epochs in a row that are not
    (1 at least) training stops. Every call of `fit` begins anew.

    Args:
        monitor: the figure: "loss", "val_loss", "val_accuracy", …
        patience: epochs without improvement that are let pass, ≥ 0.
        min_delta: ≥ 0, in units of the figure.
        restore_best: whether the network gets back the weights and layer states of the best epoch, however the
            training ends. The optimizer's moments, the step and the epoch stay.
        mode: see `Monitor`.

    Attributes:
        best: the best figure so far.
        best_epoch: its epoch, 0 before the first.
        stopped_epoch: the epoch after which training was stopped; 0 if it was not.
    """

    patience: int = 0
    min_delta: float = 0.0
    restore_best: bool = False
    best_epoch: int = field(default=0, init=False)
    stopped_epoch: int = field(default=0, init=False)
    _waited: int = field(default=0, init=False, repr=False)
    _kept: _Kept | None = field(default=None, init=False, repr=False)
    remembered: ClassVar[Mapping[str, Any]] = {"best_epoch": int, "stopped_epoch": int, "_waited": int,
                                               "_kept": _Kept | None}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("EarlyStopping", "patience", self.patience, 0)
        check_number("EarlyStopping", "min_delta", self.min_delta, 0)
        check_flag("EarlyStopping", "restore_best", self.restore_best)

    def on_train_begin(self, network: Trained) -> None:
        """Begins anew."""
        self.forget()
        self.best_epoch = self.stopped_epoch = 0
        self._kept = None
        self._waited = 0

    def on_epoch_end(self, network: Trained, epoch: int, logs: dict[str, Any]) -> bool:
        """Takes note of the epoch's figure; whether it is time to stop.

        Raises:
            ArgumentError: there is no such figure.
        """
        figure = self.figure(logs)
        if self.gain(figure) > self.min_delta:
            self.best, self.best_epoch, self._waited = figure, epoch, 0
            if self.restore_best:
                weights = {name: array.copy() for name, array in network.weights.items()}
                self._kept = {"weights": weights, "states": network.states}
            return False
        self._waited += 1
        if self._waited < max(self.patience, 1):
            return False
        self.stopped_epoch = epoch
        return True

    def on_train_end(self, network: Trained) -> None:
        """Gives the network back its best weights."""
        if self._kept is not None:
            network.set_weights(self._kept["weights"])
            network.set_states(self._kept["states"])


class ResetStates(Callback):
    """Lets stateful layers begin new sequences with each epoch, for data that is the same sequences every time."""

    def on_epoch_begin(self, network: Trained, epoch: int) -> None:
        """Puts the states of stateful layers back to zero."""
        network.reset_states()


class ModelCheckpoint(Monitor):
    """Saves the network after epochs, by default after each that is better than all before.

    The file is replaced in one step, so it always holds a whole network. What is the best figure is remembered over
    calls of `fit` with the same object.

    It is for keeping good networks; to go on with a training that was cut, see the argument `checkpoint` of `fit`.

    Args:
        path: the `.gnet` file. `{epoch}` in it stands for the number of the epoch, for a file each.
        monitor: the figure: "loss", "val_loss", "val_accuracy", …
        best_only: whether to save only if the figure is better than ever; if not, `monitor` is not looked at.
        mode: see `Monitor`.

    Attributes:
        best: the best figure so far.
        saved: the path of the last file; None before the first.
    """

    remembered: ClassVar[Mapping[str, Any]] = {"saved": str | None}

    def __init__(self, path: str | os.PathLike[str], monitor: str = "val_loss", *, best_only: bool = True,
                 mode: str | None = None) -> None:
        super().__init__(monitor, mode=mode)
        self.path = check_path("ModelCheckpoint", path)
        self.best_only = check_flag("ModelCheckpoint", "best_only", best_only)
        self.saved: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What it was made with."""
        return super().arguments | {"path": self.path, "best_only": self.best_only}

    def on_epoch_end(self, network: Trained, epoch: int, logs: dict[str, Any]) -> None:
        """Saves the network if it is time.

        Raises:
            ArgumentError: there is no such figure.
            GnetFormatError: the network holds what no file can.
            OSError: the file cannot be written.
        """
        if self.best_only:
            figure = self.figure(logs)
            if not self.gain(figure) > 0:  # not for NaN either
                return
            self.best = figure
        path = self.path.replace("{epoch}", str(epoch))
        network.save(path)
        self.saved = path
