"""The gradient of direct convolution for its weights: products of vectors, whose lanes are summed at the end.

Bands decide in which order sums are taken, so they are cut by shapes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from graphnet.runtime.native.contract import K, contract
from graphnet.runtime.native.direct_bands import BAND, Columns, columns, fill, whole_vectors
from graphnet.runtime.native.function import Function, Lanes
from graphnet.runtime.native.geometry import Band, Geometry, copy_band
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.values import I1, Index, Value

STEPS = 128
"""Vectors that a sum takes in, if a row has not more: output gradients stay in the first-level cache meanwhile."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How the sums are cut.

    Attributes:
        nb: samples of a band.
        rows: its output rows.
        chunk: rows of it that a sum takes in.
        mr, cb, jb: filters, channels and taps of a register tile.
    """

    nb: int
    rows: int
    chunk: int
    mr: int
    cb: int
    jb: int


def cut(g: Geometry, machine: Machine) -> Cut:
    """The schedule; what it takes of the machine is the tile."""
    filters, channels = g.f // g.groups, g.c // g.groups
    nb = 1 if g.n == 1 else next(nb for nb in (64, 32, 16) if g.n % nb == 0 and (
        nb == LANES or g.ow * nb <= STEPS * LANES))
    chunk = ceil(g.oh / ceil(g.oh / max(1, STEPS * LANES // max(g.ow * nb, LANES))))
    band = columns(g, nb, chunk, g.n == 1).band
    more = (BAND // (channels * band.row) - band.rows) // (chunk * g.strides[0])

    def cycles(mr: int, cb: int, jb: int) -> float:
        return max(mr * cb * jb, mr + cb * jb, 2.5 * cb, 4) * (1 + 6 / STEPS) + .5 if jb else 0
    tiles = [(mr, cb, jb) for mr in range(1, min(filters, 8) + 1) if filters % mr == 0
             for cb in range(1, min(channels, 8) + 1) if channels % cb == 0 for jb in range(1, g.kw + 1)]
    found = [((g.kw // jb * cycles(mr, cb, jb) + cycles(mr, cb, g.kw % jb)) / (mr * cb), -mr * cb * jb, mr, cb, jb)
             for mr, cb, jb in tiles if mr * cb * jb == 1 or mr * cb * jb <= machine.vectors - 2]
    return Cut(nb, min(chunk * max(1 + more, 1), g.oh), chunk, *min(found)[2:])


def _form(g: Geometry, p: Cut) -> Columns:
    return columns(g, p.nb, p.rows, g.n == 1)


def _gradient_rows(g: Geometry, p: Cut) -> Band:
    """The band of output gradients: with room for one sample they are copied, with 0 behind each row."""
    return Band(1, p.rows, whole_vectors(g.ow))


def scratch(g: Geometry, machine: Machine) -> int:
    """Floats that a thread takes."""
    p = cut(g, machine)
    rows = _gradient_rows(g, p)
    return _form(g, p).floats(g.c // g.groups) + (g.f // g.groups * rows.rows * rows.row if g.n == 1 else 0)


def weight_gradient(f: Function, g: Geometry, x: Value, dy: Value, dw: Value) -> None:
    """Adds to dw (F, C / groups, KH, KW) the sums over outputs and samples of dy · x; threads share out tiles of it."""
    p = cut(g, f.machine)
    filters, channels, bands = g.f // g.groups, g.c // g.groups, ceil(g.oh / p.rows)
    tiles = filters // p.mr * (channels // p.cb) * g.kh
    lo, hi = f.share(g.groups * tiles)
    one = g.groups == 1
    with (f.loop(0 if one else lo // tiles, 1 if one else (hi + (tiles - 1)) // tiles) as group,
          f.loop(0, g.n // p.nb * bands) as piece):
        n0, top = piece // bands * p.nb, piece % bands * p.rows
        rows = f.least(p.rows, g.oh - top) if g.oh % p.rows else f.constant(p.rows)
        band = _Band(f, g, p, group, *_read(f, g, p, x, dy, group, n0, top, rows))
        with f.loop(0, rows, p.chunk) as r:
            first = f.compare("eq", piece + r, 0)
            fresh = f.instruction(f"and {I1}", first, f.first) if isinstance(f.first, Value) else first
            with f.loop(f.most(lo - group * tiles, 0), f.least(hi - group * tiles, tiles)) as tile:
                i, c0 = tile % g.kh, tile // g.kh % (channels // p.cb) * p.cb
                m0 = tile // (g.kh * (channels // p.cb)) * p.mr
                for j0 in range(0, g.kw, p.jb):
                    band.tile(r, f.least(p.chunk, rows - r), m0, c0, i, j0, min(p.jb, g.kw - j0), dw, fresh)


def _read(f: Function, g: Geometry, p: Cut, x: Value, dy: Value, group: Value, n0: Value, top: Value,
          rows: Value) -> tuple[Value, int, int]:
    """Fills the band; where its output gradients lie, and how far apart filters and rows of them are."""
    filters, channels, form = g.f // g.groups, g.c // g.groups, _form(g, p)
    tall = (rows - 1) * g.strides[0] + (g.dilation[0] * (g.kh - 1) + 1)
    fill(f, g, form, x, f.scratch, n0, top * g.strides[0] - g.top, tall, group * channels, channels)
    if g.n > 1:
        row = g.ow * g.n
        return f.at(dy, (group * (filters * g.oh) + top) * row + n0), g.oh * row, row
    to, band = f.at(f.scratch, form.floats(channels)), _gradient_rows(g, p)
    gradients = Geometry(1, g.f, g.oh, g.ow, 1, 1, 1, 0, 0, 0, 0)
    copy_band(f, gradients, band, dy, to, 0, top, rows, group * filters, filters)
    return to, band.rows * band.row, band.row


@dataclass(frozen=True, slots=True)
class _Band:
    """What is summed up of a band: `dy`, whose filters and rows lie `filter` and `row` apart, and the inputs."""

    f: Function
    g: Geometry
    cut: Cut
    group: Value
    dy: Value
    filter: int
    row: int

    def tile(self, r: Value, rows: Value, m0: Value, c0: Value, i: Value, j0: int, count: int, dw: Value,
             fresh: Value) -> None:
        """Adds to the weights of some filters, channels and taps of kernel row i."""
        f, g, p = self.f, self.g, self.cut
        form, channels = _form(g, p), g.c // g.groups
        apart = form.band.rows * form.band.row
        dims = [K(rows, self.row, g.strides[0] * form.band.row)]
        if g.n > 1 and (p.nb < g.n or g.strides[1] > 1):
            dims += [K(g.ow, g.n, form.step), K(p.nb // LANES, LANES, LANES)]
        else:
            dims += [K(ceil(g.ow * p.nb / LANES), LANES, LANES)]
        line = r * g.strides[0] + i * g.dilation[0]
        b = f.at(f.scratch, c0 * apart + line * form.band.row + j0 * form.tap)
        taps: list[tuple[Index, Lanes]] = [
            (c * apart + j * form.tap, None) for c in range(p.cb) for j in range(count)]
        sums = contract(f, f.at(self.dy, m0 * self.filter + r * self.row), [m * self.filter for m in range(p.mr)],
                        b, taps, dims, along_lanes=True, unroll=2)
        first = ((self.group * (g.f // g.groups) + m0) * channels + c0) * (g.kh * g.kw) + i * g.kw + j0
        places = [(m * channels + c) * (g.kh * g.kw) for m in range(p.mr) for c in range(p.cb)]
        flat = [value for row in sums for value in row]
        runs = LANES // count  # of taps that fit in a vector
        for k in range(0, len(places), runs):
            totals = sum_lanes(f, flat[k * count:(k + runs) * count])
            for number, place in enumerate(places[k:k + runs]):
                run = f.shuffle(totals, totals, [(lane + number * count) % LANES for lane in range(LANES)])
                earlier = f.select(fresh, f.zero(), f.load(dw, first + place, count))
                f.store(earlier + run, dw, first + place, count)


def sum_lanes(f: Function, values: Sequence[Value]) -> Value:
    """The sums of the lanes of up to 16 vectors, one a lane: neighbours are added until one is left."""
    vectors = list(values)
    distance = 1
    while distance < LANES:
        low = [j if not j & distance else LANES + (j ^ distance) for j in range(LANES)]
        high = [j | distance if not j & distance else LANES + j for j in range(LANES)]
        pairs = [(vectors[k], vectors[k + 1] if k + 1 < len(vectors) else f.zero()) for k in range(0, len(vectors), 2)]
        vectors = [f.shuffle(a, b, low) + f.shuffle(a, b, high) for a, b in pairs]
        distance *= 2
    return vectors[0]
