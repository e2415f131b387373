"""How Winograd's convolutions are cut, and where they pay: by sizes alone, so bits are the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from graphnet.runtime.native.geometry import Geometry
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.winograd_transforms import TAPS, Algorithm

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
        algorithm: the tiles.
        g: the convolution.
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
        points = self.algorithm.points
        return (1 + points ** 2) * LANES + points * self.row + points ** 2 * self.plane * self.by_tile

    @property
    def filter_pitch(self) -> int:
        """Floats of one point of all filters, in groups of 16."""
        return (ceil(self.g.f / LANES) * self.g.c + 1) * LANES

    @property
    def wide(self) -> int:
        """Channels, as a multiple of 16."""
        return ceil(self.g.c / LANES) * LANES

    @property
    def sum_pitch(self) -> int:
        """Floats of one point of the gradients of all filters."""
        return self.g.f * self.wide + LANES


def plan_of(algorithm: Algorithm, g: Geometry) -> Plan:
    """Bands of nearly equal size."""
    m, blocks = algorithm.tile, g.n // LANES
    down, across = ceil(g.rows.results / m), ceil(g.columns.results / m)
    samples = max(s for s in range(LANES, SAMPLES + 1, LANES) if g.n % s == 0) if blocks else 1
    most = VECTORS * LANES // samples
    line = _even(across, most) if blocks else across
    lines = _even(g.n // samples * down * ceil(across / line), max(1, most // line))
    return Plan(algorithm, g, down, across, line, samples, lines)


def _even(total: int, most: int) -> int:
    return ceil(total / ceil(total / most))


def register_tile(vectors: int, machine: Machine) -> tuple[int, int]:
    """Rows and vectors of the tile of products; rows divide the 16 filters of a group."""
    if machine.vectors < 32:
        return 4, 1
    return (16, 1) if vectors % 2 else (8, 2)


def gain(algorithm: Algorithm, g: Geometry) -> float:
    """How many times less a convolution costs than direct sums, by estimate; 0 if it cannot be done so.

    The unit is a product of two vectors. Weights, or points of filters, cost one each when they are read from memory,
    once or once a band; transforms of a point of one channel or filter twice as many as a tile has points in a row.
    """
    sides, sizes = (g.rows, g.columns), (g.n, g.c, g.f, *(size for a in (g.rows, g.columns) for size in (a.size, a.results)))
    form = all((a.taps, a.stride, a.dilation) == (TAPS, 1, 1) for a in sides) and g.groups == 1
    if not form or min(sizes) < 1 or (g.n > 1 and g.n % LANES):
        return 0
    plan = plan_of(algorithm, g)
    vectors = plan.bands * plan.vectors if plan.by_tile else plan.total * plan.line * plan.samples // LANES
    pixels = g.rows.results * (ceil(g.columns.results / LANES) if plan.by_tile else g.columns.results * g.n // LANES)
    products, transforms = g.c * g.f, 2 * algorithm.points * (g.c + g.f)
    cost = algorithm.points ** 2 * (vectors * (products + transforms) + plan.bands * products)
    return TAPS ** 2 * (pixels + 1) * products / cost


def fits(algorithm: Algorithm, g: Geometry) -> bool:
    """Whether a convolution, or the gradient for its weights, can be done so, and faster than by direct sums."""
    return gain(algorithm, g) > GAIN


def scratch(algorithm: Algorithm, g: Geometry) -> int:
    """Floats that each thread needs for a convolution."""
    plan = plan_of(algorithm, g)
    return plan.own + algorithm.points ** 2 * (plan.pitch(g.c) + plan.pitch(g.f))


def weight_scratch(algorithm: Algorithm, g: Geometry) -> int:
    """Floats that each thread needs for the gradient for the weights."""
    plan = plan_of(algorithm, g)
    return (plan.own + plan.vectors * LANES * plan.wide
            + algorithm.points ** 2 * (plan.pitch(g.c) + plan.pitch(g.f) + plan.sum_pitch))


def prepared(algorithm: Algorithm, g: Geometry) -> int:
    """Floats of the points of the filters."""
    return algorithm.points ** 2 * plan_of(algorithm, g).filter_pitch
