"""Elements that change places: joined, cut, padded, with their axes in another order, from one layout to another.

Every op is a few moves: places along some axes, each with a stride in the source and one in the target. Axes that are
one in both are joined, so that most moves are copies of long runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from graphnet.compiler.ops import Advance, Concat, Pad, Reshape, Slice, Transpose
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import Call, batch_innermost, emitter, need, per_sample, room
from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.turning import turn_block
from graphnet.runtime.native.values import F32, I8, I64, VEC, Index, Value, with_elements

_PIECE = 256  # vectors of a run that a thread takes at a time
_ELEMENTS = {1: I8, 4: F32, 8: I64}
"""By bytes: what is only moved may be of any type of that size."""
Axes = list[tuple[int, int]]
"""Extents and strides in elements, the axis that counts fastest last."""


class _Dim(NamedTuple):
    extent: int
    source: int
    target: int


@emitter(Concat)
def concat(f: Function, call: Call) -> None:
    """Each input into its part of the output."""
    place = 0
    for position, x in enumerate(call.inputs):
        _part(f, call, position, x.shape, place=place)
        place += x.shape[call.op.axis]
    _fill(f, call)


@emitter(Slice)
def cut(f: Function, call: Call) -> None:
    """A part of the input."""
    _part(f, call, 0, call.outputs[0].shape, start=call.op.start)
    _fill(f, call)


@emitter(Pad)
def pad(f: Function, call: Call) -> None:
    """Zeros with the input in the middle."""
    op, (x,) = call.op, call.inputs
    _part(f, call, 0, x.shape, place=op.before)
    for size, place in ((op.before, 0), (op.after, op.before + x.shape[op.axis])):
        margin = list(x.shape)
        margin[op.axis] = size
        _part(f, call, None, margin, place=place)
    _fill(f, call)


@emitter(Advance, Reshape, Transpose)
def rearrange(f: Function, call: Call) -> None:
    """All elements of the last input."""
    op, x, y = call.op, call.inputs[-1], call.outputs[0]
    source, target = _axes(call, x, x.shape), _axes(call, y, y.shape)
    if isinstance(op, Transpose):
        source = [source[axis] for axis in op.axes]
    _move(f, call, call.x[-1], call.y[0], source, target)
    _fill(f, call)


def _part(f: Function, call: Call, position: int | None, shape: Sequence[int], start: int = 0, place: int = 0) -> None:
    """Moves so much of an input, or zeros, from a place along the axis of the op to another."""
    y, axis, element = call.outputs[0], call.op.axis, _element(call.outputs[0])
    source, target = _axes(call, y if position is None else call.inputs[position], shape), _axes(call, y, shape)
    begin = None if position is None else f.at(call.x[position], start * source[axis][1], element)
    _move(f, call, begin, f.at(call.y[0], place * target[axis][1], element), source, target)


def _axes(call: Call, operand: Operand, shape: Sequence[int]) -> Axes:
    """So much of an operand; where samples stay apart and innermost, of all that there is room for."""
    extents = [room(operand), *shape[1:]] if _keeps_samples(call) else shape
    size = np.dtype(operand.dtype).itemsize
    return [(extent, stride // size) for extent, stride in zip(extents, operand.strides, strict=True)]


def _keeps_samples(call: Call) -> bool:
    y = call.outputs[0]
    return bool(call.op.separates(*(x.type for x in call.inputs))) and all(
        batch_innermost(operand) and room(operand) == room(y) for operand in (*call.inputs, y))


def _element(operand: Operand) -> str:
    return _ELEMENTS[np.dtype(operand.dtype).itemsize]


def _fill(f: Function, call: Call) -> None:
    """Zeros behind the samples of a result that has them innermost, if what lies there was not moved with them."""
    (y,) = call.outputs
    if y.layout == "rows" or 0 in y.shape or _keeps_samples(call) or (room(y) == y.shape[0] and not f.blocked):
        return
    f.meet()
    with f.loop(*f.share(per_sample(y))) as row, f.loop(f.n if f.blocked else y.shape[0], room(y)) as lane:
        f.put(f.constant(0, _element(y)), call.y[0], row * room(y) + lane)


# Moves -----------------------------------------------------------------------------------------------------------

def _move(f: Function, call: Call, source: Value | None, target: Value, xs: Axes, ys: Axes) -> None:
    """Writes a move between these places in row-major order. Without a source zeros are written."""
    if any(extent == 0 for extent, _ in ys):
        return
    if _keeps_samples(call):
        xs, ys = [*xs[1:], xs[0]], [*ys[1:], ys[0]]  # as they lie in memory
    element, dims = _element(call.outputs[0]), _joined(xs, ys)
    along, across = (next((dim for dim in dims if dim[side] == 1), None) for side in (2, 1))
    outer = [dim for dim in dims if dim not in (along, across)]
    if along is None or across is None or (along != across and element != F32):
        _pick(f, element, source, target, dims)
    elif along == across:
        _copy(f, element, source, target, outer, along.extent)
    else:
        _turn(f, source or target, target, outer, along, across)


def _joined(xs: Axes, ys: Axes) -> list[_Dim]:
    """The same places of two arrays as axes of both, as few as can be, the last one first."""
    xs, ys, dims = _merged(xs), _merged(ys), list[_Dim]()
    while xs:
        (m, source), (n, target) = xs.pop(), ys.pop()
        extent = min(m, n)
        need(m % extent == n % extent == 0, "a shape that is cut otherwise than memory is")
        dims.append(_Dim(extent, source, target))
        for axes, count, stride in ((xs, m, source), (ys, n, target)):
            if count > extent:
                axes.append((count // extent, stride * extent))
    return dims or [_Dim(1, 1, 1)]


def _merged(axes: Axes) -> Axes:
    """The same places with as few axes as can be."""
    merged: Axes = []
    for extent, stride in axes:
        if merged and merged[-1][1] == extent * stride:
            extent *= merged.pop()[0]
        if extent > 1:
            merged.append((extent, stride))
    return merged


def _copy(f: Function, element: str, source: Value | None, target: Value, outer: list[_Dim], length: int) -> None:
    """Runs that lie alike on both sides, long ones in pieces."""
    vectors = -(-length // LANES)
    pieces = -(-vectors // _PIECE)
    with f.loop(*f.share(math.prod(dim.extent for dim in outer) * pieces)) as unit:
        run, piece = divided(unit, pieces)
        x, y = _ends(f, element, source, target, run, outer)

        def some(start: Index, lanes: int) -> None:
            zeros = f.constant(0, with_elements(VEC, element))
            f.store(f.load(x, start, lanes, element) if source else zeros, y, start, lanes)
        blocks(f, length, LANES, some, piece * _PIECE, f.least(piece * _PIECE + _PIECE, vectors))


def _pick(f: Function, element: str, source: Value | None, target: Value, dims: list[_Dim]) -> None:
    """One element after the other."""
    with f.loop(*f.share(math.prod(dim.extent for dim in dims))) as unit:
        x, y = _ends(f, element, source, target, unit, dims)
        f.put(f.scalar(x, 0, element) if source else f.constant(0, element), y)


def _turn(f: Function, source: Value, target: Value, outer: list[_Dim], along: _Dim, across: _Dim) -> None:
    """Blocks of 16 × 16: what lies along `across` in the source comes to lie across the target."""
    high, wide = -(-along.extent // LANES), -(-across.extent // LANES)
    with f.loop(*f.share(math.prod(dim.extent for dim in outer) * high * wide)) as unit:
        rest, column = divided(unit, wide)
        rest, row = divided(rest, high)
        x, y = _ends(f, F32, source, target, rest, outer)
        x = f.at(f.at(x, row * (LANES * along.source)), column * LANES)
        y = f.at(f.at(y, column * (LANES * across.target)), row * LANES)
        rows, columns = (f.least(dim.extent - i * LANES, LANES) for dim, i in ((along, row), (across, column)))
        with f.when(f.compare("eq", rows + columns, 2 * LANES)):
            turn_block(f, x, along.source, y, across.target)
        with f.when(f.compare("slt", rows + columns, 2 * LANES)):
            f.shared("turn_some", [x, y], [along.source, across.target, rows, columns], _turn_some)


def _turn_some(f: Function, pointers: list[Value], integers: list[Value]) -> None:
    """A block of fewer rows or columns; nothing else is read or written."""
    (source, target), (source_row, target_row, rows, columns) = pointers, integers

    def within(index: int, count: Value, lanes: Value) -> Value:
        return f.select(f.compare("slt", index, count), lanes, 0)
    lines = [f.load(source, source_row * r, within(r, rows, columns)) for r in range(LANES)]
    for c, line in enumerate(f.transpose(lines)):
        f.store(line, target, target_row * c, within(c, columns, rows))


def _ends(f: Function, element: str, source: Value | None, target: Value, index: Index,
          dims: list[_Dim]) -> tuple[Value, Value]:
    """Where a place is in the source and in the target, by its number."""
    x = offset(f, index, [(dim.extent, dim.source) for dim in dims])
    y = offset(f, index, [(dim.extent, dim.target) for dim in dims])
    return f.at(source or target, x, element), f.at(target, y, element)


def divided(index: Index, count: int) -> tuple[Index, Index]:
    """Quotient and remainder of a number that is not negative."""
    return (index, 0) if count == 1 else (index // count, index % count)


def offset(f: Function, index: Index, dims: Axes) -> Value:
    """The offset of a place by its number, counted fastest along the first of these axes."""
    total: Value = f.constant(0)
    for extent, stride in dims[:-1]:
        index, place = divided(index, extent)
        total = total + place * stride
    return total + index * dims[-1][1] if dims else total
