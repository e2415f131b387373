"""Channels of arrays that are normalised: walks over their elements, and sums of them.

A channel's elements lie in runs, along which vectors are read; where channels are innermost, each has a lane of a
vector. What is written for one does for the other: a channel's numbers are scalars, or vectors of 16 channels' numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import batch_innermost, need, room
from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function, vectors
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.values import Index, Value

Lanes = int | None
Add = Callable[[Value, Index, Lanes], Value]
"""A sum so far, with the elements at an offset added to it. What lies behind the lanes must add 0."""


@dataclass(frozen=True, slots=True)
class Channels:
    """A channel whose elements lie in runs, or channels side by side.

    Attributes:
        f: the function that is being written.
        start: the offset of the first element.
        number: of the channel, or of the first.
        blocks: how many blocks of runs there are, `apart` floats from one to the next.
        apart: see `blocks`.
        rows: runs in a block, `pitch` floats from one to the next.
        pitch: see `rows`.
        length: floats of a run, of which room behind samples is no part.
        lanes: of channels side by side, how many there are, at most 16; else 0. Then a run is one element of each.
    """

    f: Function
    start: Index
    number: Index
    blocks: int
    apart: int
    rows: int
    pitch: int
    length: int
    lanes: int

    def whole(self) -> Channels:
        """The channel with the room behind its samples, where they are innermost."""
        size = self.rows * self.pitch
        return replace(self, rows=1, pitch=size, length=size)

    def walk(self, visit: Callable[[Index, int, Lanes], None], parts: int = 4) -> None:
        """Visits all elements: visit(offset, part, lanes) takes `parts` vectors by turns."""
        f, step = self.f, parts * LANES
        if not self.blocks * self.rows * self.length:
            return
        full = 0 if self.lanes else self.length // step * step
        with f.loop(0, self.blocks) as block, f.loop(0, self.rows) as row:
            base = block * self.apart + row * self.pitch + self.start
            if full:
                with f.loop(0, full, step) as e:
                    for part in range(parts):
                        visit(base + e + part * LANES, part, None)
            for part, (offset, lanes) in enumerate(vectors(self.lanes or self.length - full)):
                visit(base + (full + offset), part, lanes)

    def sums(self, *terms: Add, parts: int = 4) -> list[Value]:
        """Sums over the channel. Each is taken in `parts` vectors, whatever the machine, and then in a tree."""
        f = self.f
        totals = [[f.variable(f.zero()) for _ in range(parts)] for _ in terms]

        def visit(offset: Index, part: int, lanes: Lanes) -> None:
            for term, total in zip(terms, totals, strict=True):
                total[part].set(term(total[part].get(), offset, lanes))
        self.walk(visit, parts)
        return [self._joined([part.get() for part in total]) for total in totals]

    def _joined(self, parts: list[Value]) -> Value:
        if self.lanes:
            return parts[0]
        while len(parts) > 1:
            half = len(parts) // 2
            parts = [a + b for a, b in zip(parts[:half], parts[half:], strict=True)]
        return self.f.total_of(parts[0])

    def get(self, pointer: Value) -> Value:
        """The channel's number in an array of one for each."""
        return self.f.load(pointer, self.number, self.lanes) if self.lanes else self.f.scalar(pointer, self.number)

    def put(self, value: Value, pointer: Value) -> None:
        """Writes the channel's number."""
        if self.lanes:
            self.f.store(value, pointer, self.number, self.lanes)
        else:
            self.f.put(value, pointer, self.number)

    def load(self, pointer: Value, offset: Index, lanes: Lanes) -> Value:
        """Elements of the channel; 0 behind the lanes."""
        if lanes is None or self.length == self.pitch or self.lanes:
            return self.f.load(pointer, offset, lanes)
        return self.f.select(self.f.mask(lanes), self.f.load(pointer, offset), 0.0)

    def store(self, value: Value, pointer: Value, offset: Index, lanes: Lanes) -> None:
        """Writes elements of the channel; room behind samples gets 0."""
        if lanes is None or self.length == self.pitch or self.lanes:
            self.f.store(value, pointer, offset, lanes)
        else:
            self.f.store(self.f.select(self.f.mask(lanes), value, 0.0), pointer, offset)


def each_channel(f: Function, x: Operand, axis: int, body: Callable[[Channels], None]) -> None:
    """Writes this thread's work on the channels along an axis."""
    last, at = batch_innermost(x), axis % len(x.shape)
    need(not last or at > 0, "channels that are samples, which lie innermost")
    outer, k = math.prod(x.shape[int(last):at]), x.shape[at]
    pitch = room(x) if last else math.prod(x.shape[at + 1:])
    rows, length = (math.prod(x.shape[at + 1:]), x.shape[0]) if last else (1, pitch)
    if length == pitch:
        rows, length = 1, rows * pitch
        pitch = length
    if rows * pitch == 1:
        blocks(f, k, LANES, lambda c, lanes: body(Channels(f, c, c, outer, k, 1, 1, 1, lanes)),
               *f.share(-(-k // LANES)))
        return
    low, high = f.share(k)
    with f.loop(low, high) as c:
        body(Channels(f, c * (rows * pitch), c, outer, k * rows * pitch, rows, pitch, length, 0))
