"""Turns blocks of 16 × 16 floats: what lies in rows comes to lie in columns."""

from __future__ import annotations

from graphnet.runtime.llvm.contract import blocks
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.values import F32, Index, Value

_SIDE = 8
"""Of the squares that are turned in registers: there are enough of them on any machine."""


def turn_block(f: Function, source: Value, source_row: Index, target: Value, target_row: Index, rows: Index = LANES,
               columns: Index = LANES, stored: Index = LANES) -> None:
    """target[c][r] = source[r][c] for r < rows, c < columns, at most 16 each. Rows of the target get `stored` floats,
    those behind `rows` being 0."""
    f.shared("turn", [source, target], [source_row, target_row, rows, columns, stored], _build)


def _build(f: Function, pointers: list[Value], integers: list[Value]) -> None:
    """What is less than a whole block goes by way of whole ones."""
    (source, target), (source_row, target_row, rows, columns, stored) = pointers, integers
    before, behind, ragged = f.array(LANES ** 2, F32), f.array(LANES ** 2, F32), f.compare(
        "slt", rows + columns + stored, 3 * LANES)
    with f.when(ragged), f.loop(0, LANES) as r:
        there = f.select(f.compare("slt", r, rows), columns, 0)
        f.store(f.load(source, r * source_row, there), before, r * LANES)
    x, x_row = f.select(ragged, before, source), f.select(ragged, f.constant(LANES), source_row)
    y, y_row = f.select(ragged, behind, target), f.select(ragged, f.constant(LANES), target_row)
    with f.loop(0, LANES, _SIDE) as r, f.loop(0, LANES, _SIDE) as c:
        _square(f, f.at(x, r * x_row + c), x_row, f.at(y, c * y_row + r), y_row)
    with f.when(ragged), f.loop(0, columns) as c:
        f.store(f.load(behind, c * LANES), target, c * target_row, stored)


def _square(f: Function, source: Value, source_row: Value, target: Value, target_row: Value) -> None:
    """By rounds of shuffles of two vectors, which exchange squares of half the size in each."""
    type = f"<{_SIDE} x {F32}>"
    vectors = [f.assign(f"load {type}, ptr {f.at(source, source_row * i).text}, align 4", type) for i in range(_SIDE)]
    for distance in (1, 2, 4):
        for i in (i for i in range(_SIDE) if not i & distance):
            a, b = vectors[i], vectors[i | distance]
            for side in (0, distance):
                vectors[i | side] = f.shuffle(a, b, [(j & ~distance | side) + (_SIDE if j & distance else 0)
                                                     for j in range(_SIDE)])
    for i, vector in enumerate(vectors):
        f.store(vector, target, target_row * i)


def turn(f: Function, source: Value, source_row: Index, rows: int, columns: int, target: Value, target_row: Index,
         lo: Index = 0, hi: Index | None = None, tight: bool = False) -> None:
    """target[c][r] = source[r][c] for all columns, and the rows in the blocks [lo, hi) of 16.

    Rows of the target have room for whole blocks, unless `tight`; what lies behind the last of `rows` gets 0.
    """
    blocks(f, rows, LANES, lambda r, count: blocks(f, columns, LANES, lambda c, width: turn_block(
        f, f.at(source, r * source_row + c), source_row, f.at(target, c * target_row + r), target_row, count, width,
        count if tight else LANES)), lo, hi)
