"""Sweeps windows over images: each result gathers a rectangle of what is read. Pooling and its reverse are such sweeps.

Images lie as planes (planes, H, W, samples) with a multiple of 16 samples, or with one: then vectors lie along W, and
the rectangles of a row of results are gathered down first, into a padded line, and then across it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.values import VEC, Index, Value

Lanes = int | None
Weigh = Callable[[Value, Index, Index], Value]
"""What is taken of a vector, which begins at this row and column."""
Finish = Callable[[Value, Index, Index, Index, Index, Lanes], Value]
"""What is written of a vector of results, given its plane, row, column, offset, and how many of its lanes there are."""
_UNROLLED = 16


@dataclass(frozen=True, slots=True)
class Reach:
    """Along an axis, the places that a result takes.

    Attributes:
        places: how many there are.
        results: how many results.
        kernel, stride, before: of the windows, and how many places of padding lie before the first.
        back: whether results are what windows lie over, and places are windows.
    """

    places: int
    results: int
    kernel: int
    stride: int
    before: int = 0
    back: bool = False

    @property
    def taps(self) -> int:
        """How many places every result takes; 0 if they are not equally many."""
        if self.back:
            return int(self.kernel == self.stride and not self.before and self.places * self.kernel >= self.results)
        whole = not self.before and (self.results - 1) * self.stride + self.kernel <= self.places
        return self.kernel if whole else 0

    def span(self, f: Function, result: Index) -> tuple[Value, Value]:
        """The first place that a result takes, and the one behind the last."""
        i, s = f.constant(result), self.stride
        if self.back:
            return (f.most(i + (self.before - self.kernel + 1), 0) + (s - 1)) // s, f.least((i + self.before) // s + 1,
                                                                                            self.places)
        first = i * s - self.before
        return f.most(first, 0), f.least(first + self.kernel, self.places)

    def each(self, f: Function, result: Index, body: Callable[[Value], None]) -> None:
        """Writes body(place) for the places that a result takes, in order."""
        low, high = self.span(f, result)
        if 0 < self.taps <= _UNROLLED:
            for tap in range(self.taps):
                body(low + tap)
            return
        with f.loop(low, high) as place:
            body(place)

    @property
    def line(self) -> tuple[int, int, int]:
        """In a line where each result takes `kernel` floats one after the other: where the first place lies, how far
        one lies from the next, and how far results lie from each other."""
        return (self.kernel - 1 - self.before, self.stride, 1) if self.back else (self.before, 1, self.stride)

    @property
    def floats(self) -> int:
        """Of such a line, with room for vectors that reach over its ends."""
        first, spread, step = self.line
        reached = max(first + self.places * spread, (self.results + LANES) * step + self.kernel)
        return (reached // LANES + 3) * LANES


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep over images.

    Attributes:
        f: the function.
        planes: images of one channel there are, apart from samples that are innermost.
        samples: how many of those there is room for: a multiple of 16, or 1.
        down, across: what a result takes of rows and of columns.
        start: what gathering begins with, in every lane.
        join: joins what is gathered to another vector.
        line: memory for a line, if there is one sample.
    """

    f: Function
    planes: int
    samples: int
    down: Reach
    across: Reach
    start: float
    join: Callable[[Value, Value], Value]
    line: Value

    def write(self, x: Value, y: Value, weigh: Weigh, finish: Finish) -> None:
        """Writes y, results of what is read of x."""
        if self.samples == 1:
            fill(self.f, self.line, 0, self.across.floats, self.start)
        with self._rows(x) as (source, plane, row, offset):
            if self.samples == 1:
                self._gather_down(source, row, weigh)
                self._gather_across(y, plane, row, offset, finish)
            else:
                self._gather_at_once(source, y, plane, row, offset, weigh, finish)

    @contextmanager
    def _rows(self, x: Value) -> Iterator[tuple[Value, Value, Value, Value]]:
        """A loop over this thread's rows of results: the plane that each is made of, its plane, row and offset."""
        f, rows = self.f, self.down.results
        low, high = f.share(self.planes * rows)
        with f.loop(low, high) as t:
            plane, row = t // rows, t % rows if rows > 1 else f.constant(0)
            yield (f.at(x, plane * (self.down.places * self.across.places * self.samples)), plane, row,
                   t * (self.across.results * self.samples))

    def _gather_at_once(self, source: Value, y: Value, plane: Value, row: Value, offset: Value, weigh: Weigh,
                        finish: Finish) -> None:
        """A few vectors of samples at a time."""
        f, count = self.f, next(n for n in (4, 3, 2, 1) if self.samples % (n * LANES) == 0)
        with f.loop(0, self.across.results) as j, f.loop(0, self.samples, count * LANES) as v:
            totals = [f.variable(f.splat(self.start)) for _ in range(count)]

            def take(i: Value, c: Value) -> None:
                for u, total in enumerate(totals):
                    e = f.load(source, (i * self.across.places + c) * self.samples + v + u * LANES)
                    total.set(self.join(total.get(), weigh(e, i, c)))
            self.down.each(f, row, lambda i: self.across.each(f, j, lambda c: take(i, c)))
            for u, total in enumerate(totals):
                at = offset + j * self.samples + v + u * LANES
                f.store(finish(total.get(), plane, row, j, at, None), y, at)

    def _gather_down(self, source: Value, row: Value, weigh: Weigh) -> None:
        """The columns of a row of windows, into the line."""
        f, width, (first, spread, _) = self.f, self.across.places, self.across.line

        def some(c: Index, lanes: int) -> None:
            total = f.variable(f.splat(self.start))
            self.down.each(f, row, lambda i: total.set(
                self.join(total.get(), weigh(f.load(source, i * width + c, lanes), i, c))))
            target, value = f.at(self.line, f.constant(c) * spread + first), total.get()
            if spread > 1:
                f.scatter(value, target, spread, lanes)
            else:  # the line has room, and whole vectors are written sooner
                f.store(value if lanes == LANES else f.select(f.mask(lanes), value, self.start), target)
        blocks(f, width, LANES, some)

    def _gather_across(self, y: Value, plane: Value, row: Value, offset: Value, finish: Finish) -> None:
        """The windows of a row, from the line."""
        f, (_, _, step) = self.f, self.across.line

        def some(j: Index, lanes: int) -> None:
            total, begin = f.variable(f.splat(self.start)), f.at(self.line, f.constant(j) * step)
            once = self.across.kernel <= _UNROLLED
            with f.loop(0, 1 if once else self.across.kernel) as tap:
                for k in range(self.across.kernel if once else 1):
                    total.set(self.join(total.get(), _every(f, f.at(begin, tap), k, step)))
            f.store(finish(total.get(), plane, row, j, offset + j, lanes), y, offset + j, lanes)
        blocks(f, self.across.results, LANES, some)


def _every(f: Function, line: Value, first: int, step: int) -> Value:
    """Every so-manyth float of a line, from the vectors that were written to it if that can be."""
    if step != 2:
        return strided(f, f.at(line, first), step)
    begin = f.at(line, first // 2 * 2)
    return f.shuffle(f.load(begin), f.load(begin, LANES), range(first % 2, 2 * LANES, 2))


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
