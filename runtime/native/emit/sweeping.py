"""Sweeps windows over images: each result gathers a rectangle of what is read. Pooling and its reverse are such sweeps.

Images lie as planes (planes, H, W, samples) with a multiple of 16 samples, or with one: then vectors lie along W, and
the rectangles of a row of results are gathered down first, into a padded line, and then across it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
_UNROLLED = 16


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

    @property
    def line(self) -> tuple[int, int, int]:
        """In a line where each result takes `kernel` floats one after the other: where the first place lies, how far
        one lies from the next, and how far results lie from each other."""
        return (self.kernel - 1 - self.before, self.stride, 1) if self.back else (self.before, 1, self.stride)

    @property
    def floats(self) -> int:
        """Of such a line, with room for vectors that reach over its ends."""
        first, spread, step = self.line
        return (max(first + self.places * spread, (self.results + LANES) * step + self.kernel) // LANES + 3) * LANES


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
        f, rows, n = self.f, self.down.results, self.samples
        if n == 1:
            fill(f, f.scratch, 0, self.across.floats, self.start)
        with f.loop(*f.share(self.planes * rows)) as t:
            plane, row = t // rows, t % rows if rows > 1 else f.constant(0)
            source = f.at(x, plane * (self.down.places * self.across.places * n))

            def put(value: Value, column: Index, at: Index, lanes: int | None) -> None:
                value, offset = made(value, row, column) if made else value, t * (self.across.results * n) + at
                f.store(finish(value, plane, offset, lanes) if finish else value, y, offset, lanes)

            def take(i: Value, c: Index, at: Index, lanes: int | None) -> Value:
                value = f.load(source, (i * self.across.places + c) * n + at, lanes)
                return weigh(value, i, c) if weigh else value
            (self._in_lines if n == 1 else self._at_once)(row, take, put)

    def _at_once(self, row: Value, take: Callable[..., Value], put: Callable[..., None]) -> None:
        """A few vectors of samples at a time."""
        f, count = self.f, next(n for n in (4, 3, 2, 1) if self.samples % (n * LANES) == 0)
        with f.loop(0, self.across.results) as j, f.loop(0, self.samples, count * LANES) as v:
            totals = [f.variable(f.splat(self.start)) for _ in range(count)]

            def add(i: Value, c: Value) -> None:
                for u, total in enumerate(totals):
                    total.set(self.join(total.get(), take(i, c, v + u * LANES, None)))
            self.down.each(f, row, lambda i: self.across.each(f, j, lambda c: add(i, c)))
            for u, total in enumerate(totals):
                put(total.get(), j, j * self.samples + v + u * LANES, None)

    def _in_lines(self, row: Value, take: Callable[..., Value], put: Callable[..., None]) -> None:
        """The columns of a row of windows, into the line; then the windows, from there."""
        f, kernel, (first, spread, step) = self.f, self.across.kernel, self.across.line

        def down(c: Index, lanes: int) -> None:
            total = f.variable(f.splat(self.start))
            self.down.each(f, row, lambda i: total.set(self.join(total.get(), take(i, c, 0, lanes))))
            target, value = f.at(f.scratch, f.constant(c) * spread + first), total.get()
            if spread > 1:
                f.scatter(value, target, spread, lanes)
            else:  # the line has room, and whole vectors are written sooner
                f.store(value if lanes == LANES else f.select(f.mask(lanes), value, self.start), target)

        def across(j: Index, lanes: int) -> None:
            total, begin = f.variable(f.splat(self.start)), f.at(f.scratch, f.constant(j) * step)
            once = kernel if kernel <= _UNROLLED else 1
            with f.loop(0, kernel, once) as tap:
                for k in range(once):
                    total.set(self.join(total.get(), _every(f, f.at(begin, tap), k, step)))
            put(total.get(), j, j, lanes)
        blocks(f, self.across.places, LANES, down)
        blocks(f, self.across.results, LANES, across)


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
