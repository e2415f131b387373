"""Bands: copies of some rows of images, in which the places of a row that results read lie beside each other.

A band makes borders free, and its rows are an odd number of cache lines long, so that equal places of many rows and
channels do not fight for the same sets of a cache, as they do in images whose sizes are powers of two.

With room for many samples the lanes of a vector are samples of one result. With room for one they are results of one
row; where strides keep their places apart, a band holds for each place of a window what the results read there.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphnet.runtime.llvm.contract import blocks
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.values import Index, Value
from graphnet.runtime.native.convolution.geometry import Geometry
from graphnet.runtime.native.emit.sweeping import strided

BAND = 3 << 15
"""Floats that a band may have, if rows have not more: a part of a common second-level cache."""


@dataclass(frozen=True, slots=True)
class Band:
    """The form of a band (channels, rows, row).

    Attributes:
        nb: samples: a multiple of 16, or the one.
        rows: that it has room for.
        row: floats of one.
        tap: from a place of a window to the next one, in floats.
        step: from a result to the next one.
        lead: columns of zeros in front.
        by_tap: whether it holds the places of a window apart.
        bare: whether it has no zeros around, so that what lies beside the images must not be read.
    """

    nb: int
    rows: int
    row: int
    tap: int
    step: int
    lead: int = 0
    by_tap: bool = False
    bare: bool = False

    @property
    def plane(self) -> int:
        """Floats of a channel."""
        return self.rows * self.row


def whole_vectors(count: int) -> int:
    """The floats of the vectors that hold so many."""
    return -(-count // LANES) * LANES


def band_of(g: Geometry, nb: int, results: int, *, bare: bool = False, by_tap: bool = False) -> Band:
    """A band for so many rows of results."""
    a, rows = g.columns, g.rows.most(results)
    read = a.results if g.n > 1 else whole_vectors(a.results)
    if by_tap or (g.n == 1 and a.step > 1):
        return Band(1, rows, _odd(a.tall * read), read, 1, by_tap=True)
    lead = 0 if bare else max(a.ahead, 0)
    width = a.size if bare else max(lead + (a.size - 1) * a.grain + 1, (read - 1) * a.step + a.tall + lead - a.ahead)
    return Band(nb, rows, _odd(width * nb), nb, a.step * nb, lead, bare=bare)


def _odd(floats: int) -> int:
    """An odd number of whole vectors, by which a vector of columns may begin at any one."""
    return (-(-floats // LANES) + 1 | 1) * LANES


def clear(f: Function, g: Geometry, band: Band, to: Value) -> None:
    """Writes the zeros around what is copied: always the same places, so once is enough."""
    inside = (band.lead * band.nb, (band.lead + g.columns.size) * band.nb) if g.n > 1 else (0, 0)
    for start, stop in ((0, inside[0]), (inside[1], band.row)):
        if stop > start and g.channels * band.rows:
            with f.loop(0, g.channels * band.rows) as line, f.loop(start, stop, LANES) as i:
                f.store(f.zero(), to, line * band.row + i)


def copy(f: Function, g: Geometry, band: Band, x: Value, to: Value, low: Value, high: Value, n0: Index,
         c0: Index) -> None:
    """Copies rows [low, high) of a group's channels from c0 on, and samples from n0 on, to a band."""
    a, n = g.columns, g.n
    with f.loop(0, g.channels) as c, f.loop(low, high) as h:
        source = f.at(x, ((c + c0) * g.rows.size + h) * (a.size * n) + n0)
        target = f.at(to, c * band.plane + (h - low) * band.row)
        if band.by_tap:
            for place in range(a.tall):
                at = place - a.ahead
                first = max(-(at // a.step), 0)
                count = min((a.size - 1 - at) // a.step + 1, a.results) - first
                _line(f, f.at(source, first * a.step + at), a.step, f.at(target, place * band.tap + first), count)
        elif n > 1:
            _samples(f, source, n, f.at(target, band.lead * band.nb), band.nb, a.size)
        elif a.grain > 1:
            with f.loop(0, a.size) as w:
                f.put(f.scalar(source, w), target, w * a.grain + band.lead)
        else:
            _line(f, source, 1, f.at(target, band.lead), a.size)


def _line(f: Function, source: Value, step: int, target: Value, count: int) -> None:
    """Copies floats that lie `step` apart."""
    if count > 0:
        blocks(f, count, LANES, lambda w, lanes: f.store(
            strided(f, f.at(source, w * step), step, lanes), target, w, lanes))


def _samples(f: Function, source: Value, apart: int, target: Value, nb: int, columns: int) -> None:
    """Copies `nb` floats of each of some columns, which lie `apart` in the source; up to four columns at a time."""
    times = next(d for d in (4, 3, 2, 1) if columns % d == 0)
    if columns:
        with f.loop(0, columns, times) as w0:
            for w in (w0 + k for k in range(times)):
                for i in range(0, nb, LANES):
                    f.store(f.load(source, w * apart + i), target, w * nb + i)
