"""Bands as direct convolution reads them, and how a convolution or a gradient is made of convolutions without phases.

With room for many samples the lanes of a vector are samples of one pixel. With room for one they are pixels of one row;
where strides keep these apart, the band holds for each tap of a row what the outputs read through it, side by side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from graphnet.runtime.native.function import Function
from graphnet.runtime.native.geometry import Band, Geometry, copy_band, row_floats
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.values import Index, Value

BAND = 3 << 15
"""Floats that a band may have, if rows have not more: a part of a common second-level cache."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How columns of a band are found.

    Attributes:
        band: the band.
        tap: floats from what an output reads through a tap to the next tap of its row.
        step: from what an output reads to what the next one of its row does.
        raw: the padded rows of which it is made, if it is no copy of the input.
    """

    band: Band
    tap: int
    step: int
    raw: Band | None = None

    def floats(self, channels: int) -> int:
        """What bands of so many channels take."""
        return sum(channels * band.rows * band.row for band in (self.band, self.raw) if band)


def columns(g: Geometry, nb: int, rows: int, by_tap: bool) -> Columns:
    """How columns are found in bands for so many output rows; `by_tap` holds those of each tap side by side."""
    tall = max((rows - 1) * g.strides[0] + g.dilation[0] * (g.kh - 1) + 1, 0)
    wide, across = g.w + max(g.left, 0) + max(g.right, 0), g.strides[1]
    if not by_tap:
        return Columns(Band(nb, tall, row_floats(wide, nb)), g.dilation[1] * nb, across * nb)
    tap = whole_vectors(g.ow)
    reach = (tap + LANES) * across + g.dilation[1] * g.kw
    return Columns(Band(1, tall, row_floats(g.kw * tap, 1)), tap, 1, Band(1, tall, row_floats(max(wide, reach), 1)))


def whole_vectors(count: int) -> int:
    """The floats of the vectors that hold so many."""
    return -(-count // LANES) * LANES


def fill(f: Function, g: Geometry, form: Columns, x: Value, to: Value, n0: Index, h0: Index, rows: Index, c0: Index,
         channels: int) -> None:
    """Fills a band; the arguments are those of `copy_band`."""
    band, raw = form.band, form.raw
    if raw is None:
        copy_band(f, g, band, x, to, n0, h0, rows, c0, channels)
        return
    padded = f.at(to, channels * band.rows * band.row)
    copy_band(f, g, raw, x, padded, n0, h0, rows, c0, channels)
    with (f.loop(0, channels) as c, f.loop(0, rows) as r, f.loop(0, g.kw) as j, f.loop(0, form.tap, LANES) as q):
        line = c * band.rows + r
        source = f.at(padded, line * raw.row + j * g.dilation[1] + q * g.strides[1])
        lanes = f.least(g.ow - q, LANES)
        f.store(f.select(f.mask(lanes), _every(f, source, g.strides[1]), 0.0), to, line * band.row + j * form.tap + q)


def _every(f: Function, pointer: Value, stride: int) -> Value:
    """A vector of floats that lie `stride` apart, by shuffles of what lies there."""
    vector = f.load(pointer)
    for part in range(1, stride):
        begin = part * LANES
        lanes = [LANES + lane * stride - begin if begin <= lane * stride < begin + LANES
                 else (lane * stride % LANES if part == 1 else lane) for lane in range(LANES)]
        vector = f.shuffle(vector, f.load(pointer, begin), lanes)
    return vector


@dataclass(frozen=True, slots=True)
class Place:
    """Where results lie in an output (F, height, width, N): rows top, top + down, …, and columns likewise."""

    height: int
    width: int
    top: int = 0
    left: int = 0
    down: int = 1
    across: int = 1


@dataclass(frozen=True, slots=True)
class Taps:
    """Where weights lie: the offset of the first one, and strides of a group, filter, channel, row and column."""

    first: int
    group: int
    filter: int
    channel: int
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class Part:
    """A convolution that makes an output, or those of its rows and columns that are some strides apart.

    Attributes:
        geometry: its sizes.
        place: where results lie.
        taps: where weights lie.
        window, pace: rows and columns of which only the greatest result is stored, and how far apart such windows are.
    """

    geometry: Geometry
    place: Place
    taps: Taps
    window: tuple[int, int] = (1, 1)
    pace: tuple[int, int] = (1, 1)

    @property
    def outer(self) -> Geometry:
        """How a window reads its input: by one kernel without dilation, at each of whose places there is a tap."""
        g = self.geometry
        kh, kw = (d * (k - 1) + 1 + (size - 1) * s for d, k, size, s in zip(
            g.dilation, (g.kh, g.kw), self.window, g.strides, strict=True))
        strides = g.strides[0] * self.pace[0], g.strides[1] * self.pace[1]
        return replace(g, kh=kh, kw=kw, strides=strides, dilation=(1, 1))

    @property
    def weights(self) -> int:
        """How many weights it takes."""
        g = self.geometry
        return g.f * (g.c // g.groups) * g.kh * g.kw


def forward_part(g: Geometry, window: tuple[int, int] = (1, 1), pace: tuple[int, int] = (1, 1)) -> Part:
    """The convolution itself, or the greatest results of windows that are `pace` apart."""
    kernel, depth = g.kh * g.kw, g.c // g.groups * g.kh * g.kw
    part = Part(g, Place(g.oh, g.ow), Taps(0, g.f // g.groups * depth, depth, kernel, g.kw, 1), window, pace)
    return replace(part, place=Place(part.outer.oh, part.outer.ow))


def gradient_parts(g: Geometry) -> list[Part]:
    """The gradient for the input of a convolution: an element gets what outputs took through each tap.

    With strides s, inputs at distances of s are reached through the same taps, every s / gcd(s, dilation)-th one. So
    each such phase is a convolution of output gradients without strides, by those taps in reverse.
    """
    kernel, depth = g.kh * g.kw, g.c // g.groups * g.kh * g.kw
    parts = []
    for down in _phases(g.h, g.oh, g.top, g.kh, g.strides[0], g.dilation[0]):
        for across in _phases(g.w, g.ow, g.left, g.kw, g.strides[1], g.dilation[1]):
            inner = Geometry(g.n, g.f, g.oh, g.ow, g.c, down.taps, across.taps, down.before, down.after, across.before,
                             across.after, (1, 1), (down.dilation, across.dilation), g.groups)
            place = Place(g.h, g.w, down.first, across.first, *g.strides)
            parts.append(Part(inner, place, Taps(down.tap * g.kw + across.tap, g.f // g.groups * depth, kernel, depth,
                                                 down.apart * g.kw, across.apart)))
    return parts


@dataclass(frozen=True, slots=True)
class _Phase:
    """Inputs first, first + stride, … of an axis: their taps from `tap` on, `apart` from one another, and padding."""

    first: int
    tap: int
    apart: int
    taps: int
    dilation: int
    before: int
    after: int


def _phases(size: int, outputs: int, before: int, taps: int, stride: int, dilation: int) -> list[_Phase]:
    found = []
    apart = stride // math.gcd(stride, dilation)
    for first in range(min(stride, size)):
        here = [tap for tap in range(taps) if (first + before - tap * dilation) % stride == 0]
        tap, inner = (here[-1] if here else 0), apart * dilation // stride
        lead = (tap * dilation - first - before) // stride if here else 0
        count = -(-(size - first) // stride)
        found.append(_Phase(first, tap, -apart, len(here), inner, lead,
                            count - outputs - lead + inner * (len(here) - 1)))
    return found
