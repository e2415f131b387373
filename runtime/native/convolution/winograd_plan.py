"""How Winograd's convolutions are cut, and where they pay: by sizes alone, so bits are the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.native.convolution.bands import whole_vectors
from graphnet.runtime.native.convolution.geometry import Geometry
from graphnet.runtime.native.convolution.winograd_transforms import TAPS, Algorithm

VECTORS = 8
"""Of tiles in a band, at most, if a line has not more: points of a band and their products stay in a cache."""
SAMPLES = 4 * LANES
"""Of a line, at most: they lie side by side in memory."""
APART = 8
"""Bands from which on threads do bands of their own."""
GAIN = 1.1
"""How many times less than direct sums a convolution must cost to be done so."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the tiles of a convolution are cut.

    A line is a part of a row of tiles, of some samples; some lines are a band. First come the lines of other samples,
    then those to the right, then those below.

    Attributes:
        down, across: tiles of an image.
        line: tiles of a line.
        samples: of a line: a multiple of 16, which are the lanes, or 1. Then the lanes are tiles of its band.
        lines: of a band; the last one may have fewer.
    """

    algorithm: Algorithm
    g: Geometry
    down: int
    across: int
    line: int
    samples: int
    lines: int

    @property
    def by_tile(self) -> bool:
        """Whether the lanes are tiles."""
        return self.samples == 1

    @property
    def squares(self) -> int:
        """Points of a tile."""
        return self.algorithm.points ** 2

    @property
    def parts(self) -> int:
        """Lines of a row of tiles."""
        return ceil(self.across / self.line)

    @property
    def total(self) -> int:
        """Lines in all."""
        return self.g.n // self.samples * self.down * self.parts

    @property
    def bands(self) -> int:
        """Bands in all."""
        return ceil(self.total / self.lines)

    @property
    def vectors(self) -> int:
        """Vectors of tiles in a band."""
        return ceil(self.lines * self.line * self.samples / LANES)

    @property
    def together(self) -> bool:
        """Whether threads do each band together."""
        return self.bands < APART

    @property
    def row(self) -> int:
        """Floats of a row of pixels of a line."""
        m = self.algorithm.tile
        if self.by_tile:
            return (ceil(self.line / LANES) * m + 2) * LANES
        return ((self.line - 1) * m + self.algorithm.points) * self.samples + LANES

    @property
    def plane(self) -> int:
        """Floats of one pixel of all tiles of a band, if the lanes are tiles."""
        return (self.vectors + 1) * LANES

    def pitch(self, channels: int) -> int:
        """Floats of one point of a band: no power of two, as those fight for the same sets of a cache."""
        return (channels * self.vectors + 1) * LANES

    @property
    def own(self) -> int:
        """Floats that each thread has for itself to transform: zeros, a tile, a line, planes of a band."""
        return (1 + self.squares) * LANES + self.algorithm.points * self.row + self.squares * self.plane * self.by_tile

    @property
    def filter_pitch(self) -> int:
        """Floats of one point of all filters, in groups of 16."""
        return (ceil(self.g.f / LANES) * self.g.c + 1) * LANES

    @property
    def wide(self) -> int:
        """Channels, as a multiple of 16."""
        return whole_vectors(self.g.c)

    @property
    def sum_pitch(self) -> int:
        """Floats of one point of the gradients of all filters."""
        return self.g.f * self.wide + LANES

    @property
    def scratch(self) -> int:
        """Floats that each thread needs for a convolution."""
        return self.own + self.squares * (self.pitch(self.g.c) + self.pitch(self.g.f))

    @property
    def weight_scratch(self) -> int:
        """Floats that each thread needs for the gradient for the weights."""
        return self.scratch + self.vectors * LANES * self.wide + self.squares * self.sum_pitch

    @property
    def prepared(self) -> int:
        """Floats of the points of the filters."""
        return self.squares * self.filter_pitch

    @property
    def gain(self) -> float:
        """How many times less it costs than direct sums, by estimate.

        The unit is a product of two vectors. Weights, or points of filters, cost one each when they are read from
        memory, once or once a band; transforms of a point of a channel or filter twice as many as a tile has in a row.
        """
        g, points, results = self.g, self.algorithm.points, self.g.columns.results * self.g.columns.window
        vectors = self.bands * self.vectors if self.by_tile else self.total * self.line * self.samples // LANES
        pixels = g.rows.results * g.rows.window * (ceil(results / LANES) if self.by_tile else results * g.n // LANES)
        products, transforms = g.c * g.f, 2 * points * (g.c + g.f)
        return TAPS ** 2 * (pixels + 1) * products / (
            points ** 2 * (vectors * (products + transforms) + self.bands * products))


def plan_of(algorithm: Algorithm, g: Geometry) -> Plan:
    """Bands of nearly equal size."""
    m, blocks = algorithm.tile, g.n // LANES
    down, across = (ceil(a.results * a.window / m) for a in (g.rows, g.columns))
    samples = max(s for s in range(LANES, SAMPLES + 1, LANES) if g.n % s == 0) if blocks else 1
    most = VECTORS * LANES // samples
    line = _even(across, most) if blocks else across
    lines = _even(g.n // samples * down * ceil(across / line), max(1, most // line))
    return Plan(algorithm, g, down, across, line, samples, lines)


def _even(total: int, most: int) -> int:
    return ceil(total / ceil(total / most))


def best_plan(algorithms: Sequence[Algorithm], g: Geometry) -> Plan | None:
    """By the algorithm that gains most; None if direct sums cost less, or it cannot be done so."""
    sides, many = (g.rows, g.columns), g.n == 1 or g.n % LANES == 0
    if g.groups > 1 or any((a.taps, a.stride, a.dilation) != (TAPS, 1, 1) for a in sides) or not many:
        return None
    if min(g.n, g.c, g.f, *(size for a in sides for size in (a.size, a.results))) < 1:
        return None
    windows = {size for a in sides for size in (a.window, a.pace)}
    plans = [plan_of(a, g) for a in algorithms if len(windows) == 1 and a.tile % max(windows) == 0]
    found = max(plans, key=lambda plan: plan.gain, default=None)
    return found if found and found.gain > GAIN else None


def register_tile(vectors: int, machine: Machine) -> tuple[int, int]:
    """Rows and vectors of the tile of products; rows divide the 16 filters of a group."""
    if machine.vectors < 32:
        return 4, 1
    return (16, 1) if vectors % 2 else (8, 2)
