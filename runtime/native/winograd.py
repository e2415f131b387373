"""Winograd's convolutions 3 × 3 of stride 1 on images (C, H, W, N): forward, for the input and for the weights.

Tiles of results are cut from the output. To a vector of tiles belong 16 samples of one tile or, for one sample, 16
tiles that follow each other. Their pixels become points, points of all channels are multiplied by those of the filters,
which `prepare` has made, by the one micro-kernel, and the products become results. That is done for a band of tiles at a
time, so that what lies between stays in a cache. No sum depends on how tiles are cut to bands.

Bands are shared out to threads. Where there are few, threads do all of them together: channels, then points, then
filters are shared out, in memory that belongs to the first thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from graphnet.runtime.native.contract import K, blocks, contract
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.geometry import After, Geometry
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.turning import turn
from graphnet.runtime.native.values import Index, Value
from graphnet.runtime.native.winograd_transforms import TAPS, Algorithm, Transform

VECTORS = 8
"""Of tiles in a band, at most."""
APART = 8
"""Bands from which on each thread does bands of its own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the tiles of a convolution are cut.

    A line is a part of a row of tiles; lines of one block of 16 samples follow each other from above. Some lines are a
    band.

    Attributes:
        algorithm: the tiles.
        g: the convolution.
        down, across: tiles of an image.
        line: tiles of a line.
        lines: in a band, of which the last may have fewer.
        vectors: of tiles in a band.
    """

    algorithm: Algorithm
    g: Geometry
    down: int
    across: int
    line: int
    lines: int
    vectors: int

    @property
    def by_tile(self) -> bool:
        """Whether the lanes are tiles of one image, not samples."""
        return self.g.n == 1

    @property
    def parts(self) -> int:
        """Lines of a row of tiles."""
        return ceil(self.across / self.line)

    @property
    def total(self) -> int:
        """Lines in all."""
        return ceil(self.g.n / LANES) * self.down * self.parts

    @property
    def bands(self) -> int:
        """Bands in all."""
        return ceil(self.total / self.lines)

    @property
    def together(self) -> bool:
        """Whether threads do each band together."""
        return self.bands < APART

    @property
    def row(self) -> int:
        """Floats of a row of a strip."""
        m, points = self.algorithm.tile, self.algorithm.points
        if self.by_tile:
            return (ceil(self.line / LANES) * m + 2) * LANES
        return ((self.line - 1) * m + points | 1) * LANES

    @property
    def plane(self) -> int:
        """Floats of one pixel of all tiles of a band, where the lanes are tiles."""
        return (self.vectors + 1) * LANES

    def pitch(self, channels: int) -> int:
        """Floats of one point of all tiles of a band: not a power of two."""
        return (channels * self.vectors + 1) * LANES

    def own(self) -> int:
        """Floats that each thread has for itself: zeros, half transformed tiles, strips and planes."""
        points = self.algorithm.points
        return (1 + points ** 2) * LANES + points * self.row + points ** 2 * self.plane * self.by_tile

    def place(self, line: Value) -> tuple[Index, Index, Index]:
        """First sample, row of tiles, and part of it of a line."""
        return (line // (self.down * self.parts) * LANES if self.g.n > LANES else 0,
                line // self.parts % self.down if self.down > 1 else 0, line % self.parts if self.parts > 1 else 0)


def plan_of(algorithm: Algorithm, g: Geometry, machine: Machine) -> Plan:
    """Bands of nearly equal size."""
    down, across = ceil(g.oh / algorithm.tile), ceil(g.ow / algorithm.tile)
    line = across if g.n == 1 else _even(across, VECTORS)
    most = VECTORS * LANES if g.n == 1 else VECTORS
    lines = _even(ceil(g.n / LANES) * down * ceil(across / line), max(1, most // line))
    vectors = ceil(lines * line / LANES) if g.n == 1 else lines * line
    _, columns = register_tile(g.f, vectors, machine)
    return Plan(algorithm, g, down, across, line, lines, ceil(vectors / columns) * columns)


def _even(total: int, most: int) -> int:
    return ceil(total / ceil(total / most))


def register_tile(rows: int, vectors: int, machine: Machine) -> tuple[int, int]:
    """Rows and vectors of the register tile that takes the least time: a tile of few sums waits for its results."""
    def time(r: int, v: int) -> float:
        return max(r * v, 4) + 0.4

    def whole(tile: tuple[int, int]) -> tuple[float, int]:
        (r, v), rest = tile, rows % tile[0]
        return (rows // r * time(r, v) + (time(rest, v) if rest else 0)) * ceil(vectors / v), -r * v
    most = machine.vectors - 2
    return min(((r, v) for v in (1, 2) for r in range(1, min(rows, most) + 1) if r * v + v + 1 <= machine.vectors),
               key=whole)


def fits(algorithm: Algorithm, g: Geometry, machine: Machine) -> bool:
    """Whether a convolution can be done so, and faster than by direct sums."""
    if (g.kh, g.kw, g.strides, g.dilation, g.groups) != (TAPS, TAPS, (1, 1), (1, 1), 1) or min(g.oh, g.ow, g.n) < 1:
        return False
    return (g.n == 1 or g.n % LANES == 0) and min(g.c, g.f) >= 8


def scratch(algorithm: Algorithm, g: Geometry, machine: Machine) -> int:
    """Floats that each thread needs for `conv`."""
    plan = plan_of(algorithm, g, machine)
    return plan.own() + algorithm.points ** 2 * (plan.pitch(g.c) + plan.pitch(g.f))


def prepared(algorithm: Algorithm, g: Geometry) -> int:
    """Floats of the points of the filters."""
    return algorithm.points ** 2 * _filter_pitch(g)


def _filter_pitch(g: Geometry) -> int:
    return (ceil(g.c * g.f / LANES) + 1) * LANES


# Transforms ------------------------------------------------------------------------------------------------------------


def _halfway(f: Function, apply: Transform, size: int, load: Callable[[int, Value], Value], temporary: Value) -> None:
    """Transforms the columns of a square; `load(i, j)` gives its vectors."""
    with f.loop(0, size) as j:
        for i, value in enumerate(apply(f, [load(i, j) for i in range(size)])):
            f.store(value, temporary, (j + i * size) * LANES)


def _row(f: Function, apply: Transform, size: int, temporary: Value, i: Index) -> list[Value]:
    """Row i of the square that `_halfway` left, transformed."""
    line = f.at(temporary, i * (size * LANES))
    return apply(f, [f.load(line, j * LANES) for j in range(size)])


def prepare(f: Function, algorithm: Algorithm, g: Geometry, w: Value, to: Value, temporary: Value, *,
            transposed: bool = False) -> None:
    """Writes the points of the filters, (point, channel, filter).

    Args:
        f: the function.
        algorithm: the tiles.
        g: the convolution; if `transposed`, the one that gives the gradient for the input.
        w: weights (F, C, 3, 3); if transposed, those of the convolution that went forward.
        to: where they go.
        temporary: 18 vectors of this thread's own.
        transposed: flips filters, and takes them for channels.
    """
    taps, points, pitch = TAPS ** 2, algorithm.points, _filter_pitch(g)
    filters, channels = (taps, g.f * taps) if transposed else (g.c * taps, taps)
    first, sign = (taps - 1, -1) if transposed else (0, 1)
    with f.loop(*f.share(g.c)) as c:
        def some(f0: Index, count: int) -> None:
            source = f.at(w, c * channels + f0 * filters + first)
            target = f.at(to, c * g.f + f0)
            _halfway(f, algorithm.filter, TAPS, lambda i, j: f.gather(f.at(source, (j + i * TAPS) * sign), filters, count),
                     temporary)
            with f.loop(0, points) as i:
                for j, value in enumerate(_row(f, algorithm.filter, TAPS, temporary, i)):
                    f.store(value, target, i * (points * pitch) + j * pitch, count)
        blocks(f, g.f, LANES, some)


@dataclass(frozen=True, slots=True)
class _Image:
    """Pixels (channels, h, w, N) that are transformed by tiles of `size` × `size`; above and left of them lie zeros."""

    apply: Transform
    size: int
    channels: int
    h: int
    w: int
    top: int = 0
    left: int = 0


def _input(plan: Plan) -> _Image:
    g = plan.g
    return _Image(plan.algorithm.image, plan.algorithm.points, g.c, g.h, g.w, g.top, g.left)


def _gradient(plan: Plan) -> _Image:
    return _Image(plan.algorithm.from_output, plan.algorithm.tile, plan.g.f, plan.g.oh, plan.g.ow)


def _transform(f: Function, plan: Plan, image: _Image, x: Value, to: Value, own: Value, first: Index, lines: Index,
               channels: tuple[Index, Index]) -> None:
    """Writes the points of the tiles of some lines, (point, channel, tile), for some channels."""
    points, size, pitch = plan.algorithm.points, image.size, plan.pitch(image.channels)
    strip = f.at(own, (1 + points ** 2) * LANES)
    planes = f.at(strip, points * plan.row)

    def tiles(source: Value, down: int, across: int, target: Value) -> None:
        with f.loop(0, points) as i:
            line, to = f.at(source, i * down), f.at(target, i * (points * pitch))
            for j, value in enumerate(image.apply(f, [f.load(line, j * across) for j in range(size)])):
                f.store(value, to, j * pitch)

    with f.loop(*channels) as c:
        target = f.at(to, c * (plan.vectors * LANES))
        with f.loop(0, lines) as i:
            _columns(f, plan, image, f.at(x, c * (image.h * image.w * plan.g.n)), strip, own, first + i)
            if plan.by_tile:
                _spread(f, plan, size, strip, f.at(planes, i * plan.line))
            else:
                with f.loop(0, plan.line) as k:
                    tiles(f.at(strip, k * (plan.algorithm.tile * LANES)), plan.row, LANES,
                          f.at(target, (i * plan.line + k) * LANES))
        if plan.by_tile:
            with f.loop(0, _vectors(f, plan, lines)) as v:
                tiles(f.at(planes, v * LANES), size * plan.plane, plan.plane, f.at(target, v * LANES))


def _columns(f: Function, plan: Plan, image: _Image, x: Value, strip: Value, zeros: Value, line: Value) -> None:
    """Transforms the columns of pixels of a line to a strip of as many columns of points; beside the image they are 0."""
    g, m, unit = plan.g, plan.algorithm.tile, 1 if plan.by_tile else LANES
    columns = (plan.line - 1) * m + image.size
    n0, row, part = plan.place(line)
    h0, w0 = row * m - image.top, part * (plan.line * m) - image.left
    start, stop = f.most(w0 * -1, 0), f.least(image.w - w0, columns)
    source = f.at(x, (h0 * image.w + w0) * g.n + n0)
    rows = [(f.at(source, i * image.w * g.n), f.compare("ult", h0 + i, image.h)) for i in range(image.size)]
    for lo, hi in ((0, start * unit), (stop * unit, columns * unit)):
        _clear(f, strip, plan.row, plan.algorithm.points, lo, hi)

    def column(w: Index, lanes: int | None = None) -> None:
        pixels = [f.load(f.select(inside, f.at(pointer, w * g.n), zeros), 0, lanes) for pointer, inside in rows]
        for i, value in enumerate(image.apply(f, pixels)):
            f.store(value, strip, w * unit + i * plan.row)
    if plan.by_tile and start.known is not None and stop.known is not None:
        begin = start.known
        blocks(f, max(stop.known - begin, 0), LANES, lambda w, lanes: column(w + begin, lanes))
        return
    with f.loop(start, stop) as w:
        column(w)


def _clear(f: Function, to: Value, row: int, rows: int, start: Index, stop: Index) -> None:
    """Writes vectors of 0 from `start` on until `stop` is reached, in each row."""
    if f.constant(start).known == f.constant(stop).known is not None:
        return
    with f.loop(0, rows) as i, f.loop(start, stop, LANES) as e:
        f.store(f.zero(), to, i * row + e)


def _vectors(f: Function, plan: Plan, lines: Index) -> Index:
    """Vectors of the tiles of some lines."""
    tiles = f.constant(lines) * plan.line
    return (tiles + (LANES - 1)) // LANES if plan.by_tile else tiles


def _spread(f: Function, plan: Plan, size: int, strip: Value, planes: Value) -> None:
    """Sorts the columns of a strip by their place in a tile. What lies behind its tiles is overwritten by the next."""
    m = plan.algorithm.tile
    with f.loop(0, plan.algorithm.points) as i, f.loop(0, ceil(plan.line / LANES)) as chunk:
        for j in range(size):
            source = f.at(strip, i * plan.row + chunk * (m * LANES) + j)
            parts = [f.load(source, q * LANES) for q in range(min(m, ceil(plan.line * m / LANES)))]
            f.store(_every(f, (parts * m)[:m]), planes, (i * size + j) * plan.plane + chunk * LANES)


def _every(f: Function, parts: list[Value]) -> Value:
    """Of 2, 4, … vectors on end every 2nd, 4th, … lane."""
    while len(parts) > 1:
        parts = [f.shuffle(a, b, range(0, 2 * LANES, 2)) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _weave(f: Function, parts: list[Value]) -> list[Value]:
    """The other way: lane 0 of each vector, then lane 1 of each, …"""
    if len(parts) == 1:
        return parts
    halves = range(LANES // 2), range(LANES // 2, LANES)
    return [f.shuffle(a, b, [lane for i in half for lane in (i, LANES + i)])
            for a, b in zip(_weave(f, parts[::2]), _weave(f, parts[1::2]), strict=True) for half in halves]


# Products --------------------------------------------------------------------------------------------------------------


def _multiply(f: Function, plan: Plan, filters: Value, pixels: Value, to: Value, lines: Index,
              points: tuple[Index, Index]) -> None:
    """Writes products summed over channels, (point, filter, tile), for some points."""
    g, row = plan.g, plan.vectors * LANES
    rows, columns = register_tile(g.f, plan.vectors, f.machine)
    with f.loop(*points) as point:
        u, v, m = f.at(filters, point * _filter_pitch(g)), f.at(pixels, point * plan.pitch(g.c)), f.at(
            to, point * plan.pitch(g.f))

        def some(f0: Index, count: int) -> None:
            with f.loop(0, _vectors(f, plan, lines), columns) as k:
                tile = contract(f, f.at(u, f0), range(count), f.at(v, k * LANES),
                                [(i * LANES, None) for i in range(columns)], [K(g.c, g.f, row)])
                target = f.at(m, f0 * row + k * LANES)
                for r, line in enumerate(tile):
                    for i, value in enumerate(line):
                        f.store(value, target, r * row + i * LANES)
        blocks(f, g.f, rows, some)


# Results ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outlet:
    """What is stored of the results: all of them, or one for some.

    Attributes:
        every: it stores one for so many rows and columns of results.
        join: what it stores for that many rows of a tile.
    """

    every: int
    join: Callable[[Function, Sequence[list[Value]]], list[Value]]


WHOLE = Outlet(1, lambda f, rows: rows[0])
"""All results."""


def _finish(f: Function, plan: Plan, outlet: Outlet, products: Value, y: Value, own: Value, tail: After, first: Index,
            lines: Index, filters: tuple[Index, Index]) -> None:
    """Writes the results of some filters for the tiles of some lines."""
    points, unit, pitch = plan.algorithm.points, plan.algorithm.tile // outlet.every, plan.pitch(plan.g.f)
    height, width = plan.g.oh // outlet.every, plan.g.ow // outlet.every
    missing = plan.across * unit - width
    temporary = f.at(own, LANES)
    planes = f.at(temporary, points ** 2 * LANES + points * plan.row)

    def half(filter: Value, v: Index) -> None:
        source = f.at(products, (filter * plan.vectors + v) * LANES)
        _halfway(f, plan.algorithm.output, points, lambda i, j: f.load(source, (j + i * points) * pitch), temporary)

    def row(r: Value) -> list[Value]:
        return outlet.join(f, [_row(f, plan.algorithm.output, points, temporary, r * outlet.every + i)
                               for i in range(outlet.every)])

    def tiles(filter: Value, i: Value) -> None:
        """Stores the tiles of line i, whose lanes are samples."""
        n0, above, part = plan.place(first + i)
        with f.loop(0, f.least(plan.line, plan.across - part * plan.line)) as k:
            half(filter, i * plan.line + k)
            w = (part * plan.line + k) * unit
            with f.loop(0, f.least(unit, height - above * unit)) as r:
                at = ((filter * height + above * unit + r) * width + w) * plan.g.n + n0
                for j, value in enumerate(row(r)):
                    with f.when(True if j < unit - missing else f.compare("slt", w + j, width)):
                        offset = at + j * plan.g.n
                        f.store(tail(value, filter, offset, None), y, offset)

    def woven(filter: Value, i: Value) -> None:
        """Stores the tiles of line i, whose lanes are tiles, from the planes."""
        _, above, _ = plan.place(first + i)
        with f.loop(0, f.least(unit, height - above * unit)) as r:
            at = (filter * height + above * unit + r) * width

            def chunk(w: Index, count: int) -> None:
                source = f.at(planes, i * plan.line + f.constant(w) // unit)
                parts = [f.load(source, (r * unit + j) * plan.plane) for j in range(unit)]
                for q, value in enumerate(_weave(f, parts)[:ceil(count / LANES)]):
                    offset, lanes = at + w + q * LANES, min(LANES, count - q * LANES)
                    f.store(tail(value, filter, offset, lanes), y, offset, lanes)
            blocks(f, width, unit * LANES, chunk)

    with f.loop(*filters) as filter:
        if plan.by_tile:
            with f.loop(0, _vectors(f, plan, lines)) as v:
                half(filter, v)
                with f.loop(0, unit) as r:
                    for j, value in enumerate(row(r)):
                        f.store(value, planes, (r * unit + j) * plan.plane + v * LANES)
        with f.loop(0, lines) as i:
            (woven if plan.by_tile else tiles)(filter, i)


# Kernels ---------------------------------------------------------------------------------------------------------------


def _lines(f: Function, plan: Plan, band: Value) -> tuple[Index, Index]:
    """The first line of a band, and how many it has."""
    first = band * plan.lines
    return first, f.least(plan.lines, plan.total - first) if plan.total % plan.lines else plan.lines


def conv(f: Function, algorithm: Algorithm, g: Geometry, x: Value, y: Value, scratch: Value, tail: After,
         prepared: Value, outlet: Outlet = WHOLE) -> None:
    """y = tail(convolution of x with the filters that `prepare` has made).

    Args:
        f: the kernel.
        algorithm: the tiles.
        g: the convolution.
        x: images (C, H, W, N).
        y: results (F, OH, OW, N).
        scratch: this thread's own memory, as much as `scratch` says.
        tail: what becomes of results before they are stored.
        prepared: the points of the filters.
        outlet: what is stored of the results; `y` has its size.
    """
    plan = plan_of(algorithm, g, f.machine)

    def part(count: int) -> tuple[Index, Index]:
        return f.share(count) if plan.together else (0, count)
    shared = f.at(f.of_first(scratch) if plan.together else scratch, plan.own())
    pixels, products = shared, f.at(shared, algorithm.points ** 2 * plan.pitch(g.c))
    f.store(f.zero(), scratch)
    with f.loop(*((0, plan.bands) if plan.together else f.share(plan.bands))) as band:
        first, lines = _lines(f, plan, band)
        _transform(f, plan, _input(plan), x, pixels, scratch, first, lines, part(g.c))
        if plan.together:
            f.meet()
        _multiply(f, plan, prepared, pixels, products, lines, part(algorithm.points ** 2))
        if plan.together:
            f.meet()
        _finish(f, plan, outlet, products, y, scratch, tail, first, lines, part(g.f))


def _accumulated(g: Geometry) -> tuple[int, int]:
    """Floats of a filter's channels, and of a point, in the sums of `weight_gradient`."""
    channels = ceil(g.c / LANES) * LANES
    return channels, g.f * channels + LANES


def weight_scratch(algorithm: Algorithm, g: Geometry, machine: Machine) -> int:
    """Floats that each thread needs for `weight_gradient`."""
    plan, (channels, pitch) = plan_of(algorithm, g, machine), _accumulated(g)
    return (plan.own() + plan.vectors * LANES * channels
            + algorithm.points ** 2 * (plan.pitch(g.c) + plan.pitch(g.f) + pitch))


def weight_gradient(f: Function, algorithm: Algorithm, g: Geometry, x: Value, dy: Value, dw: Value,
                    scratch: Value) -> None:
    """Adds the gradient for the weights of the convolution `g` to what earlier blocks left in `dw`.

    Each point of the gradient is summed over samples, rows and columns of tiles in this order: 16 samples, then the
    tiles of their images, then the next. Threads share out channels and filters, then points.
    """
    plan, (wide, pitch) = plan_of(algorithm, g, f.machine), _accumulated(g)
    points, squares = algorithm.points, algorithm.points ** 2
    shared, turned = f.at(f.of_first(scratch), plan.own() + plan.vectors * LANES * wide), f.at(scratch, plan.own())
    pixels, gradients = shared, f.at(shared, squares * plan.pitch(g.c))
    sums = f.at(gradients, squares * plan.pitch(g.f))
    mine = f.share(squares)
    f.store(f.zero(), scratch)
    with f.loop(*mine) as point, f.loop(0, g.f * wide, LANES) as e:
        f.store(f.zero(), sums, point * pitch + e)
    with f.loop(0, plan.bands) as band:
        first, lines = _lines(f, plan, band)
        _transform(f, plan, _input(plan), x, pixels, scratch, first, lines, f.share(g.c))
        _transform(f, plan, _gradient(plan), dy, gradients, scratch, first, lines, f.share(g.f))
        f.meet()
        _accumulate(f, plan, pixels, gradients, turned, sums, lines, mine)
        f.meet()
    with f.loop(*f.share(g.f)) as filter:
        def some(c0: Index, count: int) -> None:
            source, target = f.at(sums, filter * wide + c0), f.at(dw, (filter * g.c + c0) * TAPS ** 2)
            temporary = f.at(scratch, LANES)
            _halfway(f, algorithm.to_filter, points, lambda i, j: f.load(source, (j + i * points) * pitch), temporary)
            with f.loop(0, TAPS) as i:
                for j, value in enumerate(_row(f, algorithm.to_filter, points, temporary, i)):
                    place = f.at(target, i * TAPS + j)
                    earlier = f.earlier(lambda: f.gather(place, TAPS ** 2, count))
                    f.scatter(earlier + value, place, TAPS ** 2, count)
        blocks(f, g.c, LANES, some)


def _accumulate(f: Function, plan: Plan, pixels: Value, gradients: Value, turned: Value, sums: Value, lines: Index,
                points: tuple[Index, Index]) -> None:
    """Adds the products of some lines, summed over tiles and samples, to (point, filter, channel)."""
    g, row, (wide, pitch) = plan.g, plan.vectors * LANES, _accumulated(plan.g)
    rows, columns = register_tile(g.f, wide // LANES, f.machine)
    summands = f.constant(lines) * (plan.line * (1 if plan.by_tile else LANES))
    with f.loop(*points) as point:
        a, target = f.at(gradients, point * plan.pitch(g.f)), f.at(sums, point * pitch)
        turn(f, f.at(pixels, point * plan.pitch(g.c)), row, g.c, row, turned, wide)

        def some(f0: Index, count: int) -> None:
            def across(c0: Index, width: int) -> None:
                to = f.at(target, f0 * wide + c0)
                tile = contract(f, f.at(a, f0 * row), [r * row for r in range(count)], f.at(turned, c0),
                                [(i, None) for i in range(0, width, LANES)], [K(summands, 1, wide)],
                                start=lambda r, i: f.load(to, r * wide + i * LANES))
                for r, line in enumerate(tile):
                    for i, value in enumerate(line):
                        f.store(value, to, r * wide + i * LANES)
            blocks(f, wide, columns * LANES, across)
        blocks(f, g.f, rows, some)
