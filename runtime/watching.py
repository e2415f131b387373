"""Runs a Program with somebody looking on: for checks that need the arrays of each instruction as it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.planning.program import Instruction, Program
from graphnet.compiler.types import Array
from graphnet.runtime.session import Buffers, Executable


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


class WatchedExecutable(Executable):
    """An Executable whose watchers see each instruction; as fast as any other once none of them wants to."""

    def __init__(self, program: Program, buffers: Buffers, watchers: Sequence[Callable[[], Watcher]]) -> None:
        super().__init__(program, buffers)
        self._watchers = [make() for make in watchers]
        self._watched = [
            Watched(index, i, tuple(map(buffers.view, i.inputs)), tuple(map(buffers.view, i.outputs)))
            for index, i in enumerate(program.instructions)]

    def run(self) -> None:
        """Executes all instructions, watched."""
        watchers = [watcher for watcher in self._watchers if watcher.wants()]
        if not watchers:
            super().run()
            return
        for watcher in watchers:
            watcher.start(self)
        for watched, (_, step) in zip(self._watched, self.steps, strict=True):
            for watcher in watchers:
                watcher.before(watched)
            with np.errstate(all="ignore"):  # what comes of it is for the watchers to judge
                step()
            for watcher in watchers:
                watcher.after(watched)
        for watcher in watchers:
            watcher.finish()
