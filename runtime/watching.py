"""Runs a Program with somebody looking on: for checks that need the arrays of each instruction as it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.planning.program import Instruction
from graphnet.compiler.types import Array
from graphnet.runtime.session import Executable


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """An instruction and the arrays that it reads and writes."""

    index: int
    instruction: Instruction
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]


class Watcher:
    """Looks at a Program while it runs; the base looks at nothing. It may raise, but must not change any array."""

    def wants(self) -> bool:
        """Whether it wants to see the next run."""
        return True

    def start(self, run: Executable) -> None:
        """Called before the first instruction."""

    def before(self, watched: Watched) -> None:
        """Called before each instruction."""

    def after(self, watched: Watched) -> None:
        """Called after each instruction."""

    def finish(self) -> None:
        """Called after the last instruction."""


class Watching:
    """Watchers of a Program, made anew for it.

    Args:
        run: the Program, bound.
        watchers: make the watchers.
    """

    def __init__(self, run: Executable, watchers: Sequence[Callable[[], Watcher]]) -> None:
        self._run, self._watchers = run, [make() for make in watchers]
        view = run.buffers.view
        self._watched = [Watched(index, i, tuple(map(view, i.inputs)), tuple(map(view, i.outputs)))
                         for index, i in enumerate(run.program.instructions)]

    def run(self) -> None:
        """Runs the Program, watched; as fast as without once no watcher wants to see it."""
        watchers = [watcher for watcher in self._watchers if watcher.wants()]
        if not watchers:
            self._run.run()
            return
        for watcher in watchers:
            watcher.start(self._run)
        for index, step in self._run.walk():
            watched = self._watched[index] if index >= 0 else None
            for watcher in watchers if watched else ():
                watcher.before(watched)
            with np.errstate(all="ignore"):  # what comes of it is for the watchers to judge
                step()
            for watcher in watchers if watched else ():
                watcher.after(watched)
        for watcher in watchers:
            watcher.finish()
