"""Looking up rows of a table by number, and adding gradients up by row.

Numbers are checked before anything runs. What lies behind the last sample is not: so every number is held to the table.
"""

from __future__ import annotations

import math

from graphnet.compiler import ops
from graphnet.runtime.llvm.contract import blocks
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.turning import turn_block
from graphnet.runtime.llvm.values import I32, I64, INTS, Index, Value
from graphnet.runtime.native.emit.call import Call, batch_innermost, emitter, floats, need, room
from graphnet.runtime.native.emit.lines import whole
from graphnet.runtime.native.emit.views import ELEMENTS, samples, view
from graphnet.runtime.native.emit.walk import Group, Walk


def _row(f: Function, number: Value, table: Value, rows: int, features: int) -> Value:
    """The address of the row of a number."""
    number = f.intrinsic("umin", whole(f, number), f.constant(rows - 1, I32))
    return f.at(table, f.convert("zext", number, I64) * features)


@emitter(ops.Embedding)
def embedding(f: Function, call: Call) -> None:
    """Copies rows; where samples lie innermost, gathers a feature of 16 samples at a time."""
    (numbers, form), table, (rows, features) = (call.inputs[0], call.outputs[0]), call.x[1], call.inputs[1].shape
    floats(form)
    axis = len(form.shape) - 1
    found = Walk(f, form, [view(call.x[0], numbers, form, without=(axis,))], [view(call.y[0], form, form)], (axis,))
    need(found.lane.joined or rows * features < 2 ** 31, "so large a table")

    def line(of: Group) -> None:
        if of.walk.lane.joined:
            row = _row(f, f.scalar(of.spots[0].places[0], 0, of.walk.views[0].element), table, rows, features)
            of.over(lambda at: at.put(f.load(row, at.start, at.lanes)))
            return
        number = f.intrinsic("umin", whole(f, of.own(0)), f.constant(rows - 1, INTS))
        starts = number * f.constant(features, INTS)
        of.over(lambda at: at.put(f.gather(f.at(table, at.index), starts, at.lanes)))
    found.each(line)


@emitter(ops.EmbeddingGrad, scratch=lambda call, machine: LANES * LANES)
def embedding_grad(f: Function, call: Call) -> None:
    """Threads share the features, so each element of the table is a sum over places in order."""
    (numbers, form), (found, g), table, (rows, features) = call.inputs, call.x, call.y[0], call.outputs[0].shape
    floats(form)
    last, held = batch_innermost(form) and room(form) > 1, ELEMENTS[numbers.dtype]
    need(len(numbers.shape) < 2 or (batch_innermost(numbers) and room(numbers) > 1) == last, "operands of both layouts")
    lo, hi = f.share(-(-features // LANES))

    def add(place: Index, source: Value, row: Index) -> None:
        to = _row(f, f.scalar(found, place, held), table, rows, features)
        blocks(f, features, LANES, lambda c, count: f.store(
            f.load(to, c, count) + f.load(source, row * features + c, count), to, c, count), lo, hi)
    with f.when(f.first), f.loop(0, rows) as row:
        blocks(f, features, LANES, lambda c, count: f.store(f.zero(), table, row * features + c, count), lo, hi)
    if 0 in form.shape:
        return
    n, around, pitch = samples(f, form), math.prod(form.shape[1:-1]), room(form)
    if not last:
        with f.loop(0, n * f.constant(around)) as place:
            add(place, g, place)
        return
    with f.loop(0, around) as i, f.loop(0, n, LANES) as first:
        def block(c: Index, count: int) -> None:
            turn_block(f, f.at(g, (i * features + c) * pitch + first), pitch, f.scratch, LANES, count)
            with f.loop(0, f.least(n - first, LANES)) as lane:
                to = _row(f, f.scalar(found, i * pitch + first + lane, held), table, rows, features)
                f.store(f.load(to, c, count) + f.load(f.scratch, lane * LANES), to, c, count)
        blocks(f, features, LANES, block, lo, hi)
