"""What `fit` returns: loss and metrics by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphnet.common.answers import Answering
from graphnet.compiler.errors import GnetFormatError
from graphnet.compiler.types import Array
from graphnet.engine.checkpoints import FIT

_PATH = ("train", FIT, "history")
_STATE = {"epochs": Array, "figures": dict[str, Array]}


@dataclass
class History(Answering):
    """Loss and metrics by epoch.

    Keras / PyTorch: `callbacks.History` / –; its `epoch` counts from 0 in each call of `fit`.

    Attributes:
        history: a list for each of `loss`, the metrics, and with validation data the same with `val_` before it; also
            `seconds`, the time that each epoch took. Figures are floats, but arrays for a confusion matrix.
        epochs: the number of each epoch, counted from 1 over the life of the network.

    Example:
        >>> x = gn.Input((2,))
        >>> model = gn.Model(x, gn.layers.Dense(1)(x))
        >>> net = gn.compile(model, "mse", "sgd", metrics=["mae"])
        >>> x, y = np.ones((4, 2)), np.ones((4, 1))
        >>> history = net.fit(x, y, validation_data=(x, y), verbose=False)
        >>> print(*history.history)
        loss mean_absolute_error val_loss val_mean_absolute_error seconds
        >>> history.epochs, net.fit(x, y, verbose=False).epochs
        ([1], [2])
    """

    _habits = "Methods and attributes of a history"

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
        from graphnet.runtime.gnet.codec import decode_map

        decode_map(state, _STATE, _PATH)
        if state["epochs"].ndim != 1:
            raise GnetFormatError("it must have one axis", (*_PATH, "epochs"))
        for name, values in state["figures"].items():
            if values.shape[:1] != state["epochs"].shape:
                raise GnetFormatError("it must have a value for each epoch", (*_PATH, "figures", name))
        self.epochs = state["epochs"].tolist()
        self.history = {name: values.tolist() if values.ndim == 1 else list(values)
                        for name, values in state["figures"].items()}
