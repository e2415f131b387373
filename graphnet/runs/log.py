"""What a run writes while it goes: a line of text and a row of numbers for each epoch, at once on disk."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from graphnet.runs.directory import LOG_CSV, LOG_TEXT, RunDirectory
from graphnet.training import Callback

if TYPE_CHECKING:
    from graphnet.network import Network

VALIDATION = "val_"


class RunLog(Callback):
    """Writes log.txt and log.csv and prints progress. A context manager, so that the files are closed.

    Args:
        run: where the files go.
        epochs: how many there will be.
        held_out: what the figures that `fit` calls validation are computed on: "test" or "validation".
    """

    def __init__(self, run: RunDirectory, epochs: int, held_out: str) -> None:
        self.epochs, self.held_out = epochs, held_out
        self.diverged = False
        self._first_epoch: int | None = None
        self._text: TextIO = run.file(LOG_TEXT).open("w", encoding="utf-8", buffering=1)
        self._rows: TextIO = run.file(LOG_CSV).open("w", encoding="utf-8", newline="", buffering=1)
        self._writer: csv.DictWriter[str] | None = None

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self._text.close()
        self._rows.close()

    def note(self, text: str) -> None:
        """Writes to log.txt."""
        self._text.write(f"{text}\n")

    def say(self, text: str) -> None:
        """Prints and writes to log.txt."""
        print(text, flush=True)
        self.note(text)

    def on_epoch_end(self, network: Network, epoch: int, logs: dict[str, float]) -> bool:
        """Logs the epoch; stops the training if its loss is not finite, since it never recovers from that."""
        row = {"epoch": epoch, "step": network.step, "learning_rate": _rate(network)} | self._rename(logs)
        if self._writer is None:
            self._writer = csv.DictWriter(self._rows, list(row))
            self._writer.writeheader()
        self._writer.writerow({name: value.tolist() if isinstance(value, np.ndarray) else value
                               for name, value in row.items()})
        self.say(f"epoch {epoch:{len(str(self.epochs))}}/{self.epochs}  {format_figures(self._rename(logs))}")
        self.diverged = not math.isfinite(logs["loss"])
        return self.diverged

    def _rename(self, logs: Mapping[str, float]) -> dict[str, float]:
        """The figures with "val_" replaced by what they were computed on."""
        return {f"{self.held_out}_{name.removeprefix(VALIDATION)}" if name.startswith(VALIDATION) else name: value
                for name, value in logs.items()}


class Reporter(Callback):
    """Says after each epoch what a function makes of the network.

    Args:
        report: makes a text.
        log: where to; it has been called before.
    """

    def __init__(self, report: Callable[[Network], str], log: RunLog) -> None:
        self.report, self.log = report, log

    def on_epoch_end(self, network: Network, epoch: int, logs: dict[str, float]) -> None:
        """Says it, unless the training has diverged."""
        if not self.log.diverged:
            self.log.say(self.report(network))


def format_figures(figures: Mapping[str, Any]) -> str:
    """Figures for people: `loss 0.0512  accuracy 98.41 %  7.1 s`. Arrays, such as a confusion matrix, are left out."""
    return "  ".join(_format(name, value) for name, value in figures.items() if not isinstance(value, np.ndarray))


def _format(name: str, value: float) -> str:
    if name == "seconds":
        return f"{value:.1f} s"
    label = name.replace("_", " ")
    return f"{label} {100 * value:.2f} %" if name.endswith("accuracy") else f"{label} {value:.4f}"


def _rate(network: Network) -> float:
    """The learning rate of the last step."""
    return 0.0 if network.optimizer is None else network.optimizer.rate_at(network.step) * network.rate_factor
