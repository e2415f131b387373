"""What a run writes while it goes: a line of text and a row of numbers for each epoch, at once on disk."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import DivergenceError
from graphnet.compiler.types import Array
from graphnet.compiler.words import visible_lines
from graphnet.engine.checkpoints import FIT
from graphnet.engine.figures import VALIDATION
from graphnet.runs.directory import LOG_CSV, LOG_TEXT, RunDirectory
from graphnet.training.callback import Callback
from graphnet.training.progress import format_figures, say, title

if TYPE_CHECKING:
    from graphnet.network.network import Network


class KeptText:
    """A text file that is written line by line, and known by heart, so that a checkpoint can hold it.

    Args:
        path: of the file.
        keep: whether what is in it stays, until `replace`.
    """

    def __init__(self, path: Path, keep: bool) -> None:
        self._file = path.open("a" if keep else "w", encoding="utf-8", errors="backslashreplace",
                               newline="", buffering=1)
        self._written: list[str] = []

    @property
    def content(self) -> str:
        """All that was written or put in its place."""
        return "".join(self._written)

    def write(self, text: str) -> None:
        """Adds to the file."""
        try:
            self._file.write(text)
        except OSError as error:  # of a full disk, say; it knows no name
            raise OSError(error.errno, error.strerror, self._file.name) from None
        self._written.append(text)

    def replace(self, content: str) -> None:
        """Puts this in the place of all that is in the file."""
        self._file.truncate(0)
        self._written = []
        self.write(content)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class RunLog(Callback):
    """Writes log.txt and log.csv and prints progress. A context manager, so that the files are closed.

    Args:
        run: where the files go.
        epochs: how many there will be.
        held_out: what the figures that `fit` calls validation are computed on: "test" or "validation".
        resumed: what to say when the training goes on from a checkpoint; the files then get what they held at that
            moment, whatever was written after it. None for a new run.
    """

    prints_epochs = True

    def __init__(self, run: RunDirectory, epochs: int, held_out: str, resumed: str | None = None) -> None:
        self.epochs, self.held_out = epochs, held_out
        self.diverged = False
        self._resumed, self._start = resumed, time.perf_counter()
        self._text = KeptText(run.file(LOG_TEXT), keep=resumed is not None)
        self._rows = KeptText(run.file(LOG_CSV), keep=resumed is not None)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self._text.close()
        self._rows.close()

    @property
    def seconds(self) -> float:
        """How long the run has been going, without the time between a cut and going on."""
        return time.perf_counter() - self._start

    def note(self, text: str) -> None:
        """Writes to log.txt."""
        self._text.write(f"{visible_lines(text)}\n")

    def say(self, text: str) -> None:
        """Prints and writes to log.txt."""
        say(text)
        self.note(text)

    def diverge(self, error: DivergenceError) -> None:
        """Says that the training has diverged, and where."""
        self.diverged = True
        self.say(f"epoch {error.epoch}, step {error.step:,}: the loss is {error.loss}")

    def state(self) -> dict[str, Any]:
        """What is in the files, as UTF-8."""
        return {"text": _encode(self._text.content), "rows": _encode(self._rows.content), "seconds": self.seconds,
                "diverged": self.diverged}

    def set_state(self, state: dict[str, Any]) -> None:
        """Makes the files what they were at the checkpoint, and says that the training goes on.

        Raises:
            GnetFormatError: this is not the state of a log.
            OSError: a file cannot be written.
        """
        from graphnet.runtime.gnet.codec import decode_map

        decode_map(state, {"text": Array, "rows": Array, "seconds": float, "diverged": bool},
                   ("train", FIT, "callbacks", "RunLog"))
        self._text.replace(_decode(state["text"]))
        self._rows.replace(_decode(state["rows"]))
        self._start, self.diverged = time.perf_counter() - state["seconds"], state["diverged"]
        if self._resumed:
            self.say(self._resumed)

    def on_epoch_end(self, network: Network, epoch: int, logs: dict[str, float]) -> None:
        """Logs the epoch."""
        row = {"epoch": epoch, "step": network.step, "learning_rate": _rate(network)} | self._rename(logs)
        writer = csv.DictWriter(self._rows, list(row))
        if not self._rows.content:
            writer.writeheader()
        writer.writerow({name: value.tolist() if isinstance(value, np.ndarray) else value
                         for name, value in row.items()})
        self.say(f"{title(epoch, self.epochs)}  {format_figures(self._rename(logs))}")

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
        """Says it."""
        self.log.say(self.report(network))


def _rate(network: Network) -> float:
    """The learning rate of the last step."""
    return 0.0 if network.optimizer is None else network.optimizer.rate_at(network.step) * network.rate_factor


def _encode(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(errors="backslashreplace"), np.uint8)


def _decode(data: Array) -> str:
    return data.tobytes().decode(errors="replace")
