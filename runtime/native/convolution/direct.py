"""Direct convolution, its gradient for images, and maxima of its results: sums over channels and taps on the one
micro-kernel, with strides, dilation and groups."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import partial, reduce
from math import ceil

from graphnet.runtime.llvm.contract import K, Tile, blocks, contract
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.values import Index, Value
from graphnet.runtime.native.convolution.bands import BAND, Band, band_of, clear, copy
from graphnet.runtime.native.convolution.geometry import Geometry
from graphnet.runtime.native.emit.epilogue import After

PIECES = 16
"""Pieces of work that there are at least, if possible: two for each of eight threads."""
PIXEL = 1 << 12
"""Floats that a pixel may read if it is to be of more samples than a tile has: they stay in the first-level cache."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a convolution is cut.

    Attributes:
        band: its form.
        rows: of results, of a band.
        bands: how many there are.
        batches: parts of the samples.
        splits: parts of the filters of a group.
        mr, nv: filters and vectors of a register tile.
        tiles: side by side in a row.
    """

    band: Band
    rows: int
    bands: int
    batches: int
    splits: int
    mr: int
    nv: int
    tiles: int


def plan_of(g: Geometry, machine: Machine) -> Plan:
    """The schedule of a convolution."""
    g = _by_lane(g)
    results, columns = g.rows.results, g.columns
    mr, nv = _tile(g, machine)
    nb, bare, tiles = 1, False, ceil(columns.results / (LANES * nv))
    if g.n > 1:
        nb = next(nb for nb in (64, 32, 16) if g.n % nb == 0 and (
            nb == LANES * nv or nb * g.channels * g.rows.tall * columns.tall <= PIXEL))
        bare, tiles = columns.grain > 1 or _outside(g) > columns.results * columns.taps / 32, columns.results
    one = band_of(g, nb, 1, bare=bare)
    fitting = max((BAND // max(g.channels * one.row, 1) - one.rows) * g.rows.grain // g.rows.step + 1, 1)
    batches = g.n // nb
    rows = min(fitting, ceil(results / min(ceil(PIECES / (batches * g.groups)), results)))
    bands = ceil(results / rows)
    splits = min(ceil(PIECES / (batches * g.groups * bands)), ceil(g.filters / mr))
    return Plan(band_of(g, nb, rows, bare=bare), rows, bands, batches, splits, mr, nv, tiles)


def _by_lane(g: Geometry) -> Geometry:
    """Where lanes are results of a row, the greatest of neighbours are found in vectors of all of them."""
    a = g.columns
    if g.n > 1 or a.window != a.pace or LANES % a.window:
        return g
    return replace(g, columns=replace(a, results=a.results * a.window, window=1, pace=1))


def _tile(g: Geometry, machine: Machine) -> tuple[int, int]:
    """Filters and vectors of a tile, by the cycles of a step: products, loads, and waiting for products."""
    lines = g.n // LANES if g.n > 1 else ceil(g.columns.results / LANES)
    most = g.n // LANES if g.n > 1 else max(g.columns.results // LANES, 1)

    def cycles(mr: int, nv: int) -> float:
        return max(mr * nv, 1.25 * nv + mr / 2, 4) + .5 if mr else 0

    def cost(mr: int, nv: int) -> float:
        uneven = 1.03 if g.filters % mr else 1  # the code is written twice
        return ceil(lines / nv) * (g.filters // mr * cycles(mr, nv) + cycles(g.filters % mr, nv)) * uneven
    found = [(cost(mr, nv), nv, -mr) for nv in (1, 2, 4) if nv <= most and (g.n == 1 or lines % nv == 0)
             for mr in range(1, min(g.filters, 24) + 1) if nv == 1 == mr or mr * nv + nv < machine.vectors]
    _, nv, mr = min(found)
    return -mr, nv


def _outside(g: Geometry) -> int:
    """How many taps of the results of a row lie beside the image."""
    a = g.columns
    places = [r * a.step + tap * a.dilation - a.ahead for r in range(a.results) for tap in range(a.taps)]
    return sum(not 0 <= place < a.size for place in places)


def scratch(g: Geometry, machine: Machine) -> int:
    """Floats that a thread takes."""
    return g.channels * plan_of(g, machine).band.plane


def weights(g: Geometry) -> int:
    """How many there are."""
    return g.f * g.channels * g.taps


def _order(g: Geometry, plan: Plan, count: Index) -> tuple[Index, Index, Index]:
    """How far apart channels, rows and columns of packed weights are, for so many filters: channels are innermost where
    a result has taps of its own."""
    if plan.band.bare:
        return count, count * (g.columns.taps * g.channels), count * g.channels
    return count * g.taps, count * g.columns.taps, count


def pack(f: Function, g: Geometry, w: Value, to: Value) -> None:
    """Writes weights in the order in which they are read: (group, block of filters, …, filter)."""
    plan = plan_of(g, f.machine)
    number, depth = ceil(g.filters / plan.mr), g.channels * g.taps
    with f.loop(*f.share(g.groups * number)) as block:
        group, m0 = block // number, block % number * plan.mr
        count = f.least(plan.mr, g.filters - m0)
        filter, channel = (g.taps, g.filters * g.taps) if g.rows.back else (depth, g.taps)
        source, target = f.at(w, group * (g.filters * depth) + m0 * filter), f.at(to, (group * g.filters + m0) * depth)
        by_channel, by_row, by_column = _order(g, plan, count)
        with (f.loop(0, g.channels) as c, f.loop(0, g.rows.taps) as i, f.loop(0, g.columns.taps) as j,
              f.loop(0, count) as m):
            weight = f.scalar(source, m * filter + c * channel + i * g.columns.taps + j)
            f.put(weight, target, c * by_channel + i * by_row + j * by_column + m)


def conv(f: Function, g: Geometry, x: Value, packed: Value, y: Value, after: After) -> None:
    """Writes the convolution of images with packed weights, by all threads."""
    p, stored, g = plan_of(g, f.machine), g.columns.results, _by_lane(g)
    number = ceil(g.filters / p.mr)
    clear(f, g, p.band, f.scratch)
    with f.loop(*f.share(p.splits * p.bands * p.batches * g.groups)) as piece:
        top, rest = piece % p.bands * p.rows, piece // p.bands  # innermost, as the last band may be smaller
        n0, rest = rest % p.batches * p.band.nb, rest // p.batches
        split, group = rest % p.splits, rest // p.splits
        end = f.least(top + p.rows, g.rows.results)
        low, high = g.rows.reach(f, top, end)
        copy(f, g, p.band, x, f.scratch, low, high, n0, group * g.channels)
        walk = _Walk(f, g, p, packed, y, after, group, n0, low, stored)
        lo, hi = split * number // p.splits, (split + 1) * number // p.splits
        with f.loop(top, end) as r:
            blocks(f, g.filters, p.mr, partial(walk.row, r), *((0, None) if p.splits == 1 else (lo, hi)))


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes through a band, whose first row is `low`; of the results of a row it stores so many."""

    f: Function
    g: Geometry
    plan: Plan
    packed: Value
    y: Value
    after: After
    group: Value
    n0: Value
    low: Value
    stored: int

    def row(self, r: Value, m0: Index, count: int) -> None:
        """Makes a row of the results of some filters."""
        f, g, p = self.f, self.g, self.plan
        first = self.group * g.filters + m0
        with f.loop(0, p.tiles) as t, f.loop(0, p.band.nb, LANES * p.nv) as e:
            column = f.least(t * (LANES * p.nv), max(g.columns.results - LANES * p.nv, 0)) if g.n == 1 else t
            self.store(self.greatest(first, count, r, column, e), first, r, column, e)

    def greatest(self, first: Value, count: int, r: Value, column: Value, e: Value) -> Tile:
        """The greatest sums of a window of results; where it is one result, its sum."""
        f, g, p = self.f, self.g, self.plan
        if g.rows.window == g.columns.window == 1:
            return self.sums(first, count, r * g.rows.pace, column, f.constant(0), e)
        tile = [[f.variable(f.splat(-math.inf)) for _ in range(p.nv)] for _ in range(count)]
        with f.loop(0, g.rows.window) as i, f.loop(0, g.columns.window) as j:
            sums = self.sums(first, count, r * g.rows.pace + i, column, j, e)
            for best, value in zip(itertools.chain(*tile), itertools.chain(*sums), strict=True):
                best.set(f.greater(best.get(), value))
        return [[best.get() for best in line] for line in tile]

    def sums(self, first: Value, count: int, row: Value, column: Value, j: Value, e: Value) -> Tile:
        """The sums of filters from `first` on: of row `row` of results, and the j-th of a window or of windows."""
        f, g, band, a = self.f, self.g, self.plan.band, self.g.columns
        by_channel, by_row, by_column = _order(g, self.plan, count)
        tap, taps, place = g.rows.through(f, row)
        weights = f.at(self.packed, first * (g.channels * g.taps) + tap * by_row)
        line = f.at(f.scratch, (place - self.low) * band.row + e)
        channels, rows = K(g.channels, by_channel, band.plane), K(taps, by_row * g.rows.every, g.rows.apart * band.row)
        if band.bare:
            tap, taps, place = a.through(f, column * a.pace + j)
            weights, line = f.at(weights, tap * by_column), f.at(line, place * band.nb)
            dims = [rows, K(taps, by_column * a.every, a.apart * band.nb), channels]
        else:
            last = a.span * band.tap if a.back else 0
            line = f.at(line, column * band.step + j * (a.stride * band.tap) + (
                last + (0 if band.by_tap else (band.lead - a.ahead) * band.nb)))
            dims = [channels, rows, K(a.taps, by_column, (-1 if a.back else 1) * a.dilation * band.tap)]
        vectors = [(v * LANES, None) for v in range(self.plan.nv)]
        return contract(f, weights, range(count), line, vectors, dims, unroll=3)

    def store(self, sums: Tile, first: Value, row: Value, column: Value, e: Value) -> None:
        """Writes a tile of filters from `first` on, and of samples from e on, or of columns."""
        f, g, width = self.f, self.g, self.stored
        beside = g.columns.results // max(width, 1)
        plane, most = g.rows.results * width * g.n, LANES // beside
        start = first * plane + row * (width * g.n) + (column // beside * g.n + self.n0 + e)
        lanes = min(width, most) if g.n == 1 and min(width, most) < LANES else None
        for m, line in enumerate(sums):
            for v, value in enumerate(line):
                offset = start + (m * plane + v * most)
                parts = [f.shuffle(value, value, [(lane * beside + i) % LANES for lane in range(LANES)])
                         for i in range(beside)] if beside > 1 else [value]
                f.store(self.after(reduce(f.greater, parts), first + m, offset, lanes), self.y, offset, lanes)
