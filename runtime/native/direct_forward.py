"""Direct convolution with strides, dilation and groups, as sums over channels and taps on the one micro-kernel."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from math import ceil

from graphnet.runtime.native.contract import K, Tile, blocks, contract
from graphnet.runtime.native.direct_bands import BAND, Columns, Part, columns, fill
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.geometry import After, Geometry
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.values import Index, Value

PIECES = 16
"""Pieces of work that there are at least, if possible: two for each of eight threads."""
PIXEL = 1 << 12
"""Floats that a pixel may read if it is to be of more samples than a tile has: they stay in the first-level cache."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How a convolution is cut.

    Attributes:
        outer: the convolution as its bands see it, see `Part.outer`.
        clipped: whether bands hold no columns beside the image, but taps there are left out.
        form: of a band.
        rows: output rows of a band.
        bands: how many there are.
        batches: parts of the samples.
        splits: parts of the filters of a group.
        mr, nv: filters and vectors of a register tile.
        tiles: tiles side by side in a row.
    """

    outer: Geometry
    clipped: bool
    form: Columns
    rows: int
    bands: int
    batches: int
    splits: int
    mr: int
    nv: int
    tiles: int


def cut(part: Part, machine: Machine) -> Cut:
    """The schedule of a convolution."""
    g, outer = part.geometry, part.outer
    filters, channels = g.f // g.groups, g.c // g.groups
    mr, nv = _tile(outer, filters, machine)
    nb, by_tap, tiles, clipped = 1, outer.strides[1] > 1, ceil(outer.ow / (LANES * nv)), False
    if g.n > 1:
        nb = next(nb for nb in (64, 32, 16) if g.n % nb == 0 and (
            nb == LANES * nv or nb * channels * outer.kh * outer.kw <= PIXEL))
        by_tap, tiles, clipped = False, outer.ow, _outside(g) > g.ow * g.kw / 32
    if clipped:
        outer = replace(outer, left=0, right=0)
    one = columns(outer, nb, 1, by_tap)
    fitting = max((BAND // max(channels * one.band.row, 1) - one.band.rows) // outer.strides[0] + 1, 1)
    batches = g.n // nb
    rows = min(fitting, ceil(outer.oh / min(ceil(PIECES / (batches * g.groups)), outer.oh)))
    bands = ceil(outer.oh / rows)
    splits = min(ceil(PIECES / (batches * g.groups * bands)), ceil(filters / mr))
    return Cut(outer, clipped, columns(outer, nb, rows, by_tap), rows, bands, batches, splits, mr, nv, tiles)


def _tile(g: Geometry, filters: int, machine: Machine) -> tuple[int, int]:
    """Filters and vectors of a tile, by the cycles of a step: products, loads, and waiting for products."""
    lines = g.n // LANES if g.n > 1 else ceil(g.ow / LANES)
    most = g.n // LANES if g.n > 1 else max(g.ow // LANES, 1)

    def cycles(mr: int, nv: int) -> float:
        return max(mr * nv, 1.25 * nv + mr / 2, 4) + .5 if mr else 0

    def cost(mr: int, nv: int) -> float:
        uneven = 1.03 if filters % mr else 1  # the code is written twice
        return ceil(lines / nv) * (filters // mr * cycles(mr, nv) + cycles(filters % mr, nv)) * uneven
    found = [(cost(mr, nv), nv, -mr) for nv in (1, 2, 4) if nv <= most and (g.n == 1 or lines % nv == 0)
             for mr in range(1, min(filters, 24) + 1) if nv == 1 == mr or mr * nv + nv < machine.vectors]
    _, nv, mr = min(found)
    return -mr, nv


def _outside(g: Geometry) -> int:
    """How many taps of the outputs of a row lie beside the image."""
    places = [ow * g.strides[1] + j * g.dilation[1] - g.left for ow in range(g.ow) for j in range(g.kw)]
    return sum(not 0 <= place < g.w for place in places)


def scratch(part: Part, machine: Machine) -> int:
    """Floats that a thread takes."""
    return cut(part, machine).form.floats(part.geometry.c // part.geometry.groups)


def pack(f: Function, part: Part, w: Value, to: Value) -> None:
    """Writes weights in the order in which they are read: (group, block of filters, channel, row, column, filter)."""
    g, taps, mr = part.geometry, part.taps, cut(part, f.machine).mr
    filters, channels = g.f // g.groups, g.c // g.groups
    number, depth = ceil(filters / mr), channels * g.kh * g.kw
    with f.loop(*f.share(g.groups * number)) as block:
        group, m0 = block // number, block % number * mr
        count = f.least(mr, filters - m0)
        source = f.at(w, group * taps.group + m0 * taps.filter + taps.first)
        target = f.at(to, (group * filters + m0) * depth)
        with f.loop(0, channels) as c, f.loop(0, g.kh) as i, f.loop(0, g.kw) as j, f.loop(0, count) as m:
            weight = f.scalar(source, m * taps.filter + c * taps.channel + i * taps.row + j * taps.column)
            f.put(weight, target, ((c * g.kh + i) * g.kw + j) * count + m)


def conv(f: Function, part: Part, x: Value, packed: Value, y: Value, after: After) -> None:
    """Writes the convolution of images with packed weights, by all threads."""
    g, p = part.geometry, cut(part, f.machine)
    channels, number, pace = g.c // g.groups, ceil(g.f // g.groups / p.mr), p.outer.strides[0]
    with f.loop(*f.share(p.splits * p.bands * p.batches * g.groups)) as piece:
        n0, band = piece % p.batches * p.form.band.nb, piece // p.batches
        top, split = band % p.bands * p.rows, band // p.bands % p.splits
        group = band // (p.bands * p.splits)
        rows = f.least(p.rows, part.outer.oh - top) if part.outer.oh % p.rows else f.constant(p.rows)
        if part.weights:
            fill(f, p.outer, p.form, x, f.scratch, n0, top * pace - g.top, (rows - 1) * pace + p.outer.kh,
                 group * channels, channels)
        walk = _Walk(f, part, p, packed, y, after, group, n0)
        lo, hi = split * number // p.splits, (split + 1) * number // p.splits
        with f.loop(0, rows) as r:
            walk.row(top, r, *((0, None) if p.splits == 1 else (lo, hi)))


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes through a band."""

    f: Function
    part: Part
    cut: Cut
    packed: Value
    y: Value
    after: After
    group: Value
    n0: Value

    def row(self, top: Value, r: Value, lo: Index, hi: Index | None) -> None:
        """Makes a row of the outputs of some blocks of filters."""
        f, g, p = self.f, self.part.geometry, self.cut
        filters, nv, ow = g.f // g.groups, self.cut.nv, self.part.outer.ow

        def some(m0: Index, count: int) -> None:
            first = self.group * filters + m0
            with f.loop(0, p.tiles) as t, f.loop(0, p.form.band.nb, LANES * nv) as e:
                column = f.least(t * (LANES * nv), max(ow - LANES * nv, 0)) if g.n == 1 else t
                sums = self.greatest(first, count, top, r, column, e)
                self.store(sums, first, top + r, column, e)
        blocks(f, filters, p.mr, some, lo, hi)

    def greatest(self, first: Value, count: int, top: Value, r: Value, column: Value, e: Value) -> Tile:
        """The greatest sums of a window of results; where it is one result, its sum."""
        f, g, (high, wide), p = self.f, self.part.geometry, self.part.window, self.cut
        if not self.part.weights:
            return [[f.zero()] * p.nv] * count
        if (high, wide) == (1, 1):
            return self.sums(first, count, top * p.outer.strides[0], r * p.outer.strides[0], column, e, 0)
        tile = [[f.variable(f.splat(-math.inf)) for _ in range(p.nv)] for _ in range(count)]
        with f.loop(0, high) as i, f.loop(0, wide) as j:
            row = r * p.outer.strides[0] + i * g.strides[0]
            sums = self.sums(first, count, top * p.outer.strides[0], row, column, e, j * g.strides[1])
            for best, value in zip(itertools.chain(*tile), itertools.chain(*sums), strict=True):
                best.set(f.greater(best.get(), value))
        return [[best.get() for best in line] for line in tile]

    def sums(self, first: Value, count: int, top: Value, row: Value, column: Value, e: Value, right: Index) -> Tile:
        """The sums of filters from `first` on: of the results whose first taps lie in a row of the band, and so many
        places right of where an output begins."""
        f, g, p = self.f, self.part.geometry, self.cut
        band, tap, channels = p.form.band, p.form.tap, g.c // g.groups
        i0, i1, j0, j1 = (f.constant(number) for number in (0, g.kh, 0, g.kw))
        if g.top > 0 or g.bottom > 0:
            i0, i1 = _inside(f, top + row, g.top, g.h, g.kh, g.dilation[0])
        if p.clipped:
            j0, j1 = _inside(f, column * p.outer.strides[1] + right, g.left, g.w, g.kw, g.dilation[1])
        a = f.at(self.packed, first * (channels * g.kh * g.kw) + (i0 * g.kw + j0) * count)
        b = f.at(f.scratch, (row + i0 * g.dilation[0]) * band.row + column * p.form.step + e
                 + (j0 * g.dilation[1] + right - (g.left if p.clipped else 0)) * tap)
        dims = [K(channels, g.kh * g.kw * count, band.rows * band.row),
                K(i1 - i0, g.kw * count, g.dilation[0] * band.row), K(j1 - j0, count, g.dilation[1] * tap)]
        return contract(f, a, range(count), b, [(v * LANES, None) for v in range(p.nv)], dims, unroll=3)

    def store(self, sums: Tile, first: Value, row: Value, column: Value, e: Value) -> None:
        """Writes a tile of filters from `first` on, and of samples from e on, or of columns."""
        f, g, place = self.f, self.part.geometry, self.part.place
        plane, across = place.height * place.width * g.n, place.across if g.n == 1 else 1
        lanes = self.part.outer.ow if g.n == 1 and self.part.outer.ow < LANES else None
        start = (first * plane + (row * place.down + place.top) * (place.width * g.n)
                 + (column * (place.across * g.n) + place.left * g.n) + self.n0 + e)
        for m, line in enumerate(sums):
            for v, value in enumerate(line):
                offset = start + (m * plane + v * LANES * across)
                result = self.after(value, first + m, offset, lanes)
                if across > 1:
                    f.scatter(result, f.at(self.y, offset), across, lanes)
                else:
                    f.store(result, self.y, offset, lanes)


def _inside(f: Function, at: Value, before: int, size: int, taps: int, apart: int) -> tuple[Value, Value]:
    """The taps [first, last) of an output that lie inside of an image, if its first tap is `at` in the padded one."""
    first = (f.most(before - at, 0) + (apart - 1)) // apart
    return first, f.least((f.most(size + before - at, 0) + (apart - 1)) // apart, taps)
