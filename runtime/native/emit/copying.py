"""Copies elements from places to others: along some axes, each with a stride in the source and one in the target.

Where both have the same axis innermost, runs of memory are copied; where they differ, blocks of 16 × 16 floats are
turned; what is left goes element by element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.turning import turn_block
from graphnet.runtime.llvm.values import F32, I1, I8, I64, PTR, Index, Value
from graphnet.runtime.native.emit.call import need

_PIECE = 1 << 14  # bytes of a run that a thread copies at a time
Axes = Sequence[tuple[int, int]]
"""Extents and strides in elements, the axis that counts fastest last."""


class Dim(NamedTuple):
    """An axis: its extent, and how many elements it moves on; or a function of a place that tells its offset."""

    extent: Index
    source: int | Callable[[Index], Index]
    target: int


def element_of(operand: Operand) -> str:
    """A type of as many bytes as an operand's elements have."""
    return {1: I8, 4: F32, 8: I64}[np.dtype(operand.dtype).itemsize]


def joined(xs: Axes, ys: Axes) -> list[Dim]:
    """The same places of two arrays as axes of both, as few as can be, the one that counts fastest first.

    Raises:
        Unsupported: one of the shapes cuts what is one axis in the other at a place that does not divide it.
    """
    source, target, dims = _merged(xs), _merged(ys), list[Dim]()
    while source:
        (m, at), (n, to) = source.pop(), target.pop()
        extent = min(m, n)
        need(m % extent == n % extent == 0, "a shape that is cut otherwise than memory is")
        dims.append(Dim(extent, at, to))
        for axes, count, stride in ((source, m, at), (target, n, to)):
            if count > extent:
                axes.append((count // extent, stride * extent))
    return dims or [Dim(1, 1, 1)]


def _merged(axes: Axes) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for extent, stride in axes:
        if merged and merged[-1][1] == extent * stride:
            extent *= merged.pop()[0]
        if extent > 1:
            merged.append((extent, stride))
    return merged


def copy(f: Function, element: str, source: Value | None, target: Value, dims: Sequence[Dim]) -> None:
    """Copies all places, the first axis counting fastest; threads share them. Without a source zeros are written."""
    if any(dim.extent == 0 for dim in dims):
        return
    row = next((dim for dim in dims if dim.source == 1), None)
    column = next((dim for dim in dims if dim.target == 1), None)
    outer = [dim for dim in dims if dim not in (row, column)]
    if row and row is column:
        _runs(f, element, source, target, outer, row.extent)
    elif source and row and column and element == F32:
        _turn(f, source, target, outer, column, row)
    else:
        _singly(f, element, source, target, dims[1:], dims[0])


def _runs(f: Function, element: str, source: Value | None, target: Value, outer: Sequence[Dim], length: Index) -> None:
    size = {I8: 1, F32: 4, I64: 8}[element]
    most = _PIECE // size
    units, pieces = _loops(f, outer, (f.constant(length) + (most - 1)) // most)
    with f.loop(*units) as unit:
        x, y = _ends(f, element, source, target, outer, unit)
        with f.loop(*pieces) as piece:
            start = piece * most
            bytes_, to = f.least(f.constant(length) - start, most) * size, f.at(y, start, element)
            if source:
                f.call("llvm.memcpy.p0.p0.i64", "void", to, f.at(x, start, element), bytes_, f.constant(0, I1))
            else:
                f.call("llvm.memset.p0.i64", "void", to, f.constant(0, I8), bytes_, f.constant(0, I1))


def _turn(f: Function, source: Value, target: Value, outer: Sequence[Dim], column: Dim, row: Dim) -> None:
    """What lies along `row` in the source comes to lie across the target; where rows are found by a function, there is
    a multiple of 16 of them."""
    high, wide = ((f.constant(dim.extent) + (LANES - 1)) // LANES for dim in (column, row))
    bands, blocks = _loops(f, [Dim(high, 0, 0), *outer], wide)
    lines, together = f.array(LANES, PTR), f.array(LANES ** 2, F32)
    with f.loop(*bands) as number:
        unit, band = divided(number, high)
        x, y = _ends(f, F32, source, target, outer, unit)
        y, first, rows = f.at(y, band * LANES), band * LANES, _within(f, column.extent, band)
        if callable(column.source):
            with f.loop(0, LANES) as lane:
                f.put(f.at(x, column.source(first + lane)), lines, lane)
        with f.loop(*blocks) as block:
            start, columns = block * LANES, _within(f, row.extent, block)
            to = f.at(y, start * row.target)
            if callable(column.source):
                with f.loop(0, LANES) as lane:
                    f.store(f.load(f.scalar(lines, lane, PTR), start, columns), together, lane * LANES)
                turn_block(f, together, LANES, to, row.target, LANES, columns)
            else:
                block_at = f.at(x, first * column.source + start)
                turn_block(f, block_at, column.source, to, row.target, rows, columns, rows)


def _within(f: Function, total: Index, block: Index) -> Index:
    """How many of `total` are in a block of 16, as known by now if all blocks are whole."""
    known = f.constant(total).known
    return f.least(f.constant(total) - block * LANES, LANES) if known is None or known % LANES else LANES


def _singly(f: Function, element: str, source: Value | None, target: Value, outer: Sequence[Dim], inner: Dim) -> None:
    units, places = _loops(f, outer, inner.extent)
    with f.loop(*units) as unit:
        ends = _ends(f, element, source, target, outer, unit)
        with f.loop(*places) as place:
            x, y = _ends(f, element, *ends, [inner], place)
            f.put(f.scalar(x, 0, element) if source else f.constant(0, element), y)


def _loops(f: Function, outer: Sequence[Dim], inner: Index) -> tuple[tuple[Index, Index], tuple[Index, Index]]:
    """The bounds of a loop over places and of one within it; threads share the one that is surely longer."""
    count, inner = f.constant(1), f.constant(inner)
    for dim in outer:
        count = count * dim.extent
    if count.known is not None and inner.known is not None and inner.known > count.known:
        return (0, count), f.share(inner)
    return f.share(count), (0, inner)


def _ends(f: Function, element: str, source: Value | None, target: Value, dims: Sequence[Dim],
          index: Index) -> tuple[Value, Value]:
    """Where a place is in the source and in the target, by its number."""
    x = offset(f, index, [(dim.extent, dim.source) for dim in dims])
    y = offset(f, index, [(dim.extent, dim.target) for dim in dims])
    return f.at(source or target, x, element), f.at(target, y, element)


def divided(index: Value, count: Index) -> tuple[Value, Index]:
    """Quotient and remainder of a number that is not negative."""
    return (index, 0) if (count if isinstance(count, int) else count.known) == 1 else (index // count, index % count)


def offset(f: Function, index: Index, dims: Sequence[tuple[Index, int | Callable[[Index], Index]]]) -> Value:
    """The offset of a place by its number, counted fastest along the first of these axes."""
    rest, total = f.constant(index), f.constant(0)
    for number, (extent, stride) in enumerate(dims):
        rest, place = divided(rest, extent) if number < len(dims) - 1 else (rest, rest)
        total = total + (stride(place) if callable(stride) else place * stride)
    return total
