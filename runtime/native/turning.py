"""Turns blocks of 16 × 16 floats: what lies in rows comes to lie in columns."""

from __future__ import annotations

from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.values import Index, Value


def turn_block(f: Function, source: Value, source_row: Index, target: Value, target_row: Index, rows: int = LANES,
               columns: int = LANES, tight: bool = False) -> None:
    """target[c][r] = source[r][c] for r < rows, c < columns, at most 16 each. Rows of the target get 16 floats, those
    behind `rows` being 0, or if `tight` no more than there are."""
    if rows == columns == LANES:
        f.shared("turn", [source, target], [source_row, target_row], _whole)
        return
    lines = [f.load(source, source_row * r, columns) if r < rows else f.zero() for r in range(LANES)]
    for c, line in enumerate(f.transpose(lines)[:columns]):
        f.store(line, target, target_row * c, rows if tight else None)


def _whole(f: Function, pointers: list[Value], integers: list[Value]) -> None:
    (source, target), (source_row, target_row) = pointers, integers
    for c, line in enumerate(f.transpose([f.load(source, source_row * r) for r in range(LANES)])):
        f.store(line, target, target_row * c)


def turn(f: Function, source: Value, source_row: Index, rows: int, columns: int, target: Value, target_row: Index,
         lo: Index = 0, hi: Index | None = None, tight: bool = False) -> None:
    """target[c][r] = source[r][c] for all columns, and the rows in the blocks [lo, hi) of 16.

    Rows of the target have room for whole blocks, unless `tight`; what lies behind the last of `rows` gets 0.
    """
    def some(r0: Index, count: int) -> None:
        def block(c0: Index, width: int) -> None:
            turn_block(f, f.at(source, r0 * source_row + c0), source_row, f.at(target, c0 * target_row + r0),
                       target_row, count, width, tight)
        blocks(f, columns, LANES, block)
    blocks(f, rows, LANES, some, lo, hi)
