"""The tiles of Winograd's convolutions, on images (C, H, W, N): from pixels to points, and from points to results.

What is between, points (point, vector of tiles, channel), is multiplied by `winograd`. Rows of tiles are transformed
down their columns of pixels first, so that what neighbours share is transformed once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from math import ceil

from graphnet.runtime.llvm.contract import blocks
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.values import Index, Value
from graphnet.runtime.native.convolution.geometry import Axis
from graphnet.runtime.native.convolution.winograd_plan import Plan
from graphnet.runtime.native.convolution.winograd_transforms import Transform
from graphnet.runtime.native.emit.epilogue import After

Range = tuple[Index, Index]
"""The first, and the one behind the last."""


@dataclass(frozen=True, slots=True)
class Image:
    """Pixels (channels, H, W, N), of which tiles of `size` × `size` are transformed; zeros lie around them."""

    apply: Transform
    size: int
    channels: int
    rows: Axis
    columns: Axis


def halfway(f: Function, apply: Transform, size: int, load: Callable[[int, Value], Value], to: Value) -> None:
    """Transforms the columns of a square of `size` rows; `load(i, j)` gives its vectors."""
    with f.loop(0, size) as j:
        for i, value in enumerate(apply(f, [load(i, j) for i in range(size)])):
            f.store(value, to, (j + i * size) * LANES)


def transformed_row(f: Function, apply: Transform, size: int, half: Value, i: Index) -> list[Value]:
    """Row i of the square that `halfway` left, transformed."""
    line = f.at(half, i * (size * LANES))
    return apply(f, [f.load(line, j * LANES) for j in range(size)])


@dataclass(frozen=True, slots=True)
class Tiles:
    """The lines [first, first + lines) of the tiles of a convolution, as a thread transforms them.

    `own` is this thread's memory, of which the first vector is 0.
    """

    f: Function
    plan: Plan
    own: Value
    first: Index
    lines: Index

    @property
    def vectors(self) -> Value:
        """How many vectors of tiles there are."""
        return (self.f.constant(self.lines) * (self.plan.line * self.plan.samples) + (LANES - 1)) // LANES

    @property
    def _memory(self) -> tuple[Value, Value, Value]:
        """Where a half transformed tile lies, a line, and the planes of a band."""
        half = self.f.at(self.own, LANES)
        line = self.f.at(half, self.plan.squares * LANES)
        return half, line, self.f.at(line, self.plan.algorithm.points * self.plan.row)

    def _place(self, line: Index) -> tuple[Index, Index, Index]:
        """First sample, row of tiles, and part of it of a line."""
        plan, line = self.plan, line + self.first
        groups = plan.g.n // plan.samples
        sample, rest = (line % groups * plan.samples, line // groups) if groups > 1 else (0, line)
        return (sample, rest // plan.parts if plan.down > 1 else 0, rest % plan.parts if plan.parts > 1 else 0)

    # From pixels to points ---------------------------------------------------------------------------------------

    def read(self, image: Image, x: Value, to: Value, channels: Range) -> None:
        """Writes the points of some channels."""
        f, plan, (_, strip, planes) = self.f, self.plan, self._memory
        with f.loop(*channels) as c:
            source = f.at(x, c * (image.rows.size * image.columns.size * plan.g.n))
            with f.loop(0, self.lines) as i:
                self._columns(image, source, strip, i)
                if plan.by_tile:
                    self._sort(image.size, strip, f.at(planes, i * plan.line))
                else:
                    self._samples(image, strip, i, f.at(to, c * LANES))
            if plan.by_tile:
                whole = plan.total % plan.lines == 0 == plan.lines * plan.line % LANES
                with f.loop(0, self.vectors) as v:
                    lanes = None if whole else f.constant(self.lines) * plan.line - v * LANES
                    self._points(image, f.at(planes, v * LANES), image.size * plan.plane, plan.plane,
                                 f.at(to, (v * image.channels + c) * LANES), lanes)

    def _samples(self, image: Image, strip: Value, i: Value, to: Value) -> None:
        """Transforms the tiles of line i, whose lanes are samples."""
        f, plan = self.f, self.plan
        with f.loop(0, plan.line) as k, f.loop(0, plan.samples, LANES) as n:
            tile = f.at(strip, k * (plan.algorithm.tile * plan.samples) + n)
            v = (i * plan.line + k) * plan.samples + n
            self._points(image, tile, plan.row, plan.samples, f.at(to, v * image.channels))

    def _points(self, image: Image, source: Value, down: int, across: int, to: Value, lanes: Lanes = None) -> None:
        """Transforms the rows of tiles; what lies behind the lanes becomes 0."""
        f, points, pitch = self.f, self.plan.algorithm.points, self.plan.pitch(image.channels)
        with f.loop(0, points) as i:
            line, target = f.at(source, i * down), f.at(to, i * (points * pitch))
            for j, value in enumerate(image.apply(f, [f.load(line, j * across, lanes) for j in range(image.size)])):
                f.store(value, target, j * pitch)

    def _columns(self, image: Image, x: Value, strip: Value, i: Value) -> None:
        """Transforms the columns of pixels of a line; beside the image they are 0."""
        f, plan, n, (h, w) = self.f, self.plan, self.plan.g.n, (image.rows.size, image.columns.size)
        m, unit = plan.algorithm.tile, plan.samples
        sample, row, part = self._place(i)
        h0, w0 = row * m - image.rows.ahead, part * (plan.line * m) - image.columns.ahead
        columns = (plan.line - 1) * m + image.size
        start, stop = f.most(w0 * -1, 0), f.least(w - w0, columns)
        for lo, hi in ((0, start), (stop, columns)):
            if f.constant(hi - lo).known != 0:
                with f.loop(0, plan.algorithm.points) as p, f.loop(lo * unit, hi * unit, LANES) as e:
                    f.store(f.zero(), strip, p * plan.row + e)
        source = f.at(x, (h0 * w + w0) * n + sample)
        rows = [(f.at(source, r * w * n), f.compare("ult", h0 + r, h)) for r in range(image.size)]

        def column(at: Index, e: Index = 0, lanes: Lanes = None) -> None:
            for pixels, _ in rows:
                f.prefetch(pixels, at * n + e + h * w * n)
            loaded = [f.load(f.select(inside, f.at(pixels, at * n + e), self.own), 0, lanes) for pixels, inside in rows]
            for p, value in enumerate(image.apply(f, loaded)):
                f.store(value, strip, at * unit + e + p * plan.row)
        if plan.by_tile:
            begin, end = start.known or 0, stop.known or 0
            blocks(f, end - begin, LANES, lambda at, lanes: column(at + begin, 0, lanes))
            return
        with f.loop(start, stop) as at, f.loop(0, unit, LANES) as e:
            column(at, e)

    def _sort(self, size: int, strip: Value, planes: Value) -> None:
        """Sorts a line by places in a tile. What comes behind its tiles is overwritten by the next line."""
        f, plan, m = self.f, self.plan, self.plan.algorithm.tile
        with f.loop(0, plan.algorithm.points) as i, f.loop(0, ceil(plan.line / LANES)) as chunk:
            for j in range(size):
                source = f.at(strip, i * plan.row + chunk * (m * LANES) + j)
                parts = [f.load(source, q * LANES) for q in range(min(m, ceil(plan.line * m / LANES)))]
                f.store(_every(f, (parts * m)[:m]), planes, (i * size + j) * plan.plane + chunk * LANES)

    # From points to results --------------------------------------------------------------------------------------

    def write(self, products: Value, y: Value, after: After, filters: Range) -> None:
        """Writes the results of some filters, or the greatest of each window of them."""
        f, plan, rows = self.f, self.plan, self.plan.g.rows
        unit = plan.algorithm.tile // rows.window
        with f.loop(*filters) as filter:
            if plan.by_tile:
                with f.loop(0, self.vectors) as v:
                    results = self._results(products, filter, v)
                    with f.loop(0, unit) as r:
                        for j, value in enumerate(results(r)):
                            f.store(value, self._memory[2], (r * unit + j) * plan.plane + v * LANES)
            with f.loop(0, self.lines) as i:
                _, row, _ = self._place(i)
                stored, top = f.least(unit, rows.results - row * unit), filter * rows.results + row * unit
                if plan.by_tile:
                    self._woven(y, after, filter, i, top, stored)
                else:
                    self._rows(products, y, after, filter, i, top, stored)

    def _results(self, products: Value, filter: Value, v: Index) -> Callable[[Value], list[Value]]:
        """Transforms the columns of a tile; gives what makes a row of what is stored."""
        f, g, apply, points = self.f, self.plan.g, self.plan.algorithm.output, self.plan.algorithm.points
        half, pitch, window = self._memory[0], self.plan.pitch(g.f), g.rows.window
        source = f.at(products, (v * g.f + filter) * LANES)
        halfway(f, apply, points, lambda i, j: f.load(source, (j + i * points) * pitch), half)

        def stored(r: Value) -> list[Value]:
            rows = [transformed_row(f, apply, points, half, r * window + i) for i in range(window)]
            tops = [reduce(f.greater, column) for column in zip(*rows, strict=True)]
            return [reduce(f.greater, tops[j:j + window]) for j in range(0, len(tops), window)]
        return stored

    def _rows(self, products: Value, y: Value, after: After, filter: Value, i: Value, top: Value, rows: Value) -> None:
        """Stores rows [top, top + rows) of line i, whose lanes are samples, without what lies beside the image."""
        f, plan, g, n, width = self.f, self.plan, self.plan.g, self.plan.g.n, self.plan.g.columns.results
        unit, (sample, _, part) = plan.algorithm.tile // g.rows.window, self._place(i)
        with f.loop(0, f.least(plan.line, plan.across - part * plan.line)) as k, f.loop(0, plan.samples, LANES) as e:
            v, w = ((i * plan.line + k) * plan.samples + e) // LANES, (part * plan.line + k) * unit
            results = self._results(products, filter, v)
            with f.loop(0, rows) as r:
                places = [((top + r) * width + w + j) * n + sample + e for j in range(unit)]
                for place in places:
                    f.prefetch(y, place + g.rows.results * width * n)
                for j, value in enumerate(results(r)):
                    with f.when(True if plan.across * unit - width < unit - j else f.compare("slt", w + j, width)):
                        f.store(after(value, filter, places[j], None), y, places[j])

    def _woven(self, y: Value, after: After, filter: Value, i: Value, top: Value, rows: Value) -> None:
        """Stores rows [top, top + rows), of line i, from planes."""
        f, plan, width = self.f, self.plan, self.plan.g.columns.results
        unit = plan.algorithm.tile // plan.g.rows.window
        with f.loop(0, rows) as r:
            source = f.at(self._memory[2], r * (unit * plan.plane) + i * plan.line)

            def some(w: Index, count: int) -> None:
                parts = [f.load(source, j * plan.plane + f.constant(w) // unit) for j in range(unit)]
                for q, value in enumerate(_weave(f, parts)[:ceil(count / LANES)]):
                    offset, lanes = (top + r) * width + w + q * LANES, min(LANES, count - q * LANES)
                    f.store(after(value, filter, offset, lanes), y, offset, lanes)
            blocks(f, width, unit * LANES, some)


def _every(f: Function, parts: list[Value]) -> Value:
    """Of 2, 4, … vectors on end every 2nd, 4th, … lane."""
    while len(parts) > 1:
        parts = [f.shuffle(a, b, range(0, 2 * LANES, 2)) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _weave(f: Function, parts: list[Value]) -> list[Value]:
    """Lane 0 of each vector, then lane 1 of each, …"""
    if len(parts) == 1:
        return parts
    halves = range(LANES // 2), range(LANES // 2, LANES)
    return [f.shuffle(a, b, [lane for i in half for lane in (i, LANES + i)])
            for a, b in zip(_weave(f, parts[::2]), _weave(f, parts[1::2]), strict=True) for half in halves]
