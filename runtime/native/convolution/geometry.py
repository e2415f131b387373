"""The sizes of a convolution, of its gradient for images, and of maxima over windows of its results, axis by axis."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import Index, Value


@dataclass(frozen=True, slots=True)
class Axis:
    """Rows or columns. Result r reads place r · stride + tap · dilation − before of the images.

    Going back, it reads (r + before − tap · dilation) / stride where that is a place: so it is with gradients.

    Attributes:
        size: places.
        results: how many are stored: of each window of results, `pace` apart, the greatest.
    """

    size: int
    results: int
    taps: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    back: bool = False
    window: int = 1
    pace: int = 1

    @property
    def span(self) -> int:
        """From a result's first place to its last, in places that are stride apart if it goes back."""
        return self.dilation * (self.taps - 1)

    @property
    def ahead(self) -> int:
        """How far in front of the images the first result begins to read, in such places."""
        return self.span - self.before if self.back else self.before

    @property
    def tall(self) -> int:
        """Such places that one stored result reads."""
        return self.span + 1 + (self.window - 1) * self.stride

    @property
    def step(self) -> int:
        """Such places from a stored result to the next."""
        return 1 if self.back else self.stride * self.pace

    @property
    def grain(self) -> int:
        """Such places that a place is."""
        return self.stride if self.back else 1

    @property
    def every(self) -> int:
        """From a tap that reads a place to the next that does."""
        return self.stride // gcd(self.stride, self.dilation) if self.back else 1

    @property
    def apart(self) -> int:
        """From the place that it reads to the next one's."""
        return -self.dilation // gcd(self.stride, self.dilation) if self.back else self.dilation

    def most(self, results: int) -> int:
        """Places that so many stored results read at most."""
        return min(((results - 1) * self.step + self.tall - 1) // self.grain + 1, self.size)

    def reach(self, f: Function, first: Index, end: Index) -> tuple[Value, Value]:
        """The places [low, high) that the stored results [first, end) read."""
        low = f.most(f.constant(first) * self.step - self.ahead + (self.grain - 1), 0)
        high = f.most(f.constant(end) * self.step + (self.tall - 1 - self.ahead - self.step + self.grain), 0)
        return low // self.grain, f.least(high // self.grain, self.size)

    def through(self, f: Function, result: Index) -> tuple[Value, Value, Value]:
        """The first tap by which a result reads a place, how many do, and that place; `every` and `apart` lead on."""
        d, s, taps = self.dilation, self.stride, self.taps
        if not self.back:
            at = f.constant(result) * s - self.before
            if self.before <= 0 and ((self.results - 1) * self.pace + self.window - 1) * s + self.span < self.size:
                return f.constant(0), f.constant(taps), at
            first = (f.most(0 - at, 0) + (d - 1)) // d
            return first, f.least((f.most(self.size - at, 0) + (d - 1)) // d, taps) - first, at + first * d
        at, common = f.constant(result) + self.before, gcd(s, d)
        first, end = f.most(at - (self.size * s - d), 0) // d, f.least(at // d + 1, taps)
        if self.every > 1:  # taps t with t · dilation = at, modulo stride
            tap = at // common * pow(d // common, -1, self.every)
            first += (tap + first * (self.every - 1)) % self.every
        count = f.most(end - first + (self.every - 1), 0) // self.every
        if common > 1:
            count = f.select(f.compare("eq", at % common, 0), count, 0)
        return first, count, (at - first * d) // s

    def readers(self, f: Function, tap: Index, first: Index, end: Index) -> tuple[Value, Value]:
        """Of results [first, end), those [low, high) that read a place through a tap; not going back."""
        at = self.before - f.constant(tap) * self.dilation
        low = f.most(f.most(at + (self.stride - 1), 0) // self.stride, first)
        return low, f.least(f.most(at + (self.size + self.stride - 1), 0) // self.stride, end)


@dataclass(frozen=True, slots=True)
class Geometry:
    """A convolution of images (C, H, W, N) with filters (F, C / groups, KH, KW); results are (F, OH, OW, N).

    Going back, images are gradients for results, and filters (C, F / groups, KH, KW).

    Attributes:
        n: samples that there is room for: a multiple of 16, or 1.
        c, f: channels and filters.
        groups: parts of the channels, each of which has its own filters.
    """

    n: int
    c: int
    f: int
    rows: Axis
    columns: Axis
    groups: int = 1

    @property
    def channels(self) -> int:
        """Channels of a group."""
        return self.c // self.groups

    @property
    def filters(self) -> int:
        """Filters of a group."""
        return self.f // self.groups

    @property
    def taps(self) -> int:
        """Weights of a filter for a channel."""
        return self.rows.taps * self.columns.taps
