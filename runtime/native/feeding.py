"""Kernels that bring samples from arrays of a caller to where a Program has them, and results back.

A caller's arrays are in rows, contiguous and batch first. The samples of a block are those with consecutive numbers, or
those that an order names. Behind the last of them, where samples lie innermost, it stands again, so that what is made
of them there is as finite as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import batch_innermost, per_sample, room
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.turning import turn_block
from graphnet.runtime.native.values import F32, F64, I1, I64, PTR, Index, Value

Place = Callable[[Index], Index]
"""The number of a sample's row, from its number in the block."""


def feed(f: Function, operand: Operand, source: Value, order: Value, start: Value, target: Value) -> None:
    """Writes the samples of a block: those with the numbers start, start + 1, …, or order[start], order[start + 1], …
    if there is an order (whose address is not 0)."""
    ordered = f.compare("ne", f.assign(f"ptrtoint ptr {order.text} to i64", I64), 0)

    def number(sample: Index) -> Value:
        found = f.variable(start + f.base + sample)
        with f.when(ordered):
            found.set(f.scalar(order, start + f.base + sample, I64))
        return found.get()

    size, samples = per_sample(operand), room(operand)
    if not batch_innermost(operand) or samples == 1 or size == 1:
        count = samples if batch_innermost(operand) and samples > 1 else f.n
        _copy_rows(f, operand, count, source, lambda sample: number(f.least(sample, f.n - 1)), target, _same)
        return
    element, pieces = _element(operand), -(-size // LANES)
    lo, hi = f.share(pieces)
    rows, block, turned = f.array(LANES, PTR), *(f.array(LANES * LANES, F32) for _ in range(2))
    with f.loop(0, samples, LANES) as s0:
        with f.loop(0, LANES) as lane:
            f.put(f.at(source, number(f.least(s0 + lane, f.n - 1)) * size, element), rows, lane)
        with f.loop(lo, hi) as piece:
            first = piece * LANES
            width = f.least(f.constant(size) - first, LANES) if size % LANES else LANES
            if element != F32:
                with f.loop(0, width) as c, f.loop(0, LANES) as lane:
                    value = f.scalar(f.scalar(rows, lane, PTR), first + c, element)
                    f.put(value, target, (first + c) * samples + s0 + lane)
            else:
                with f.loop(0, LANES) as lane:
                    f.store(f.load(f.scalar(rows, lane, PTR), first, width), block, lane * LANES)
                _turn(f, block, turned, target, first * samples + s0, samples, width)


def give(f: Function, operand: Operand, source: Value, target: Value) -> None:
    """Writes the real samples of a block to rows of a caller's array."""
    size, samples = per_sample(operand), room(operand)
    if not batch_innermost(operand) or samples == 1 or size == 1:
        _copy_rows(f, operand, f.n, source, _same, target, lambda sample: f.base + sample)
        return
    element = _element(operand)
    lo, hi = f.share(f.n)
    with f.loop(lo, hi) as sample, f.loop(0, size) as c:
        f.put(f.scalar(source, c * samples + sample, element), target, (f.base + sample) * size + c)


def _same(sample: Index) -> Index:
    return sample


def _copy_rows(f: Function, operand: Operand, count: Index, source: Value, number: Place, target: Value,
               place: Place) -> None:
    """Copies this thread's share of so many samples, whole rows each."""
    element, size = _element(operand), per_sample(operand)
    if size == 0:
        return
    lo, hi = f.share(count)
    with f.loop(lo, hi) as sample:
        row, to = f.at(source, number(sample) * size, element), f.at(target, place(sample) * size, element)
        if size == 1:
            f.put(f.scalar(row, 0, element), to)
        else:
            bytes_ = f.constant(size * np.dtype(operand.dtype).itemsize)
            f.call("llvm.memcpy.p0.p0.i64", "void", to, row, bytes_, f.constant(0, I1))


def _turn(f: Function, block: Value, turned: Value, target: Value, place: Index, samples: int, width: Index) -> None:
    """Stores so many columns of 16 × 16 floats as lines of the target."""
    if width == LANES:
        turn_block(f, block, LANES, f.at(target, place), samples)
        return
    turn_block(f, block, LANES, turned, LANES)
    with f.loop(0, width) as c:
        f.store(f.load(turned, c * LANES), target, place + c * samples)


def _element(operand: Operand) -> str:
    """The type of an operand's elements in IR; bools and small integers by their bytes."""
    if operand.dtype in ("float32", "float64"):
        return F32 if operand.dtype == "float32" else F64
    return f"i{8 * np.dtype(operand.dtype).itemsize}"
