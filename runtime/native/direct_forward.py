"""Direct convolution with strides, dilation and groups, as sums over channels and taps on the one micro-kernel."""

from __future__ import annotations

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
        inner: the convolution as its bands see it.
        clipped: whether bands hold no columns beside the image, but taps there are left out.
        form: of a band.
        rows: output rows of a band.
        bands: how many there are.
        batches: parts of the samples.
        splits: parts of the filters of a group.
        mr, nv: filters and vectors of a register tile.
        tiles: tiles side by side in a row.
    """

    inner: Geometry
    clipped: bool
    form: Columns
    rows: int
    bands: int
    batches: int
    splits: int
    mr: int
    nv: int
    tiles: int


def cut(g: Geometry, machine: Machine) -> Cut:
    """The schedule of a convolution."""
    filters, channels, sh = g.f // g.groups, g.c // g.groups, g.strides[0]
    mr, nv = _tile(g, filters, machine)
    nb, by_tap, tiles, clipped = 1, g.strides[1] > 1, ceil(g.ow / (LANES * nv)), False
    if g.n > 1:
        nb = next(nb for nb in (64, 32, 16) if g.n % nb == 0 and (
            nb == LANES * nv or nb * channels * g.kh * g.kw <= PIXEL))
        by_tap, tiles, clipped = False, g.ow, _outside(g) > g.ow * g.kw / 32
    inner = replace(g, left=0, right=0) if clipped else g
    one = columns(inner, nb, 1, by_tap)
    fitting = max((BAND // max(channels * one.band.row, 1) - one.band.rows) // sh + 1, 1)
    batches = g.n // nb
    rows = min(fitting, ceil(g.oh / min(ceil(PIECES / (batches * g.groups)), g.oh)))
    bands = ceil(g.oh / rows)
    splits = min(ceil(PIECES / (batches * g.groups * bands)), ceil(filters / mr))
    return Cut(inner, clipped, columns(inner, nb, rows, by_tap), rows, bands, batches, splits, mr, nv, tiles)


def _tile(g: Geometry, filters: int, machine: Machine) -> tuple[int, int]:
    """Filters and vectors of a tile, by the cycles of a step: products, loads, and waiting for products."""
    lines = g.n // LANES if g.n > 1 else ceil(g.ow / LANES)
    most = g.n // LANES if g.n > 1 else max(g.ow // LANES, 1)

    def cycles(mr: int, nv: int) -> float:
        return max(mr * nv, 1.25 * nv + mr / 2, 4) + .5 if mr else 0
    found = [(ceil(lines / nv) * (filters // mr * cycles(mr, nv) + cycles(filters % mr, nv)), nv, -mr)
             for nv in (1, 2, 4) if nv <= most and (g.n == 1 or lines % nv == 0)
             for mr in range(1, min(filters, 24) + 1) if nv == 1 == mr or mr * nv + nv < machine.vectors]
    _, nv, mr = min(found)
    return -mr, nv


def _outside(g: Geometry) -> int:
    """How many taps of the outputs of a row lie beside the image."""
    places = [ow * g.strides[1] + j * g.dilation[1] - g.left for ow in range(g.ow) for j in range(g.kw)]
    return sum(not 0 <= place < g.w for place in places)


def scratch(part: Part, machine: Machine) -> int:
    """Floats that a thread takes."""
    return cut(part.geometry, machine).form.floats(part.geometry.c // part.geometry.groups)


def pack(f: Function, part: Part, w: Value, to: Value) -> None:
    """Writes weights in the order in which they are read: (group, block of filters, channel, row, column, filter)."""
    g, taps, mr = part.geometry, part.taps, cut(part.geometry, f.machine).mr
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
    g, p = part.geometry, cut(part.geometry, f.machine)
    channels, number = g.c // g.groups, ceil(g.f // g.groups / p.mr)
    with f.loop(*f.share(p.splits * p.bands * p.batches * g.groups)) as piece:
        n0, band = piece % p.batches * p.form.band.nb, piece // p.batches
        top, split = band % p.bands * p.rows, band // p.bands % p.splits
        group = band // (p.bands * p.splits)
        rows = f.least(p.rows, g.oh - top) if g.oh % p.rows else f.constant(p.rows)
        if part.weights:
            tall = (rows - 1) * g.strides[0] + (g.dilation[0] * (g.kh - 1) + 1)
            fill(f, p.inner, p.form, x, f.scratch, n0, top * g.strides[0] - g.top, tall, group * channels, channels)
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
        i0, i1 = (_inside(f, (top + r) * g.strides[0], g.top, g.h, g.kh, g.dilation[0])
                  if g.top > 0 or g.bottom > 0 else (0, g.kh))
        band = p.form.band
        line = f.at(f.scratch, (r * g.strides[0] + i0 * g.dilation[0]) * band.row)
        filters, channels = g.f // g.groups, g.c // g.groups

        def some(m0: Index, count: int) -> None:
            first = self.group * filters + m0
            a = f.at(self.packed, first * (channels * g.kh * g.kw) + i0 * (g.kw * count))
            with f.loop(0, p.tiles) as t, f.loop(0, band.nb, LANES * p.nv) as e:
                column = f.least(t * (LANES * p.nv), max(g.ow - LANES * p.nv, 0)) if g.n == 1 else t
                j0, j1 = (_inside(f, t * g.strides[1], g.left, g.w, g.kw, g.dilation[1]) if p.clipped else (0, g.kw))
                dims = [K(channels, g.kh * g.kw * count, band.rows * band.row),
                        K(i1 - i0, g.kw * count, g.dilation[0] * band.row), K(j1 - j0, count, p.form.tap)]
                sums = [[f.zero()] * p.nv] * count
                if self.part.weights:
                    b = column * p.form.step + e + j0 * p.form.tap - (g.left * band.nb if p.clipped else 0)
                    sums = contract(f, f.at(a, j0 * count), range(count), f.at(line, b),
                                    [(v * LANES, None) for v in range(p.nv)], dims)
                self.store(sums, first, top + r, column, e)
        blocks(f, filters, p.mr, some, lo, hi)

    def store(self, sums: Tile, first: Value, row: Value, column: Value, e: Value) -> None:
        """Writes a tile of filters from `first` on, and of samples from e on, or of columns."""
        f, g, place = self.f, self.part.geometry, self.part.place
        plane, across = place.height * place.width * g.n, place.across if g.n == 1 else 1
        lanes = g.ow if g.n == 1 and g.ow < LANES else None
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
