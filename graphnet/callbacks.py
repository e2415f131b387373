"""What `fit` can call along the way: things that depend on how the training goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, TypedDict

from graphnet.common.answers import answer_names
from graphnet.common.checks import check_flag, check_number, check_whole
from graphnet.common.frozen import Check
from graphnet.metrics.base import MIN
from graphnet.training.callback import Callback, Trained
from graphnet.training.model_checkpoint import ModelCheckpoint
from graphnet.training.monitor import Monitor

__all__ = ["Callback", "EarlyStopping", "ModelCheckpoint", "ReduceOnPlateau", "ResetStates"]
answer_names(globals())

_whole = partial(check_whole, least=0)
_not_negative = partial(check_number, least=0)


@dataclass
class ReduceOnPlateau(Monitor):
    """Lowers the learning rate when a figure has stopped to improve.

    An epoch is better if it beats the best one by more than the share `threshold` of it. After more than `patience`
    epochs in a row that are not, `Network.rate_factor`, which multiplies the rate of every step, is multiplied by
    `factor`. So it works together with any schedule, and a saved network keeps what was lowered.

    Keras / PyTorch: `callbacks.ReduceLROnPlateau` / `lr_scheduler.ReduceLROnPlateau`, whose rule this is. Keras lowers
    one epoch sooner, after `patience` epochs, and its `min_delta` is absolute. `min_lr` is a rate there, `least` a
    factor here.

    Args:
        monitor: the figure: "loss", "val_loss", "val_accuracy", …
        factor: what the rate is multiplied by, in (0, 1).
        patience: epochs without improvement that are let pass, ≥ 0.
        threshold: share of the best figure, ≥ 0.
        cooldown: epochs after a reduction that are not counted, ≥ 0.
        least: the smallest `Network.rate_factor`, ≥ 0.
        mode: see `Monitor`.

    Example:
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", "sgd")
        >>> lower = gn.callbacks.ReduceOnPlateau("loss", factor=0.5, patience=1)
        >>> for loss in (1.0, 1.0, 1.0):  # as fit does
        ...     lower.on_epoch_end(net, net.epoch, {"loss": loss})
        ...     print(net.rate_factor)
        1.0
        1.0
        0.5
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    least: float = 0.0
    waited: int = field(default=0, init=False)
    resting: int = field(default=0, init=False)
    remembered: ClassVar[Mapping[str, Any]] = {"waited": int, "resting": int}
    _checks: ClassVar[Mapping[str, Check]] = {
        **Monitor._checks, "factor": partial(check_number, below=1, above=0), "patience": _whole,
        "threshold": _not_negative, "cooldown": _whole, "least": _not_negative}

    def on_epoch_end(self, network: Trained, epoch: int, logs: dict[str, Any]) -> None:
        """Takes note of the epoch's figure and lowers the rate if it is time.

        Raises:
            ArgumentError: there is no such figure.
        """
        self._count(self.figure(logs))
        if self.waited > self.patience:
            network.rate_factor = max(network.rate_factor * self.factor, self.least)
            self.note(waited=0, resting=self.cooldown)

    def _count(self, figure: float) -> None:
        self.note(waited=self.waited + 1)
        if self._is_better(figure):
            self.note(best=figure, waited=0)
        if self.resting > 0:
            self.note(resting=self.resting - 1, waited=0)

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
    """Stops the training when a figure has stopped to improve (Prechelt 1998).

    An epoch is better if it beats the best one by more than `min_delta`. After `patience` epochs in a row that are not
    (1 at least) training stops. Every call of `fit` begins anew.

    Keras / PyTorch: `callbacks.EarlyStopping` / –, the same rule and defaults, but `patience` comes before `min_delta`;
    `restore_best_weights` is `restore_best`, which gives back the states of layers as well, also after Ctrl-C or an
    error.

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

    Example:
        >>> stop = gn.callbacks.EarlyStopping(patience=2)  # fit asks it:
        >>> for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.1], 1):
        ...     print(stop.on_epoch_end(None, epoch, {"val_loss": loss}))
        False
        False
        False
        True
        >>> stop.best, stop.best_epoch, stop.stopped_epoch
        (2.0, 2, 4)
    """

    patience: int = 0
    min_delta: float = 0.0
    restore_best: bool = False
    best_epoch: int = field(default=0, init=False)
    stopped_epoch: int = field(default=0, init=False)
    _waited: int = field(default=0, init=False, repr=False)
    _kept: _Kept | None = field(default=None, init=False, repr=False)
    _left: _Kept | None = field(default=None, init=False, repr=False)  # what the network was when it was interrupted
    remembered: ClassVar[Mapping[str, Any]] = {"best_epoch": int, "stopped_epoch": int, "_waited": int,
                                               "_kept": _Kept | None, "_left": _Kept | None}
    added = ("_left",)
    _checks: ClassVar[Mapping[str, Check]] = {
        **Monitor._checks, "patience": _whole, "min_delta": _not_negative, "restore_best": check_flag}

    def on_train_begin(self, network: Trained) -> None:
        """Begins anew."""
        self.forget()
        self.note(best_epoch=0, stopped_epoch=0, _kept=None, _left=None, _waited=0)

    def on_epoch_end(self, network: Trained, epoch: int, logs: dict[str, Any]) -> bool:
        """Takes note of the epoch's figure; whether it is time to stop.

        Raises:
            ArgumentError: there is no such figure.
        """
        figure = self.figure(logs)
        if self.gain(figure) > self.min_delta:
            self.note(best=figure, best_epoch=epoch, _waited=0)
            if self.restore_best:
                self._kept = _kept(network)
            return False
        self._waited += 1
        if self._waited < max(self.patience, 1):
            return False
        self.note(stopped_epoch=epoch)
        return True

    def why_stopped(self) -> str:
        """`val_loss has not improved for 3 epochs`."""
        return f"{self.monitor} has not improved for {self._waited} epoch{'s' * (self._waited != 1)}"

    def on_train_break(self, network: Trained) -> None:
        """Gives the network back its best weights, after Ctrl-C or an error too."""
        if self._kept is not None:
            self._left = _kept(network)
            _give_back(network, self._kept)

    def on_train_resume(self, network: Trained) -> None:
        """Goes on with the weights that there were when the training was interrupted."""
        if self._left is not None:
            _give_back(network, self._left)
            self._left = None

    def on_train_end(self, network: Trained) -> None:
        """Gives the network back its best weights."""
        if self._kept is not None:
            _give_back(network, self._kept)


def _kept(network: Trained) -> _Kept:
    weights = {name: array.copy() for name, array in network.weights.items()}
    return {"weights": weights, "states": dict(network.states)}


def _give_back(network: Trained, kept: _Kept) -> None:
    network.set_weights(kept["weights"])
    network.set_states(kept["states"])


class ResetStates(Callback):
    """Lets stateful layers begin new sequences with each epoch, for data that is the same sequences every time.

    Keras / PyTorch: – / –; in Keras `layer.reset_states()` at the beginning of an epoch, in PyTorch no state is carried
    on unless it is given to the next call.

    Example:
        >>> x = gn.Input((1, 1))
        >>> rnn = gn.layers.SimpleRNN(1, stateful=True)
        >>> net = gn.compile(gn.Model(x, rnn(x)))
        >>> first, second = net.predict([[[1]]]), net.predict([[[1]]])
        >>> gn.callbacks.ResetStates().on_epoch_begin(net, 1)  # as fit does
        >>> bool(second == first), bool(net.predict([[[1]]]) == first)
        (False, True)
    """

    def on_epoch_begin(self, network: Trained, epoch: int) -> None:
        """Puts the states of stateful layers back to zero."""
        network.reset_states()
