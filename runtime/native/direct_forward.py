"""Direct convolution with strides, dilation and groups, as sums over channels and taps on the one micro-kernel."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from graphnet.runtime.native.contract import K, Tile, blocks, contract
from graphnet.runtime.native.direct_bands import Columns, Part, columns, fill, whole_vectors
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.geometry import After, Geometry
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.values import Index, Value

PIECES = 16
"""Pieces of work that there are at least, if possible: two for each of eight threads."""
BAND = 1 << 16
"""Floats of a band, if a row has not more."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How a convolution is cut.

    Attributes:
        form: of a band.
        rows: output rows of a band.
        bands: how many there are.
        batches: parts of the samples.
        splits: parts of the filters of a group.
        mr, nv: filters and vectors of a register tile.
        tiles: tiles side by side in a row.
    """

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
    filters, channels = g.f // g.groups, g.c // g.groups
    mr, nv = _tile(g, filters, machine)
    nb = LANES * nv if g.n > 1 else 1
    batches = g.n // nb
    by_tap = g.n == 1 and g.strides[1] > 1
    one = columns(g, nb, 1, by_tap)
    most = max((BAND // max(channels * one.band.row, 1) - one.band.rows) // g.strides[0] + 1, 1)
    rows = min(most, ceil(g.oh / min(ceil(PIECES / (batches * g.groups)), g.oh)))
    bands = ceil(g.oh / rows)
    splits = min(ceil(PIECES / (batches * g.groups * bands)), ceil(filters / mr))
    return Cut(columns(g, nb, rows, by_tap), rows, bands, batches, splits, mr, nv,
               g.ow if g.n > 1 else whole_vectors(g.ow) // (LANES * nv))


def _tile(g: Geometry, filters: int, machine: Machine) -> tuple[int, int]:
    """Filters and vectors of a tile, by the cycles of a step: products, loads (two in one), and waiting for products."""
    across = g.n // LANES if g.n > 1 else ceil(g.ow / LANES)

    def cycles(mr: int, nv: int) -> float:
        return max(mr * nv, nv + mr / 2, 4) + .4 if mr else 0
    found = [((filters // mr * cycles(mr, nv) + cycles(filters % mr, nv)) / nv, -mr * nv, mr, nv)
             for nv in (1, 2, 4) if across % nv == 0
             for mr in range(1, min(filters, 24) + 1) if nv == 1 == mr or mr * nv + nv < machine.vectors]
    return min(found)[2:]


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
        split, band = piece % p.splits, piece // p.splits
        top, n0 = band % p.bands * p.rows, band // p.bands % p.batches * (LANES * p.nv)
        group = band // (p.bands * p.batches)
        rows = f.least(p.rows, g.oh - top) if g.oh % p.rows else f.constant(p.rows)
        if part.weights:
            tall = (rows - 1) * g.strides[0] + (g.dilation[0] * (g.kh - 1) + 1)
            fill(f, g, p.form, x, f.scratch, n0, top * g.strides[0] - g.top, tall, group * channels, channels)
        walk = _Walk(f, part, p, packed, y, after, group, n0)
        with f.loop(0, rows) as r, f.loop(0, p.tiles) as t:
            walk.tile(top, r, t, split * number // p.splits, (split + 1) * number // p.splits)


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

    def tile(self, top: Value, r: Value, t: Value, lo: Value, hi: Value) -> None:
        """Makes all filters of a vector of outputs, or of some side by side."""
        f, g, p = self.f, self.part.geometry, self.cut
        rows, columns = g.top > 0 or g.bottom > 0, g.n > 1 and (g.left > 0 or g.right > 0)
        i0, i1 = _inside(f, (top + r) * g.strides[0], g.top, g.h, g.kh, g.dilation[0]) if rows else (0, g.kh)
        j0, j1 = _inside(f, t * g.strides[1], g.left, g.w, g.kw, g.dilation[1]) if columns else (0, g.kw)
        row, step = p.form.band.row, p.form.step * (p.nv if g.n == 1 else 1)
        source = f.at(f.scratch, (r * g.strides[0] + i0 * g.dilation[0]) * row + t * step + j0 * p.form.tap)
        filters, channels = g.f // g.groups, g.c // g.groups

        def some(m0: Index, count: int) -> None:
            first = self.group * filters + m0
            a = f.at(self.packed, first * (channels * g.kh * g.kw) + (i0 * g.kw + j0) * count)
            deep = K(channels, g.kh * g.kw * count, p.form.band.rows * row)
            high, wide = K(i1 - i0, g.kw * count, g.dilation[0] * row), K(j1 - j0, count, p.form.tap)
            sums = contract(f, a, range(count), source, [(v * LANES, None) for v in range(p.nv)],
                            [high, wide, deep] if columns else [deep, high, wide]) if self.part.weights else [
                                [f.zero()] * p.nv] * count
            self.store(sums, first, top + r, t)
        whole = p.splits == 1
        blocks(f, filters, p.mr, some, 0 if whole else lo, None if whole else hi)

    def store(self, sums: Tile, first: Value, r: Value, t: Value) -> None:
        """Writes a tile."""
        f, g, place = self.f, self.part.geometry, self.part.place
        line = (first * place.height + r * place.down + place.top) * (place.width * g.n)
        tile = t * (place.across * g.n) if g.n > 1 else t * (place.across * LANES * self.cut.nv)
        place0 = line + tile + place.left * g.n + self.n0
        for m, row in enumerate(sums):
            for v, value in enumerate(row):
                offset = place0 + (m * place.height * place.width * g.n
                                   + v * LANES * (place.across if g.n == 1 else 1))
                ragged = g.n == 1 and g.ow % LANES
                lanes = f.least(g.ow - (t * self.cut.nv + v) * LANES, LANES) if ragged else None
                value = self.after(value, first + m, offset, lanes)
                if g.n == 1 and place.across > 1:
                    f.scatter(value, f.at(self.y, offset), place.across, lanes)
                else:
                    f.store(value, self.y, offset, lanes)


def _inside(f: Function, at: Value, before: int, size: int, taps: int, apart: int) -> tuple[Value, Value]:
    """The taps [first, last) of an output that lie inside of an image, if its first tap is `at` in the padded one."""
    first = (f.most(before - at, 0) + (apart - 1)) // apart
    return first, f.least((f.most(size + before - at, 0) + (apart - 1)) // apart, taps)
