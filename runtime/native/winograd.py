"""Winograd's convolutions 3 × 3 of stride 1 on images (C, H, W, N): forward, for the input and for the weights.

Tiles of results are cut from the output. To a vector of tiles belong 16 samples of one tile or, for one sample, 16
tiles that follow each other. Their pixels become points, points of all channels are multiplied by those of the filters,
which `prepare` has made, by the one micro-kernel, and the products become results. That is done for a band of tiles at
a time, so that what lies between stays in a cache. No sum depends on how tiles are cut.

Bands are shared out to threads. Where there are few, threads do all of them together: channels, then points, then
filters are shared out, in memory that belongs to the first thread. So they always sum the gradient for the weights.
"""

from __future__ import annotations

from graphnet.runtime.native.contract import K, blocks, contract
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.geometry import After, Geometry
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.turning import turn
from graphnet.runtime.native.values import Index, Value
from graphnet.runtime.native.winograd_plan import Plan, plan_of, register_tile
from graphnet.runtime.native.winograd_tiles import WHOLE, Image, Outlet, Range, Tiles, halfway, transformed_row
from graphnet.runtime.native.winograd_transforms import TAPS, Algorithm


def prepare(f: Function, algorithm: Algorithm, g: Geometry, w: Value, to: Value) -> None:
    """Writes the points of the filters, (point, group of 16 filters, channel, filter).

    Args:
        f: the function, whose threads have scratch memory for the convolution.
        algorithm: the tiles.
        g: the convolution.
        w: weights (F, C, 3, 3); going back, those of the convolution that went forward, to be flipped.
        to: where they go.
    """
    taps, points, pitch = TAPS ** 2, algorithm.points, plan_of(algorithm, g).filter_pitch
    filters, channels = (taps, g.f * taps) if g.rows.back else (g.c * taps, taps)
    first, sign = (taps - 1, -1) if g.rows.back else (0, 1)
    with f.loop(*f.share(g.c)) as c:
        def some(f0: Index, count: int) -> None:
            source = f.at(w, c * channels + f0 * filters + first)
            halfway(f, algorithm.filter, TAPS,
                    lambda i, j: f.gather(f.at(source, (j + i * TAPS) * sign), filters, count), f.scratch)
            with f.loop(0, points) as i:
                for j, value in enumerate(transformed_row(f, algorithm.filter, TAPS, f.scratch, i)):
                    f.store(value, to, (i * points + j) * pitch + f0 * g.c + c * LANES)
        blocks(f, g.f, LANES, some)


def _band(f: Function, plan: Plan, own: Value, band: Value) -> Tiles:
    """The tiles of a band."""
    first, ragged = band * plan.lines, plan.total % plan.lines
    return Tiles(f, plan, own, first, f.least(plan.lines, plan.total - first) if ragged else plan.lines)


def _input(plan: Plan) -> Image:
    g = plan.g
    return Image(plan.algorithm.image, plan.algorithm.points, g.c, g.rows.size, g.columns.size, g.rows.ahead, g.columns.ahead)


def conv(f: Function, algorithm: Algorithm, g: Geometry, x: Value, y: Value, scratch: Value, tail: After,
         prepared: Value, outlet: Outlet = WHOLE) -> None:
    """y = tail(convolution of x with the filters that `prepare` has made).

    Args:
        f: the kernel.
        algorithm: the tiles.
        g: the convolution.
        x: images (C, H, W, N).
        y: results (F, OH, OW, N).
        scratch: this thread's own memory.
        tail: what becomes of results before they are stored.
        prepared: the points of the filters.
        outlet: what is stored of the results; `y` has its size.
    """
    plan = plan_of(algorithm, g)
    shared = f.at(f.of_first(scratch) if plan.together else scratch, plan.own)
    pixels, products = shared, f.at(shared, algorithm.points ** 2 * plan.pitch(g.c))

    def part(count: int) -> Range:
        return f.share(count) if plan.together else (0, count)

    def meet() -> None:
        if plan.together:
            f.meet()
    f.store(f.zero(), scratch)
    with f.loop(*((0, plan.bands) if plan.together else f.share(plan.bands))) as band:
        tiles = _band(f, plan, scratch, band)
        tiles.read(_input(plan), x, pixels, part(g.c))
        meet()
        _multiply(tiles, prepared, pixels, products, part(algorithm.points ** 2))
        meet()
        tiles.write(outlet, products, y, tail, part(g.f))


def _multiply(tiles: Tiles, filters: Value, pixels: Value, to: Value, points: Range) -> None:
    """Writes products summed over channels for some points, (point, vector of tiles, filter)."""
    f, plan, g = tiles.f, tiles.plan, tiles.plan.g
    rows, columns = register_tile(plan.vectors, f.machine)
    with f.loop(*points) as point:
        u, v, m = (f.at(pointer, point * pitch) for pointer, pitch in (
            (filters, plan.filter_pitch), (pixels, plan.pitch(g.c)), (to, plan.pitch(g.f))))

        def some(f0: Index, count: int) -> None:
            with f.loop(0, tiles.vectors, columns) as k:
                tile = contract(f, f.at(u, f0 // LANES * (LANES * g.c) + f0 % LANES), range(count),
                                f.at(v, k * (g.c * LANES)), [(i * g.c * LANES, None) for i in range(columns)],
                                [K(g.c, LANES, LANES)])
                for r, line in enumerate(tile):
                    for i, value in enumerate(line):
                        f.store(value, m, ((k + i) * g.f + f0 + r) * LANES)
        blocks(f, g.f, rows, some)


def weight_gradient(f: Function, algorithm: Algorithm, g: Geometry, x: Value, dy: Value, dw: Value,
                    scratch: Value) -> None:
    """Adds the gradient for the weights of the convolution `g` to what earlier blocks left in `dw`.

    Each point of it is summed over lines, tiles, samples in order.
    """
    plan, squares = plan_of(algorithm, g), algorithm.points ** 2
    turned = f.at(scratch, plan.own)
    pixels = f.at(f.of_first(scratch), plan.own + plan.vectors * LANES * plan.wide)
    gradients = f.at(pixels, squares * plan.pitch(g.c))
    sums, points = f.at(gradients, squares * plan.pitch(g.f)), f.share(squares)
    f.store(f.zero(), scratch)
    with f.loop(*points) as point, f.loop(0, g.f * plan.wide, LANES) as e:
        f.store(f.zero(), sums, point * plan.sum_pitch + e)
    with f.loop(0, plan.bands) as band:
        tiles = _band(f, plan, scratch, band)
        tiles.read(_input(plan), x, pixels, f.share(g.c))
        tiles.read(Image(algorithm.from_output, algorithm.tile, g.f, g.rows.results, g.columns.results), dy, gradients, f.share(g.f))
        f.meet()
        _accumulate(tiles, pixels, gradients, turned, sums, points)
        f.meet()
    with f.loop(*f.share(g.f)) as filter:
        def some(c0: Index, count: int) -> None:
            source = f.at(sums, filter * plan.wide + c0)
            half, size = f.at(scratch, LANES), algorithm.points
            halfway(f, algorithm.to_filter, size, lambda i, j: f.load(source, (j + i * size) * plan.sum_pitch), half)
            with f.loop(0, TAPS) as i:
                for j, value in enumerate(transformed_row(f, algorithm.to_filter, size, half, i)):
                    _add(f, value, f.at(dw, (filter * g.c + c0) * TAPS ** 2 + i * TAPS + j), count)
        blocks(f, g.c, LANES, some)


def _add(f: Function, value: Value, to: Value, channels: int) -> None:
    earlier = f.earlier(lambda: f.gather(to, TAPS ** 2, channels))
    f.scatter(earlier + value, to, TAPS ** 2, channels)


def _accumulate(tiles: Tiles, pixels: Value, gradients: Value, turned: Value, sums: Value, points: Range) -> None:
    """Adds products summed over tiles and samples for some points, (point, filter, channel)."""
    f, plan, g, wide = tiles.f, tiles.plan, tiles.plan.g, tiles.plan.wide
    rows, columns = register_tile(wide // LANES, f.machine)
    summed = [K(tiles.vectors, g.f * LANES, LANES * wide), K(LANES, 1, wide)]
    with f.loop(*points) as point:
        v, m, target = (f.at(pointer, point * pitch) for pointer, pitch in (
            (pixels, plan.pitch(g.c)), (gradients, plan.pitch(g.f)), (sums, plan.sum_pitch)))
        with f.loop(0, tiles.vectors) as k:
            turn(f, f.at(v, k * (g.c * LANES)), LANES, g.c, LANES, f.at(turned, k * (LANES * wide)), wide)

        def some(f0: Index, count: int) -> None:
            with f.loop(0, wide, columns * LANES) as c0:
                to = f.at(target, f0 * wide + c0)
                tile = contract(f, f.at(m, f0 * LANES), [r * LANES for r in range(count)], f.at(turned, c0),
                                [(i * LANES, None) for i in range(columns)], summed,
                                start=lambda r, i: f.load(to, r * wide + i * LANES))
                for r, line in enumerate(tile):
                    for i, value in enumerate(line):
                        f.store(value, to, r * wide + i * LANES)
        blocks(f, g.f, rows, some)
