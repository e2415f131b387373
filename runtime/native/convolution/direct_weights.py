"""The gradient of direct convolution for its weights: products of vectors, whose lanes are summed at the end.

Bands decide in which order sums are taken, so they are cut by shapes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from graphnet.runtime.llvm.contract import K, contract
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.values import Index, Value
from graphnet.runtime.native.convolution.bands import BAND, Band, band_of, clear, copy, whole_vectors
from graphnet.runtime.native.convolution.geometry import Axis, Geometry

STEPS = 128
"""Vectors that a sum takes in, if a row has not more: output gradients stay in the first-level cache meanwhile."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the sums are cut.

    Attributes:
        band: of images.
        gradients: the sizes of output gradients, and `copied`, the form of their band, if they have one.
        rows: of results, of a band.
        chunk: of which a sum takes in so many.
        mr, cb, jb: filters, channels and taps of a register tile.
    """

    band: Band
    gradients: Geometry
    copied: Band | None
    rows: int
    chunk: int
    mr: int
    cb: int
    jb: int


def plan_of(g: Geometry, machine: Machine) -> Plan:
    """The schedule; what it takes of the machine is the tile."""
    (oh, ow), taps, one = (g.rows.results, g.columns.results), g.columns.taps, g.n == 1
    nb = 1 if one else next(nb for nb in (64, 32, 16) if g.n % nb == 0 and (nb == LANES or ow * nb <= STEPS * LANES))
    chunk = ceil(oh / ceil(oh / max(1, STEPS * LANES // max(ow * nb, LANES))))
    band = band_of(g, nb, chunk, by_tap=one)
    more = (BAND // (g.channels * band.row) - band.rows) // (chunk * g.rows.stride)
    rows = min(chunk * max(1 + more, 1), oh)

    def cycles(mr: int, cb: int, jb: int) -> float:
        return max(mr * cb * jb, mr + cb * jb, 2.5 * cb, 4) * (1 + 6 / STEPS) + .5 if jb else 0
    tiles = [(mr, cb, jb) for mr in range(1, min(g.filters, 8) + 1) if g.filters % mr == 0
             for cb in range(1, min(g.channels, 8) + 1) if g.channels % cb == 0 for jb in range(1, taps + 1)]
    found = [((taps // jb * cycles(mr, cb, jb) + cycles(mr, cb, taps % jb)) / (mr * cb), -mr * cb * jb, mr, cb, jb)
             for mr, cb, jb in tiles if mr * cb * jb == 1 or mr * cb * jb <= machine.vectors - 2]
    gradients = Geometry(g.n, g.f, g.f, Axis(oh, oh, 1), Axis(ow, ow, 1), g.groups)
    return Plan(band_of(g, nb, rows, by_tap=one), gradients, band_of(gradients, 1, rows, by_tap=True) if one else None,
                rows, chunk, *min(found)[2:])


def scratch(g: Geometry, machine: Machine) -> int:
    """Floats that a thread takes."""
    p = plan_of(g, machine)
    return g.channels * p.band.plane + (g.filters * p.copied.plane if p.copied else 0)


def weight_gradient(f: Function, g: Geometry, x: Value, dy: Value, dw: Value) -> None:
    """Adds to dw (F, C / groups, KH, KW) the sums over outputs and samples of dy · x; threads share out tiles of it."""
    p = plan_of(g, f.machine)
    oh, bands, one = g.rows.results, ceil(g.rows.results / p.rows), g.groups == 1
    tiles = g.filters // p.mr * (g.channels // p.cb) * g.rows.taps
    lo, hi = f.share(g.groups * tiles)
    gradients = f.at(f.scratch, g.channels * p.band.plane)
    clear(f, g, p.band, f.scratch)
    if p.copied:
        clear(f, p.gradients, p.copied, gradients)
    with (f.loop(0 if one else lo // tiles, 1 if one else (hi + (tiles - 1)) // tiles) as group,
          f.loop(0, g.n // p.band.nb * bands) as piece):
        n0, top = piece // bands * p.band.nb, piece % bands * p.rows
        end = f.least(top + p.rows, oh)
        low, high = g.rows.reach(f, top, end)
        copy(f, g, p.band, x, f.scratch, low, high, n0, group * g.channels)
        if p.copied:
            copy(f, p.gradients, p.copied, dy, gradients, top, end, n0, group * g.filters)
            walk = _Walk(f, g, p, group, low, gradients, top, p.copied.plane, p.copied.row)
        else:
            row = g.columns.results * g.n
            walk = _Walk(f, g, p, group, low, f.at(dy, group * (g.filters * oh * row) + n0), 0, oh * row, row)
        with f.loop(top, end, p.chunk) as r:
            first = f.compare("eq", piece + (r - top), 0)
            fresh = f.bitwise("and", first, f.first) if isinstance(f.first, Value) else first
            with f.loop(f.most(lo - group * tiles, 0), f.least(hi - group * tiles, tiles)) as tile:
                i, c0 = tile % g.rows.taps, tile // g.rows.taps % (g.channels // p.cb) * p.cb
                m0 = tile // (g.rows.taps * (g.channels // p.cb)) * p.mr
                for j0 in range(0, g.columns.taps, p.jb):
                    walk.tile(r, f.least(r + p.chunk, end), m0, c0, i, j0, min(p.jb, g.columns.taps - j0), dw, fresh)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Sums up a band, whose first row is `low`, and `dy`, with `top` and filters and rows that are so far apart."""

    f: Function
    g: Geometry
    plan: Plan
    group: Value
    low: Value
    dy: Value
    top: Index
    filter: int
    row: int

    def tile(self, r: Value, end: Value, m0: Value, c0: Value, i: Value, j0: int, count: int, dw: Value,
             fresh: Value) -> None:
        """Adds rows [r, end) of results to the weights of some filters, channels and taps of kernel row i."""
        f, g, p, band, a = self.f, self.g, self.plan, self.plan.band, self.g.columns
        r, end = g.rows.readers(f, i, r, end)
        dims = [K(end - r, self.row, g.rows.stride * band.row)]
        if g.n > 1 and (band.nb < g.n or a.stride > 1):
            dims += [K(a.results, g.n, band.step), K(band.nb // LANES, LANES, LANES)]
        else:
            dims += [K(whole_vectors(a.results * band.nb) // LANES, LANES, LANES)]
        place = r * g.rows.stride + i * g.rows.dilation - g.rows.before - self.low
        lead = 0 if band.by_tap else (band.lead - a.ahead) * band.nb
        tap = a.dilation * band.tap
        b = f.at(f.scratch, c0 * band.plane + place * band.row + (j0 * tap + lead))
        taps: list[tuple[Index, Lanes]] = [
            (c * band.plane + j * tap, None) for c in range(p.cb) for j in range(count)]
        sums = contract(f, f.at(self.dy, m0 * self.filter + (r - self.top) * self.row),
                        [m * self.filter for m in range(p.mr)], b, taps, dims, along_lanes=True, unroll=2)
        first = ((self.group * g.filters + m0) * g.channels + c0) * g.taps + i * a.taps + j0
        places = [(m * g.channels + c) * g.taps for m in range(p.mr) for c in range(p.cb)]
        flat = [value for row in sums for value in row]
        runs = LANES // count  # of taps that fit in a vector
        for k in range(0, len(places), runs):
            totals = sum_lanes(f, flat[k * count:(k + runs) * count])
            for number, at in enumerate(places[k:k + runs]):
                run = f.shuffle(totals, totals, [(lane + number * count) % LANES for lane in range(LANES)])
                earlier = f.select(fresh, f.zero(), f.load(dw, first + at, count))
                f.store(earlier + run, dw, first + at, count)


def sum_lanes(f: Function, values: Sequence[Value]) -> Value:
    """The sums of the lanes of up to 16 vectors, one a lane: neighbours are added until one is left."""
    vectors, distance = list(values), 1
    while distance < LANES:
        low = [j if not j & distance else LANES + (j ^ distance) for j in range(LANES)]
        high = [j | distance if not j & distance else LANES + j for j in range(LANES)]
        pairs = [(vectors[k], vectors[k + 1] if k + 1 < len(vectors) else f.zero()) for k in range(0, len(vectors), 2)]
        vectors, distance = [f.shuffle(a, b, low) + f.shuffle(a, b, high) for a, b in pairs], distance * 2
    return vectors[0]
