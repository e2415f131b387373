"""Elements that change places: joined, cut, padded, with their axes in another order, from one layout to another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from graphnet.compiler.ops import Advance, Concat, Pad, Reshape, Slice, Transpose
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.native.emit.call import Call, batch_innermost, emitter, per_sample, room
from graphnet.runtime.native.emit.copying import Axes, copy, element_of, joined

_Part = tuple[int | None, Sequence[int], int, int]
"""An input, or None for zeros; so much of it; from where on along the axis of the op, and to where."""


def _parts(call: Call) -> Iterator[_Part]:
    """What a result is made of."""
    op, last = call.op, len(call.inputs) - 1
    place = op.before if isinstance(op, Pad) else 0
    if isinstance(op, Concat):
        for position, x in enumerate(call.inputs):
            yield position, x.shape, 0, place
            place += x.shape[op.axis]
        return
    yield (0, call.outputs[0].shape, op.start, 0) if isinstance(op, Slice) else (last, call.inputs[-1].shape, 0, place)
    if isinstance(op, Pad):
        before, after = call.inputs[0].shape[:op.axis], call.inputs[0].shape[op.axis:]
        yield None, (*before, op.before, *after[1:]), 0, 0
        yield None, (*before, op.after, *after[1:]), 0, op.before + after[0]


@emitter(Advance, Concat, Pad, Reshape, Slice, Transpose)
def move(f: Function, call: Call) -> None:
    """Copies each part of the result, and fills what lies behind its samples."""
    (y,), op, element = call.outputs, call.op, element_of(call.outputs[0])
    axis, keeps = getattr(op, "axis", 0), _keeps_samples(call)
    for position, shape, start, place in _parts(call):
        xs = _axes(y if position is None else call.inputs[position], shape, keeps)
        ys = _axes(y, y.shape if isinstance(op, Reshape | Transpose) else shape, keeps)
        xs = [xs[axis] for axis in op.axes] if isinstance(op, Transpose) else xs
        source = None if position is None else f.at(call.x[position], start and start * xs[axis][1], element)
        to = f.at(call.y[0], place and place * ys[axis][1], element)
        if any(extent == 0 for extent, _ in ys):
            continue
        if keeps:
            xs, ys = [*xs[1:], xs[0]], [*ys[1:], ys[0]]  # as they lie in memory
        copy(f, element, source, to, joined(xs, ys))
    if y.layout == "rows" or 0 in y.shape or keeps or (room(y) == y.shape[0] and not f.blocked):
        return
    f.meet()
    with f.loop(*f.share(per_sample(y))) as row, f.loop(f.n if f.blocked else y.shape[0], room(y)) as lane:
        f.put(f.constant(0, element), call.y[0], row * room(y) + lane)


def _axes(operand: Operand, shape: Sequence[int], keeps: bool) -> Axes:
    """So much of an operand; where samples stay apart and innermost, of all that there is room for."""
    size = np.dtype(operand.dtype).itemsize
    return [(extent, stride // size) for extent, stride in zip(
        [room(operand), *shape[1:]] if keeps else shape, operand.strides, strict=True)]


def _keeps_samples(call: Call) -> bool:
    y = call.outputs[0]
    return bool(call.op.separates(*(x.type for x in call.inputs))) and all(
        batch_innermost(operand) and room(operand) == room(y) for operand in (*call.inputs, y))
