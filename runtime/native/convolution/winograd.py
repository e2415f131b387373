"""Winograd's convolutions 3 × 3 of stride 1 on images (C, H, W, N): forward, for the input and for the weights.

Tiles of results are cut from the output. To a vector of tiles belong 16 samples of one tile or, for one sample, 16
tiles that follow each other. Their pixels become points, points of all channels are multiplied by those of the filters,
which `prepare` has made, by the one micro-kernel, and the products become results. That is done for a band of tiles at
a time, so that what lies between stays in a cache. No sum depends on how tiles are cut.

Bands are shared out to threads. Where there are few, threads do all of them together: channels, then points, then
filters are shared out, in memory that belongs to the first thread. So they always sum the gradient for the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphnet.runtime.llvm.contract import K, blocks, contract
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.turning import turn
from graphnet.runtime.llvm.values import Index, Value
from graphnet.runtime.native.convolution.geometry import Axis
from graphnet.runtime.native.convolution.winograd_plan import Plan, register_tile
from graphnet.runtime.native.convolution.winograd_tiles import Image, Range, Tiles, halfway, transformed_row
from graphnet.runtime.native.convolution.winograd_transforms import TAPS
from graphnet.runtime.native.emit.epilogue import After


def prepare(f: Function, plan: Plan, w: Value, to: Value) -> None:
    """Writes the points of filters, (point, group of 16, channel, filter); going back, of w (C, F, 3, 3), flipped."""
    g, apply, taps, points = plan.g, plan.algorithm.filter, TAPS ** 2, plan.algorithm.points
    filters, channels = (taps, g.f * taps) if g.rows.back else (g.c * taps, taps)
    first, sign = (taps - 1, -1) if g.rows.back else (0, 1)
    with f.loop(*f.share(g.c)) as c:
        def some(f0: Index, count: int) -> None:
            source = f.at(w, c * channels + f0 * filters + first)
            halfway(f, apply, TAPS, lambda i, j: f.gather(f.at(source, (j + i * TAPS) * sign), filters, count),
                    f.scratch)
            with f.loop(0, points) as i:
                for j, value in enumerate(transformed_row(f, apply, TAPS, f.scratch, i)):
                    f.store(value, to, (i * points + j) * plan.filter_pitch + f0 * g.c + c * LANES)
        blocks(f, g.f, LANES, some)


def _band(f: Function, plan: Plan, band: Value) -> Tiles:
    """The tiles of a band."""
    first, ragged = band * plan.lines, plan.total % plan.lines
    return Tiles(f, plan, f.scratch, first, f.least(plan.lines, plan.total - first) if ragged else plan.lines)


def _input(plan: Plan) -> Image:
    return Image(plan.algorithm.image, plan.algorithm.points, plan.g.c, plan.g.rows, plan.g.columns)


def conv(f: Function, plan: Plan, x: Value, y: Value, after: After, prepared: Value) -> None:
    """y = after(convolution of x with the filters that `prepare` has made)."""
    g = plan.g
    pixels = f.at(f.of_first(f.scratch) if plan.together else f.scratch, plan.own)
    products = f.at(pixels, plan.squares * plan.pitch(g.c))

    def part(count: int) -> Range:
        return f.share(count) if plan.together else (0, count)

    def meet() -> None:
        if plan.together:
            f.meet()
    f.store(f.zero(), f.scratch)
    with f.loop(*((0, plan.bands) if plan.together else f.share(plan.bands))) as band:
        tiles = _band(f, plan, band)
        tiles.read(_input(plan), x, pixels, part(g.c))
        meet()
        _multiply(tiles, prepared, pixels, products, part(plan.squares))
        meet()
        tiles.write(products, y, after, part(g.f))


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
                _store(f, tile, f.at(m, (k * g.f + f0) * LANES), LANES, g.f * LANES)
        blocks(f, g.f, rows, some)


def _store(f: Function, tile: Sequence[Sequence[Value]], to: Value, row: int, column: int) -> None:
    for r, line in enumerate(tile):
        for i, value in enumerate(line):
            f.store(value, to, r * row + i * column)


def weight_gradient(f: Function, plan: Plan, x: Value, dy: Value, dw: Value) -> None:
    """Adds the gradient for the weights of a convolution to what earlier blocks left in `dw`.

    Each point of it is summed over lines, tiles, samples in order.
    """
    g, size = plan.g, plan.algorithm.points
    turned = f.at(f.scratch, plan.own)
    pixels = f.at(f.of_first(f.scratch), plan.own + plan.vectors * LANES * plan.wide)
    gradients = f.at(pixels, plan.squares * plan.pitch(g.c))
    sums, points = f.at(gradients, plan.squares * plan.pitch(g.f)), f.share(plan.squares)
    rows, columns = (Axis(a.results, a.results, 1) for a in (g.rows, g.columns))
    results = Image(plan.algorithm.from_output, plan.algorithm.tile, g.f, rows, columns)
    f.store(f.zero(), f.scratch)
    with f.loop(*points) as point, f.loop(0, g.f * plan.wide, LANES) as e:
        f.store(f.zero(), sums, point * plan.sum_pitch + e)
    with f.loop(0, plan.bands) as band:
        tiles = _band(f, plan, band)
        tiles.read(_input(plan), x, pixels, f.share(g.c))
        tiles.read(results, dy, gradients, f.share(g.f))
        f.meet()
        _accumulate(tiles, pixels, gradients, turned, sums, points)
        f.meet()
    with f.loop(*f.share(g.f)) as filter:
        def some(c0: Index, count: int) -> None:
            source, half = f.at(sums, filter * plan.wide + c0), f.at(f.scratch, LANES)
            apply = plan.algorithm.to_filter
            halfway(f, apply, size, lambda i, j: f.load(source, (j + i * size) * plan.sum_pitch), half)
            with f.loop(0, TAPS) as i:
                for j, value in enumerate(transformed_row(f, apply, size, half, i)):
                    to = f.at(dw, (filter * g.c + c0) * TAPS ** 2 + i * TAPS + j)
                    f.scatter(f.earlier(_gathered(f, to, count)) + value, to, TAPS ** 2, count)
        blocks(f, g.c, LANES, some)


def _gathered(f: Function, to: Value, channels: int) -> Callable[[], Value]:
    return lambda: f.gather(to, TAPS ** 2, channels)


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
                _store(f, tile, to, wide, LANES)
        blocks(f, g.f, rows, some)
