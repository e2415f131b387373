"""Matrix products as register tiles: which tile, whose share, and the loops around the micro-kernel.

Operands are read where they lie, and sums are not cut for caches. Whoever calls may bring panels of one together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphnet.runtime.llvm.contract import K, Tile, blocks, contract
from graphnet.runtime.llvm.function import Function, Lanes, vectors
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.values import Index, Value

Finish = Callable[[Value, Index, Index, Lanes], Value]
"""What becomes of a vector of C, at row m and column n, with so many lanes, before it is stored."""
Panel = Callable[[Index, int], Value]
"""The address of so many columns of B from column n on."""
_UNROLLED = 32
"""Products of vectors and numbers in a loop, or more where a tile has more; at most 4 numbers of the sum."""
_EDGE = 0.6
"""What a number of the sum costs besides, in products: so a tile of 6 is taken before one of 5, as it was faster."""


@dataclass(frozen=True, slots=True)
class Product:
    """C(m, n) = Σ over k of A(m, k) · B(k, n), with n innermost in B and C.

    Attributes:
        m, n: rows and columns that C has memory for.
        dims: the dimensions k of the sum.
        a_row, c_row: how many floats lie between rows of A, and of C.
        adds: whether C is a sum over samples, which begins with what earlier blocks left.
        padded: whether B is made of whole vectors, with numbers behind its columns that do not count.
    """

    m: int
    n: int
    dims: Sequence[K]
    a_row: int
    c_row: int
    adds: bool = False
    padded: bool = False

    @property
    def exact(self) -> bool:
        """Whether tiles at the edges are smaller; if not, they are moved back, over what others compute too."""
        return self.adds or self.padded


def tile(m: int, n: int, machine: Machine, exact: bool = False) -> tuple[int, int]:
    """(rows, vectors) of the register tile that computes m × n with the least work.

    It has to fit the registers beside a row of B, and what is broadcast; with one row, B is read by the products.

    Args:
        m, n: rows and columns.
        machine: the processor.
        exact: see `Product`.
    """
    width = -(-n // LANES)

    def cost(rows: int, columns: int) -> float:  # for one k: products, loads, or the time that a product takes
        return max(rows * columns, columns + rows * machine.lanes / LANES, 4) + _EDGE

    def work(shape: tuple[int, int]) -> float:
        rows, columns = (_cut(total, size, exact) for total, size in zip((m, width), shape, strict=True))
        return round(sum(times * more * cost(r, v) for r, times in rows for v, more in columns), 3)

    fitting = [(r, v) for v in range(1, min(width, 4) + 1) for r in range(1, min(m, machine.vectors) + 1)
               if r * v + (v if r > 1 else 0) < machine.vectors]
    return min(fitting, key=lambda shape: (work(shape), -shape[0]))


def _cut(total: int, size: int, exact: bool) -> list[tuple[int, int]]:
    """(size, how many) of the blocks that `total` is cut into."""
    whole, rest = divmod(total, size)
    return [(size, whole), (rest, 1)] if exact and rest else [(size, whole + bool(rest))]


def multiply(f: Function, p: Product, a: Value, b: Value | Panel, c: Value, finish: Finish | None = None,
             rows: Index | None = None, alone: bool = False, done: Index | None = None) -> None:
    """Writes a product.

    Args:
        f: the function.
        p: the product.
        a, b, c: its operands.
        finish: what becomes of C.
        rows: how many rows of C are wanted; those up to the end of a tile are computed too.
        alone: whether this thread computes all of it. If not, threads share the tiles, column by column.
        done: 0 if nothing has been added to C yet; by default the number of samples in earlier blocks.
    """
    done = f.base if done is None else f.constant(done)
    r, v = tile(p.m, p.n, f.machine, p.exact)
    size, unroll = min(v * LANES, p.n), min(4, max(1, _UNROLLED // (r * v)))
    tiles = ((p.m if rows is None else f.constant(rows)) + (r - 1)) // r
    pieces = f.constant(tiles * -(-p.n // size))
    lo, hi = (f.constant(0), pieces) if alone else f.share(pieces)

    def column(number: Value, n0: Index, count: int) -> None:
        right, offsets = b(n0, count) if callable(b) else f.at(b, n0), _offsets(count, p.exact)
        read = [(start, None) for start, _ in offsets] if p.padded else offsets

        def block(_: Value, m0: Index, height: int) -> None:
            left, target = f.at(a, m0 * p.a_row), f.at(c, m0 * p.c_row + n0)
            for m in range(height):
                f.prefetch(target, m * p.c_row)
            places = [(target, m * p.c_row + start, lanes) for m in range(height) for start, lanes in offsets]
            begun = [f.variable(f.zero()) for _ in places if p.adds and done.known != 0]
            if begun:
                with f.when(f.compare("ne", done, 0)):
                    for place, variable in zip(places, begun, strict=True):
                        variable.set(f.load(*place))
            acc = _sum(f, left, [m * p.a_row for m in range(height)], right, read, p.dims,
                       lambda m, v: begun[m * len(offsets) + v].get() if begun else f.zero(),
                       unroll if height == r else 1)
            for m, line in enumerate(acc):
                for (start, lanes), value in zip(offsets, line, strict=True):
                    made = finish(value, m0 + m, n0 + start, lanes) if finish else value
                    f.store(made, target, m * p.c_row + start, lanes)
        before = number * tiles
        _spans(f, p.m, r, f.most(lo - before, 0), f.least(hi - before, tiles), p.adds, block)
    _spans(f, p.n, size, lo // tiles, (hi + tiles - 1) // tiles, p.exact, column)


def _spans(f: Function, total: int, size: int, lo: Index, hi: Index, exact: bool,
           body: Callable[[Value, Index, int], None]) -> None:
    """body(number, start, count) for blocks [lo, hi) of `total`; unless `exact`, the last is moved back to be whole."""
    if total % size and not exact:
        with f.loop(lo, hi) as i:
            body(i, f.least(i * size, total - size), size)
        return
    blocks(f, total, size, lambda start, count: body(f.constant(start) // size, start, count), lo, hi)


def _offsets(count: int, exact: bool) -> list[tuple[int, int | None]]:
    """(offset, lanes) of vectors that cover so many columns; unless `exact`, the last is moved back to be whole."""
    if exact or count < LANES:
        return vectors(count)
    return [(min(start, count - LANES), None) for start in range(0, count, LANES)]


def _sum(f: Function, a: Value, rows: Sequence[Index], b: Value, columns: Sequence[tuple[Index, Lanes]],
         dims: Sequence[K], start: Callable[[int, int], Value], unroll: int) -> Tile:
    """The micro-kernel; where the extent of the sum is not known by now, some at a time, and then one by one."""
    k, extent = dims[-1], f.constant(dims[-1].extent)
    if extent.known is not None or unroll == 1:
        return contract(f, a, rows, b, columns, dims, start=start, unroll=unroll)
    times = extent // unroll
    acc = contract(f, a, rows, b, columns, [K(times, k.a * unroll, k.b * unroll), K(unroll, k.a, k.b)], start=start)
    done = times * unroll
    return contract(f, f.at(a, done * k.a), rows, f.at(b, done * k.b), columns, [K(extent - done, k.a, k.b)],
                    start=lambda m, v: acc[m][v])


def bring(f: Function, source: Value, pitch: int, rows: Index, columns: int, target: Value, width: int) -> None:
    """Columns of rows that lie `pitch` apart, brought together: rows of the target lie `width` apart, which may be less
    than the whole vectors that are written."""
    with f.loop(0, rows) as row:
        for start, lanes in vectors(columns):
            f.store(f.load(source, row * pitch + start, lanes), target, row * width + start)
