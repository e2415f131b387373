"""Turns blocks of 16 × 16 floats: what lies in rows comes to lie in columns."""

from __future__ import annotations

from collections.abc import Sequence

from graphnet.runtime.llvm.contract import blocks
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.values import Index, Value


def turn_block(f: Function, source: Value, source_row: Index, target: Value, target_row: Index, rows: Index = LANES,
               columns: Index = LANES, stored: Index = LANES) -> None:
    """target[c][r] = source[r][c] for r < rows, c < columns, at most 16 each. Rows of the target get `stored` floats,
    those behind `rows` being 0."""
    numbers = [f.constant(number) for number in (rows, columns, stored)]
    known = {number.known for number in numbers} - {LANES}

    def call(sizes: Sequence[Value]) -> None:
        def build(f: Function, pointers: list[Value], integers: list[Value]) -> None:
            given = iter(integers[2:])
            rows, columns, stored = (next(given) if size.known is None else size.known for size in sizes)

            def line(r: int, below: Value | bool) -> Value:
                lanes = f.select(below, f.constant(columns), 0) if isinstance(below, Value) else columns
                return f.load(pointers[0], integers[0] * r, lanes) if below else f.zero()
            lines = [line(r, _below(f, r, rows)) for r in range(LANES)]
            turn_lines(f, lines, pointers[1], integers[1], columns, stored)
        f.shared("turn", [source, target], [source_row, target_row, *(n for n in sizes if n.known is None)], build)
    if known != {None}:
        call(numbers)
        return
    total = numbers[0] + numbers[1] + numbers[2]
    with f.when(f.compare("eq", total, 3 * LANES)):
        call([f.constant(LANES)] * 3)
    with f.when(f.compare("slt", total, 3 * LANES)):
        call(numbers)


def turn_lines(f: Function, lines: Sequence[Value], target: Value, target_row: Index, columns: Index = LANES,
               stored: Lanes = LANES) -> None:
    """target[c][r] = lines[r][c] for c < columns."""
    for c, line in enumerate(f.transpose(lines)):
        with f.when(_below(f, c, columns)):
            f.store(line, target, target_row * c, stored)


def _below(f: Function, number: int, count: Index) -> Value | bool:
    known = f.constant(count).known
    return f.compare("slt", number, count) if known is None else number < known


def turn(f: Function, source: Value, source_row: Index, rows: int, columns: int, target: Value, target_row: Index,
         lo: Index = 0, hi: Index | None = None, tight: bool = False) -> None:
    """target[c][r] = source[r][c] for all columns, and the rows in the blocks [lo, hi) of 16.

    Rows of the target have room for whole blocks, unless `tight`; what lies behind the last of `rows` gets 0.
    """
    blocks(f, rows, LANES, lambda r, count: blocks(f, columns, LANES, lambda c, width: turn_block(
        f, f.at(source, r * source_row + c), source_row, f.at(target, c * target_row + r), target_row, count, width,
        count if tight else LANES)), lo, hi)
