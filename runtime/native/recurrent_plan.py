"""How recurrent kernels cut a layer: into vectors, blocks of units, and the pieces that threads work on.

A vector holds one unit of 16 samples, a group; of a batch of one sample it holds 16 units. Some vectors along the units
make a block, whose products are worked out together, and a block of a group is a piece. Threads that cannot share out
whole groups share out pieces, and then meet at every step, where each takes over what the others made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import lcm

from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function, Lanes
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.values import Index, Value

WORTH = 1 << 16
"""Multiply-adds of a step that are worth the time in which threads meet."""


def padded(count: int) -> int:
    """The next multiple of 16."""
    return -(-count // LANES) * LANES


class Plan:
    """The sizes of a layer's vectors and blocks; none has a say in the order of a sum.

    Args:
        machine: how much its registers hold.
        batch: samples.
        units: of the layer.
        gates: products of each unit that are worked out together; several numbers for several rounds of them.

    Attributes:
        groups: of samples.
        span: units in a vector.
        pitch: floats between rows of a panel, which has a group's numbers row by row: 16, or 1 for one sample.
        lines: vectors in a block.
        tile: rows of a register tile at most.
        blocks: of all units.
    """

    def __init__(self, machine: Machine, batch: int, units: int, *gates: int) -> None:
        self.batch, self.units, self.tile = batch, units, 12 if machine.vectors > LANES else 6
        self.groups, alone = -(-batch // LANES), batch == 1
        self.span, self.pitch = (LANES, 1) if alone else (1, LANES)
        if alone:
            vectors = -(-units // LANES)
            self.lines = -(-vectors // -(-vectors // max(1, self.tile // max(gates))))
        elif units * max(gates) <= self.tile:
            self.lines = units
        else:
            self.lines = lcm(*(lcm(gate, self.tile) // gate for gate in gates))
        self.blocks = -(-units // (self.lines * self.span))

    def count(self, rows: int) -> int:
        """Floats of a panel of so many rows, with room for whole vectors behind its last."""
        return (padded(rows) + LANES) * self.pitch

    def lanes(self, f: Function, group: Index) -> Lanes:
        """How many samples of a group there are in memory that is not padded; None for all."""
        if self.batch % LANES == 0:
            return None
        return self.batch if self.groups == 1 else f.constant(self.batch) - group * LANES

    @contextmanager
    def rows(self, f: Function, group: Index, count: int) -> Iterator[tuple[Value, Lanes]]:
        """The vectors of so many rows of a group: the first row of each, and how many lanes it has."""
        with f.loop(0, count, self.span) as row:
            if self.span == 1:
                yield row, self.lanes(f, group)
            else:
                yield row, None if count % LANES == 0 else f.constant(count) - row

    def each_group(self, f: Function, lo: Index, hi: Index, body: Callable[[Value, int], None]) -> None:
        """body(group, samples) for some groups; the last one may have fewer samples than 16."""
        if self.groups == 1:
            with f.when(f.compare("slt", lo, hi)):
                body(f.constant(0), self.batch)
            return
        blocks(f, self.batch, LANES, lambda start, count: body(f.constant(start) // LANES, count), lo, hi)


class Pieces:
    """Those of a thread. Whoever has the first piece of a group owns it, and does what is done once for a group."""

    def __init__(self, f: Function, plan: Plan, work: int) -> None:
        self._f, self._plan, size = f, plan, plan.blocks
        self._split: Value | bool = False
        lo, hi = f.share(plan.groups)
        self._lo, self._hi, self._turn, self._turns = lo * size, hi * size, f.constant(size), hi - lo
        if size > 1 and work >= WORTH:
            split = self._split = f.compare("ne", f.constant(plan.groups) % f.threads, 0)
            lo, hi = f.share(plan.groups * size)
            self._lo, self._hi = f.select(split, lo, self._lo), f.select(split, hi, self._hi)
            self._turn, self._turns = f.select(split, hi - lo, size), f.select(split, f.constant(1), self._turns)

    @contextmanager
    def turns(self) -> Iterator[None]:
        """Runs what is written within for one group after another, since less memory is then in use at a time; but
        once for all pieces where threads share groups."""
        start = self._lo
        with self._f.loop(0, self._turns) as turn:
            self._lo = start + turn * self._turn
            self._hi = self._lo + self._turn
            yield

    def meet(self) -> None:
        """Waits for the other threads, if they share groups."""
        with self._f.when(self._split):
            self._f.meet()

    def each(self, body: Callable[[Value, Value], None]) -> None:
        """body(group, block) for all pieces."""
        with self._f.loop(self._lo, self._hi) as piece:
            body(piece // self._plan.blocks, piece % self._plan.blocks)

    def touched(self, body: Callable[[Value, int], None]) -> None:
        """body(group, samples) for the groups of all pieces."""
        self._groups(self._lo // self._plan.blocks, body)

    def owned(self, body: Callable[[Value, int], None]) -> None:
        """body(group, samples) for the groups that are this thread's own."""
        self._groups((self._lo + (self._plan.blocks - 1)) // self._plan.blocks, body)

    def _groups(self, first: Value, body: Callable[[Value, int], None]) -> None:
        end = (self._hi + (self._plan.blocks - 1)) // self._plan.blocks
        self._plan.each_group(self._f, first, end, body)
