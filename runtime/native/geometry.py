"""The sizes of a convolution on images (C, H, W, N), and bands: copies of some of its input rows, padded.

A band makes borders free, and its rows are an odd number of cache lines long, so that equal places of many rows and
channels do not fight for the same sets of a cache, as they do in images whose sizes are powers of two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from graphnet.runtime.native.function import Function, Lanes
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.values import Index, Value

After = Callable[[Value, Index, Index, Lanes], Value]
"""What becomes of a vector of results before it is stored, given its filter, its offset in the output, and how many of
its lanes there are."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """A convolution of images (C, H, W, N) with filters (F, C / groups, KH, KW); results are (F, OH, OW, N).

    Attributes:
        n: samples that there is room for: a multiple of 16, or 1.
        c, h, w: channels, rows and columns of its input.
        f, kh, kw: filters, and their rows and columns.
        top, bottom, left, right: zeros around the input; below 0, rows and columns are left out.
        strides, dilation: down and across.
        groups: parts of the channels, each of which has its own filters.
    """

    n: int
    c: int
    h: int
    w: int
    f: int
    kh: int
    kw: int
    top: int
    bottom: int
    left: int
    right: int
    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def oh(self) -> int:
        """Rows of its output."""
        return (self.h + self.top + self.bottom - self.dilation[0] * (self.kh - 1) - 1) // self.strides[0] + 1

    @property
    def ow(self) -> int:
        """Columns of its output."""
        return (self.w + self.left + self.right - self.dilation[1] * (self.kw - 1) - 1) // self.strides[1] + 1

    def transposed(self) -> Geometry:
        """The convolution of output gradients with flipped filters that gives the gradient for the input.

        Strides must be 1.
        """
        down, across = self.dilation[0] * (self.kh - 1), self.dilation[1] * (self.kw - 1)
        return replace(self, c=self.f, h=self.oh, w=self.ow, f=self.c, top=down - self.top, bottom=down - self.bottom,
                       left=across - self.left, right=across - self.right)


@dataclass(frozen=True, slots=True)
class Band:
    """The form of a band (channels, rows, row).

    Attributes:
        nb: samples: a multiple of 16, or all.
        rows: input rows that it has room for.
        row: floats of one of them, more than those of its columns.
    """

    nb: int
    rows: int
    row: int


def row_floats(columns: int, nb: int) -> int:
    """Floats of a row of a band: an odd number of whole vectors, by which a vector of columns may begin at any one."""
    return (-(-columns * nb // LANES) + 1 | 1) * LANES


def copy_band(f: Function, g: Geometry, band: Band, x: Value, to: Value, n0: Index, h0: Index, rows: Index,
              c0: Index = 0, channels: Index | None = None) -> None:
    """Copies `rows` rows of the padded input from row h0 of the image on, which may lie above it, to a band.

    Args:
        f: the function.
        g: the convolution.
        band: its form.
        x: the images.
        to: where the band lies.
        n0: its first sample.
        h0: the image's row that is its first; in the padding above, less than 0.
        rows: how many are copied.
        c0: its first channel.
        channels: how many it has; all by default.
    """
    nb, skipped, lead = band.nb, max(-g.left, 0), max(g.left, 0)
    columns = max(g.w - skipped - max(-g.right, 0), 0)
    begin, end = lead * nb, (lead + columns) * nb
    with f.loop(0, g.c if channels is None else channels) as c, f.loop(0, rows) as r:
        line, h = f.at(to, (c * band.rows + r) * band.row), r + h0
        _clear(f, line, 0, -(-begin // LANES) * LANES)
        _clear(f, line, end // LANES * LANES, band.row)
        padded = g.top > 0 or g.bottom > 0
        with f.when(f.compare("ult", h, g.h) if padded else True):
            source = f.at(x, ((c + c0) * g.h + h) * (g.w * g.n) + skipped * g.n + n0)
            _copy(f, source, g.n, f.at(line, begin), nb, columns)
            if rest := columns * nb % LANES:
                f.store(f.load(source, columns * nb - rest, rest), line, end - rest, rest)
        with f.when(f.compare("uge", h, g.h) if padded else False):
            _clear(f, line, 0, band.row)


def _clear(f: Function, line: Value, start: int, stop: int) -> None:
    with _few(f, start, stop, LANES) as places:
        for i in places:
            f.store(f.zero(), line, i)


def _copy(f: Function, source: Value, apart: int, target: Value, nb: int, columns: int) -> None:
    """Copies `nb` floats of each of some columns, which lie `apart` in the source."""
    if apart == nb:
        apart, nb, columns = LANES, LANES, columns * nb // LANES
    with _few(f, 0, columns, 1) as places:
        for w in places:
            for i in range(0, nb, LANES):
                f.store(f.load(source, w * apart + i), target, w * nb + i)


@contextmanager
def _few(f: Function, start: int, stop: int, step: int) -> Iterator[list[Value]]:
    """A loop that goes up to four steps at a time, and does not exist without any: short ones are mispredicted."""
    count = max(stop - start, 0) // step
    if not count:
        yield []
        return
    times = next((d for d in (4, 3, 2) if count % d == 0), 1)
    with f.loop(start, start + count * step, times * step) as i:
        yield [i + k * step for k in range(times)]
