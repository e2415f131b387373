"""What `fit` says: a bar on standard error while an epoch goes, and a line on standard output when it is over.

No colours, so that there are none to turn off by NO_COLOR. The bar is drawn at most ten times a second; between that a
step costs a look at the clock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import Any, Literal

import numpy as np

from graphnet.common.plain import as_python
from graphnet.common.streams import columns, display_width, is_open, shows_progress, writable
from graphnet.compiler.errors import STUMBLES, ArgumentError
from graphnet.compiler.words import visible, visible_lines
from graphnet.engine.figures import SECONDS, figure_text
from graphnet.training.callback import Callback

Verbose = bool | int | Literal["auto"] | None

INTERVAL = 0.1  # seconds from one drawing of the bar to the next
LEAST_BAR, MOST_BAR = 4, 20  # columns between its edges
ECHO = 2  # columns for the ^C that terminals show
USUAL_WIDTH = 80  # where nobody says how wide it is


class Progress:
    """What a call of `fit` says.

    Args:
        verbose: as `fit` takes it.
        epochs: how many there will be.
        callbacks: those of the call; one of them may print the lines of epochs itself.

    Raises:
        ArgumentError: `verbose` is something else.
    """

    def __init__(self, verbose: object, epochs: int, callbacks: Sequence[Callback]) -> None:
        self._shown = check_verbose(verbose)
        self._epochs = epochs
        self._prints_epochs = self._shown != 0 and not any(callback.prints_epochs for callback in callbacks)
        self._bar: _Bar | None = None

    def begin(self, epoch: int, done: int, steps: int, figures: Callable[[], Mapping[str, Any]]) -> None:
        """Shows the bar, if there is to be one.

        Args:
            epoch: its number, counted from 1 in this call.
            done: the steps of it that are done already.
            steps: how many it has.
            figures: what loss and metrics are so far, where there are any yet.
        """
        wanted = {None: None, 1: True}.get(self._shown, False)
        if shows_progress(wanted):
            self._bar = _Bar(title(epoch, self._epochs), done, steps, figures)

    def step(self, count: int = 1) -> None:
        """Takes note of steps."""
        if self._bar is not None:
            self._bar.step(count)

    def close(self) -> None:
        """Takes the bar away; what there was before it is there again."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def end(self, epoch: int, figures: Mapping[str, Any]) -> None:
        """Takes the bar away and prints the line of the epoch."""
        self.close()
        if self._prints_epochs:
            say(f"{title(epoch, self._epochs)}  {format_figures(figures)}")

    def stop(self, epoch: int, callback: Callback) -> None:
        """Says that a callback ends the training before the last epoch, and why."""
        if self._shown != 0 and epoch < self._epochs:
            reason = callback.why_stopped()
            say(f"stopped after epoch {epoch}{f': {reason}' if reason else f' by {type(callback).__name__}'}")


class _Bar:
    """A bar on standard error that draws itself anew from time to time."""

    def __init__(self, title: str, done: int, steps: int, figures: Callable[[], Mapping[str, Any]]) -> None:
        from tqdm import tqdm

        class Quiet(tqdm):  # type: ignore[type-arg]
            monitor_interval = 0  # else a thread stays behind, of which Python warns when the process forks

        self._title, self._steps, self._figures = title, steps, figures
        self._begun = self._done = done
        self._start, self._due = perf_counter(), 0.0
        self._interval: Callable[[float], str] = tqdm.format_interval
        width, look = self._look()
        # That of all bars, where a class of their own would make itself another one.
        self._whole: AbstractContextManager[Any] = tqdm.get_lock()  # type: ignore[no-untyped-call]
        with self._whole:  # else a line of another thread comes after the drawing, and does not know of the bar yet
            self._drawn = Quiet(total=steps, initial=done, leave=False, file=sys.stderr, ncols=width, bar_format=look)

    def step(self, count: int) -> None:
        """Takes note of steps."""
        self._done += count
        if perf_counter() < self._due and self._done < self._steps:
            return
        self._drawn.n = self._done
        self._drawn.ncols, self._drawn.bar_format = self._look()
        self._drawn.refresh()
        self._due = perf_counter() + INTERVAL

    def close(self) -> None:
        """Takes it away, and a ^C behind it."""
        self._drawn.ncols, self._drawn.bar_format = None, " " * _room()
        with self._whole:
            self._drawn.refresh()
            self._drawn.close()
            self._drawn.fp.write("\r")  # which tqdm does for the first of several bars only

    def _look(self) -> tuple[int, str]:
        width = max(_room() - ECHO, 1)
        head = f"{self._title} {100 * self._done // self._steps:3d}%"
        parts = [writable(visible(part), sys.stderr) for part in (*self._so_far(), *self._times())]
        return width, bar_format(width, head, parts)

    def _so_far(self) -> list[str]:
        try:
            with np.errstate(all="ignore"):
                return list(_formatted(self._figures()))
        except STUMBLES:  # some figures are not defined of so few samples
            return []

    def _times(self) -> tuple[str, str]:
        seconds, steps = perf_counter() - self._start, self._done - self._begun
        left = self._interval(seconds / steps * (self._steps - self._done)) if steps else "?"
        count = f"{self._done:{len(str(self._steps))}}/{self._steps}"
        return count, f"{self._interval(seconds)}<{left}"


def _room() -> int:
    """The columns of standard error but for the last: some terminals wrap as soon as that is full."""
    return max((columns(sys.stderr) or USUAL_WIDTH) - 1, 1)


def bar_format(width: int, head: str, parts: Sequence[str]) -> str:
    """The head, the bar, and as many of the parts as there is room for, the first ones first, as tqdm takes it.

    What room is left is the bar's, up to `MOST_BAR`.
    """
    room, tail = width - display_width(head) - LEAST_BAR - 2, ""
    for part in parts:
        longer = f"{tail}{'  ' if tail else ' '}{part}"
        if display_width(longer) > room:
            break
        tail = longer
    bar = max(min(MOST_BAR, LEAST_BAR + room - display_width(tail)), 1)
    return f"{head}|{{bar:{bar}}}|{tail.replace('{', '{{').replace('}', '}}')}"


def check_verbose(value: object) -> int | None:
    """What `fit` shows: None for what suits the streams, 0 for nothing, 1 for bar and lines, 2 for lines only.

    Raises:
        ArgumentError: it is something else.
    """
    given = as_python(value)
    if given is None or (isinstance(given, str) and given == "auto"):
        return None
    if not isinstance(given, int) or given not in (0, 1, 2):
        raise ArgumentError("fit", "verbose", value, 'it must be "auto" (or None), 0 for nothing, 1 for a bar and a '
                                                     "line for each epoch, or 2 for the lines only")
    return int(given)


def title(epoch: int, epochs: int) -> str:
    """`epoch  1/20`."""
    return f"epoch {epoch:{len(str(epochs))}}/{epochs}"


def format_figures(figures: Mapping[str, Any]) -> str:
    """Figures for people: `loss 0.0512  accuracy 98.41 %  7.1 s`. Arrays, such as a confusion matrix, are left out."""
    return "  ".join(_formatted(figures))


def _formatted(figures: Mapping[str, Any]) -> list[str]:
    return [_format(name, value) for name, value in figures.items() if not isinstance(value, np.ndarray)]


def _format(name: str, value: float) -> str:
    if name == SECONDS:
        return f"{value:.1f} s" if value >= 1 else f"{value:.2f} s"
    label = name.replace("_", " ")
    if name.endswith("accuracy"):
        return f"{label} {100 * value:.2f} %"
    return f"{label} {figure_text(value)}"


def say(text: str) -> None:
    """Prints lines at once; on a terminal that is narrower, they go on, indented, between two figures."""
    stream = sys.stdout
    if not is_open(stream):
        return
    width = columns(stream)
    with _bars_aside():
        for line in visible_lines(text).split("\n"):
            print(writable(fold(line, width), stream), flush=hasattr(stream, "flush"))


def _bars_aside() -> AbstractContextManager[None]:
    """Within the block there is room for lines where bars were: of other trainings, or of a loop around this one."""
    loaded = sys.modules.get("tqdm")
    return nullcontext() if loaded is None else loaded.tqdm.external_write_mode()


def fold(line: str, width: int | None) -> str:
    """The line, broken where there are two spaces wherever it would be longer than the width."""
    if width is None or display_width(line) <= width:
        return line
    first, *rest = line.split("  ")
    lines = [first]
    for part in rest:
        longer = f"{lines[-1]}  {part}"
        lines[-1:] = [longer] if display_width(longer) <= width else [lines[-1], f"  {part}"]
    return "\n".join(lines)
