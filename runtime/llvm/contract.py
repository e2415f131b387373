"""The one micro-kernel: a register tile acc[m][v] = Σ over k of A(m, k) · B(k, v), for operands that are affine in k.

Convolution and its gradients, every form of a matrix product, recurrent steps and Winograd's products are this loop
with other strides. An element's sum runs over k in order, in one register, whatever the tile: so the size of tiles, and
with it the machine, has no say in its bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.values import Index, Value

Tile = list[list[Value]]
"""Vectors by row and column of a tile."""


@dataclass(frozen=True, slots=True)
class K:
    """A dimension of the sum: its extent, and how many floats A and B move on with it."""

    extent: Index
    a: Index
    b: Index


def contract(f: Function, a: Value, rows: Sequence[Index], b: Value, columns: Sequence[tuple[Index, Lanes]],
             dims: Sequence[K], *, along_lanes: bool = False, start: Callable[[int, int], Value] | None = None,
             unroll: int = 4) -> Tile:
    """Writes the loop and returns the tile.

    Args:
        f: the function.
        a: A, of which a number is broadcast at a time.
        rows: the offset of each row of the tile in A.
        b: B, which is read as vectors.
        columns: the offset in B of each vector of the tile, and how many of its lanes there are.
        dims: of the sum, the outermost first; where one is known to be empty, so is the sum. The last is unrolled:
            wholly if it is at most 2 `unroll` long, else `unroll` times if that divides it.
        along_lanes: reads A as vectors too, so that each lane has a sum of its own: products of what has its samples
            innermost, summed over samples.
        start: what the sum of row m and vector v begins with; 0 by default.
    """
    acc = [[f.variable(start(m, v) if start else f.zero()) for v in range(len(columns))] for m in range(len(rows))]

    def read_a(pointer: Value, offset: Index) -> Value:
        return f.load(pointer, offset) if along_lanes else f.splat(f.scalar(pointer, offset))

    def step(pa: Value, pb: Value, ao: Index, bo: Index) -> None:
        if along_lanes and len(columns) > len(rows):  # keep in registers what there is less of
            left = [read_a(pa, row + ao) for row in rows]
            for v, (offset, lanes) in enumerate(columns):
                right = f.load(pb, offset + bo, lanes)
                for m, x in enumerate(left):
                    acc[m][v].set(f.fma(x, right, acc[m][v].get()))
            return
        vectors = [f.load(pb, offset + bo, lanes) for offset, lanes in columns]
        for m, row in enumerate(rows):
            x = read_a(pa, row + ao)
            for v, right in enumerate(vectors):
                acc[m][v].set(f.fma(x, right, acc[m][v].get()))

    def nest(dims: Sequence[K], pa: Value, pb: Value) -> None:
        k, *inner = dims
        times = 1 if inner else _unrolled(f, k.extent, unroll)
        with f.loop(0, k.extent, times) as i:
            qa, qb = f.at(pa, i * k.a), f.at(pb, i * k.b)
            if inner:
                nest(inner, qa, qb)
                return
            for j in range(times):
                step(qa, qb, j * k.a, j * k.b)

    extents = [f.constant(k.extent).known for k in dims]
    if all(extent is None or extent > 0 for extent in extents):
        nest(dims, a, b)
    return [[value.get() for value in row] for row in acc]


def _unrolled(f: Function, extent: Index, most: int) -> int:
    known = f.constant(extent).known
    if known is None:
        return 1
    return known if known <= 2 * most else max(d for d in range(1, most + 1) if known % d == 0)


def blocks(f: Function, total: int, size: int, body: Callable[[Index, int], None], lo: Index = 0,
           hi: Index | None = None) -> None:
    """body(start, count) for the blocks [lo, hi) of `total` in blocks of `size`, of which the last may be smaller.

    It is written twice if it is: in a loop for whole blocks, and for the rest.
    """
    full, rest = divmod(total, size)
    first, end = f.constant(lo), f.constant(full + bool(rest) if hi is None else hi)
    whole = f.least(end, full)
    if full and (first.known is None or whole.known is None or first.known < whole.known):
        with f.loop(first, whole) as i:
            body(i * size, size)
    if rest:
        if end.known is not None and first.known is not None:
            if end.known > full >= first.known:
                body(full * size, rest)
            return
        with f.when(f.compare("sgt", end, full)), f.when(f.compare("sle", first, full)):
            body(full * size, rest)
