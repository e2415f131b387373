"""What belongs to training but is not the loop: its history, what it calls, the order of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import ArgumentError, GnetFormatError
from graphnet.engine.checkpoints import FIT, check_kinds, check_values

if TYPE_CHECKING:
    from graphnet.network.network import Network

_PATH = ("train", FIT, "history")


@dataclass
class History:
    """Loss and metrics by epoch.

    Attributes:
        history: a list for each of `loss`, the metrics, and with validation data the same with `val_` before it; also
            `seconds`, the time that each epoch took. Figures are floats, but arrays for a confusion matrix.
        epochs: the number of each epoch, counted from 1 over the life of the network.
    """

    history: dict[str, list[Any]] = field(default_factory=dict)
    epochs: list[int] = field(default_factory=list)

    def add(self, epoch: int, logs: dict[str, Any]) -> None:
        """Adds an epoch."""
        self.epochs.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def state(self) -> dict[str, Any]:
        """All epochs, as arrays: one of each figure, with an axis for the epochs."""
        return {"epochs": np.array(self.epochs, np.int64),
                "figures": {name: np.array(values) for name, values in self.history.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes over the epochs that `state` gave.

        Raises:
            GnetFormatError: they are not such epochs.
        """
        check_kinds(state, {"epochs": (np.ndarray,), "figures": (dict,)}, _PATH)
        check_values(state["figures"], np.ndarray, (*_PATH, "figures"))
        if state["epochs"].ndim != 1:
            raise GnetFormatError("it must have one axis", (*_PATH, "epochs"))
        for name, values in state["figures"].items():
            if values.shape[:1] != state["epochs"].shape:
                raise GnetFormatError("it must have a value for each epoch", (*_PATH, "figures", name))
        self.epochs = state["epochs"].tolist()
        self.history = {name: values.tolist() if values.ndim == 1 else list(values)
                        for name, values in state["figures"].items()}


class Callback:
    """What `fit` calls along the way. Override what you need; epochs and steps count over the life of the network.

    A callback that remembers something from step to step or from epoch to epoch overrides `state` and `set_state` too,
    so that a training that goes on from a checkpoint does what it would have done.
    """

    def on_train_begin(self, network: Network) -> None:
        """Before the first epoch of a call of `fit`."""

    def on_epoch_begin(self, network: Network, epoch: int) -> None:
        """Before an epoch."""

    def on_step_end(self, network: Network, step: int, logs: dict[str, float]) -> None:
        """After a step; `logs` has the `loss` of its batch, from before the step."""

    def on_epoch_end(self, network: Network, epoch: int, logs: dict[str, Any]) -> bool | None:
        """After an epoch (and its validation). Returning True stops the training."""

    def on_train_end(self, network: Network) -> None:
        """After the last epoch, also if a callback stopped the training; not if an error did."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: plain data (None, bool, int, float, str, bytes, lists, dicts) and arrays."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave, when a training goes on: after `on_train_begin`, and before the next step.

        In the middle of an epoch there is no further `on_epoch_begin` for it.

        Raises:
            GraphNetError: the state does not fit.
        """
        check_kinds(state, {}, ("train", FIT, "callbacks", type(self).__name__))


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """The order of samples in an epoch: counter-based, so it depends on nothing but these numbers."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


def check_callbacks(callbacks: Sequence[Callback]) -> None:
    """Refuses what is no list of callbacks.

    Raises:
        ArgumentError: it is none, or holds something else, such as a class instead of an object.
    """
    if not isinstance(callbacks, list | tuple):
        raise ArgumentError("fit", "callbacks", callbacks, "it must be a list of Callback objects")
    for index, callback in enumerate(callbacks):
        if not isinstance(callback, Callback):
            raise ArgumentError("fit", f"callbacks[{index}]", callback, "it must be a Callback object")
