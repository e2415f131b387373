"""What `fit` returns: loss and metrics by epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphnet.common.answers import Answering, answering
from graphnet.compiler import html
from graphnet.compiler.errors import DataError, GnetFormatError
from graphnet.compiler.planning.program import table
from graphnet.compiler.types import Array, format_shape
from graphnet.compiler.words import label, screenful
from graphnet.engine.checkpoints import FIT
from graphnet.engine.figures import SECONDS, VALIDATION, figure_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from graphnet.drawing.curves import Curves

_PATH = ("train", FIT, "history")
_STATE = {"epochs": Array, "figures": dict[str, Array]}


@dataclass
class History(Answering):
    """Loss and metrics by epoch; `str()` is a table.

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
    """A list for each figure: `loss`, the metrics, the same with `val_` before it, and `seconds`."""
    epochs: list[int] = field(default_factory=list)
    """The number of each epoch, counted from 1 over the life of the network."""

    @answering
    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draws the loss and each metric by epoch, validation beside training; a notebook shows it.

        Args:
            path: a file to write it to as well; the ending says the format: .png, .svg or .pdf.

        Returns:
            The matplotlib figure.

        Raises:
            DataError: there is no figure of any epoch that is a number.
            ArgumentError: the path is no place for a picture.
            OSError: the file cannot be written; an old one stays.
        """
        from graphnet.drawing.curves import plot_curves  # not at the top: `fit` needs no pictures
        from graphnet.drawing.figures import draw_picture

        def draw() -> Figure:
            panels = panels_of(self)
            if not panels or not self.epochs:
                raise DataError("plot: there is nothing to draw, as no epoch has given a figure that is a number")
            return plot_curves(panels, self.epochs)
        return draw_picture("plot", path, draw)

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

    def __str__(self) -> str:
        head, rows = self._table()
        return "\n".join([self._title, *(table(head, rows, {*head}) if rows else ()), *self._notes()])

    def __repr__(self) -> str:
        spans = (f"{label(name)} {figure_text(values[0])} → {figure_text(values[-1])}"
                 for name, values in _numbers(self).items())
        return screenful(str(self), f"{self._title}: {', '.join(spans)}")

    def _repr_html_(self) -> str:
        head, rows = self._table()
        return html.frame(self._title, html.table(head, rows, head), html.lines(self._notes()))

    @property
    def _title(self) -> str:
        return f"history of {len(self.epochs)} epoch{'s' * (len(self.epochs) != 1)}"

    def _table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """A column for each figure that is a number, a row for each epoch."""
        numbers = _numbers(self)
        return ("epoch", *map(label, numbers)), [(str(epoch), *map(figure_text, row)) for epoch, *row in zip(
            self.epochs, *numbers.values(), strict=False)]

    def _notes(self) -> list[str]:
        return [f"{label(name)}: arrays of {format_shape(values[0].shape)}, in history[{label(name)!r}]"
                for name, values in self.history.items() if values and isinstance(values[0], np.ndarray)]


def panels_of(history: History, training: str = "training", validation: str = "validation") -> Mapping[str, Curves]:
    """What is drawn of a history: for the loss and each metric the curves, under these names; no times, no arrays."""
    panels: dict[str, dict[str, list[float]]] = {}
    for name, values in _numbers(history).items():
        if name != SECONDS:
            panels.setdefault(name.removeprefix(VALIDATION), {})[
                validation if name.startswith(VALIDATION) else training] = values
    return panels


def _numbers(history: History) -> dict[str, list[float]]:
    return {name: values for name, values in history.history.items()
            if values and all(isinstance(value, int | float | np.number) for value in values)}
