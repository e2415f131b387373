"""Runs a Program with somebody looking on: for checks that need the arrays of each instruction as it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphnet.compiler.op import Op
from graphnet.compiler.planning.program import Instruction, Slot
from graphnet.compiler.types import BATCH, Array
from graphnet.runtime.session import Executable, Part


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """An instruction and the arrays that it reads and writes, at work on a block of samples or on all of them.

    Of arrays that have a row for each sample there are those of the block; results without such rows are what it has
    made of the samples so far.

    Attributes:
        index: its number.
        instruction: what runs.
        op: the same for the whole batch.
        inputs, outputs: the arrays.
        base: the number of the block's first sample.
        first, last: whether the block is the first one, and the last one.
    """

    index: int
    instruction: Instruction
    op: Op
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    base: int = 0
    first: bool = True
    last: bool = True


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
    """Watchers of a Program, made anew for it. It holds the memory, but not what runs the Program.

    Args:
        run: the Program, bound.
        watchers: make the watchers.
    """

    def __init__(self, run: Executable, watchers: Sequence[Callable[[], Watcher]]) -> None:
        self._watchers = [make() for make in watchers]
        view, program = run.buffers.view, run.program
        dims = {**program.dims, BATCH: run.samples} if BATCH in program.dims else program.dims
        self._watched = [Watched(index, i, i.at(dims), tuple(map(view, i.inputs)), tuple(map(view, i.outputs)))
                         for index, i in enumerate(program.instructions)]

    @property
    def wanted(self) -> bool:
        """Whether a watcher wants to see the next run."""
        return any(watcher.wants() for watcher in self._watchers)

    def run(self, executable: Executable) -> None:
        """Runs the Program, watched; as fast as without once no watcher wants to see it."""
        watchers = [watcher for watcher in self._watchers if watcher.wants()]
        if not watchers:
            executable.run()
            return
        for watcher in watchers:
            watcher.start(executable)
        for part in executable.walk():
            if part.instruction < 0:
                part.run()
                continue
            watched = self._part(executable, part)
            for watcher in watchers:
                watcher.before(watched)
            with np.errstate(all="ignore"):  # what comes of it is for the watchers to judge
                part.run()
            for watcher in watchers:
                watcher.after(watched)
        for watcher in watchers:
            watcher.finish()

    def _part(self, executable: Executable, part: Part) -> Watched:
        """What there is to see of a part: of what has rows for samples, those that are real."""
        watched, sampled = self._watched[part.instruction], executable.program.sampled
        if not executable.program.blocked:
            return watched

        def real(slots: tuple[Slot, ...], arrays: tuple[Array, ...]) -> tuple[Array, ...]:
            return tuple(array[(*[slice(None)] * sampled[slot.value], slice(part.samples))]
                         if slot.value in sampled else array for slot, array in zip(slots, arrays, strict=True))

        i, stop = watched.instruction, part.base + part.samples
        return replace(watched, inputs=real(i.inputs, watched.inputs), outputs=real(i.outputs, watched.outputs),
                       base=part.base, first=part.base == 0, last=stop == executable.samples)
