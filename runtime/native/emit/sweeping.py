"""Sweeps windows over images: each result gathers a rectangle of what is read. Pooling and its reverse are such sweeps.

Images lie as planes (planes, H, W, samples) with a multiple of 16 samples, or with one: then vectors lie along W.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.contract import blocks
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.values import VEC, Index, Value
from graphnet.runtime.native.emit.call import batch_innermost, room

Weigh = Callable[[Value, Index, Index], Value]
"""What is taken or made of a vector, which begins at this row and column."""
Finish = Callable[[Value, Index, Index, int | None], Value]
"""What is written of a vector of results, given its plane, offset, and how many of its lanes there are."""
_UNROLLED = 4


def planes(image: Operand, sides: int = 2) -> tuple[int, int]:
    """Planes of the last axes, and the samples within each that there is room for: 1 where samples are outside."""
    inside = batch_innermost(image)
    return math.prod(image.shape[int(inside):-sides]), room(image) if inside else 1


@dataclass(frozen=True, slots=True)
class Reach:
    """Along an axis, the places that a result takes: a window with `before` places of padding before the first.

    Going `back`, results are what windows lie over, and places are windows.
    """

    places: int
    results: int
    kernel: int
    stride: int
    before: int = 0
    back: bool = False

    @property
    def whole(self) -> tuple[int, int]:
        """The results [lo, hi) that take as many places as there can be."""
        if self.back:
            alike = self.kernel == self.stride and not self.before and self.places * self.kernel >= self.results
            return 0, self.results * alike
        hi = min((self.places + self.before - self.kernel) // self.stride + 1, self.results)
        lo = -(-self.before // self.stride)
        return (lo, hi) if lo < hi else (0, 0)

    def each(self, f: Function, result: Index, body: Callable[[Value], None], whole: bool = False) -> None:
        """Writes body(place) for the places that a result takes, in order; for one of the whole ones maybe sooner."""
        i, s = f.constant(result), self.stride
        first = (f.most(i + (self.before - self.kernel + 1), 0) + (s - 1)) // s if self.back else i * s - self.before
        taps = 1 if self.back else self.kernel
        if self.whole == (0, self.results) and taps <= _UNROLLED:
            for tap in range(taps):
                body(first + tap)
            return
        end = (i + self.before) // s + 1 if self.back else first + self.kernel
        with f.loop(*((first, end) if whole else (f.most(first, 0), f.least(end, self.places)))) as place:
            body(place)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep over images: of rows `down` and columns `across`, `join` gathers what each result takes, from `start` on.

    There are so many `planes`, and room for so many `samples` innermost: a multiple of 16, or 1.
    """

    f: Function
    planes: int
    samples: int
    down: Reach
    across: Reach
    start: float = 0.0
    join: Callable[[Value, Value], Value] = lambda a, b: a + b

    def write(self, x: Value, y: Value, weigh: Weigh | None = None, made: Weigh | None = None,
              finish: Finish | None = None) -> None:
        """Writes y, results of what is read of x: `weigh` sees that, `made` and `finish` what is gathered."""
        f, rows, n, down, across = self.f, self.down.results, self.samples, self.down, self.across
        with f.loop(*f.share(self.planes * rows)) as t:
            plane, row = t // rows, t % rows if rows > 1 else f.constant(0)
            source = f.at(x, plane * (down.places * across.places * n))

            def results(column: Index, beside: Sequence[Index], lanes: int | None, whole: bool = False) -> None:
                totals = [f.variable(f.splat(self.start)) for _ in beside]

                def take(i: Value, c: Value) -> None:
                    for at, total in zip(beside, totals, strict=True):
                        place = f.at(source, (i * across.places + c) * n + at)
                        value = strided(f, place, across.stride if n == 1 else 1, lanes)
                        total.set(self.join(total.get(), weigh(value, i, c) if weigh else value))
                down.each(f, row, lambda i: across.each(f, column, lambda c: take(i, c), whole))
                for at, total in zip(beside, totals, strict=True):
                    offset = t * (across.results * n) + (f.constant(column) * n + at)
                    value = made(total.get(), row, column) if made else total.get()
                    f.store(finish(value, plane, offset, lanes) if finish else value, y, offset, lanes)
            each_window(f, across, n, results)


def each_window(f: Function, across: Reach, n: int, windows: Callable[..., None]) -> None:
    """Writes windows(column, offsets, lanes, whole) for those of a row: vectors of samples; or of windows beside each
    other, those that reach over the edge, or go back, one by one."""
    if n > 1:
        count = 2 if n % (2 * LANES) == 0 else 1
        with f.loop(0, across.results) as column, f.loop(0, n, count * LANES) as v:
            windows(column, [v + u * LANES for u in range(count)], None)
        return
    lo, hi = (0, 0) if across.back else across.whole
    for first, end in ((0, lo), (hi, across.results)):
        if first < end:
            with f.loop(first, end) as column:
                windows(column, [0], 1)
    blocks(f, hi - lo, LANES, lambda column, lanes: windows(f.constant(column) + lo, [0], lanes, True))


def strided(f: Function, pointer: Value, step: int, lanes: Lanes = None) -> Value:
    """A vector of floats that lie `step` apart; nothing is read behind the last of them."""
    if step == 1:
        return f.load(pointer, 0, lanes)
    if step == 2 and lanes in (None, LANES):
        return f.shuffle(f.load(pointer), f.load(pointer, LANES - 1),
                         [*range(0, LANES, 2), *range(LANES + 1, 2 * LANES, 2)])
    return f.gather(pointer, step, lanes)


def fill(f: Function, pointer: Value, start: Index, stop: int, value: float) -> None:
    """Writes a number to the floats [start, stop), whose count is known by now."""
    vector, first = f.constant(value, VEC), f.constant(start).known or 0
    if stop > first:
        blocks(f, stop - first, LANES, lambda e, lanes: f.store(vector, pointer, first + e, lanes))
