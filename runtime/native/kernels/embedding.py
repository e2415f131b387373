"""Looking up rows of a table by number, and adding gradients up by row.

Numbers are checked before anything runs. What lies behind the last sample is not: so every number is held to the table.
"""

from __future__ import annotations

import math

from graphnet.compiler import ops
from graphnet.runtime.native.call import Call, emitter, floats, need, room
from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.lines import Line, Lines, innermost, samples, whole_numbers
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.turning import turn_block
from graphnet.runtime.native.values import I32, I64, INTS, Index, Value


def _row(f: Function, call: Call, place: Index, table: Value, rows: int, features: int) -> Value:
    """The address of the row that a place asks for."""
    number = whole_numbers(f, call.x[0], place, call.inputs[0], 1, I64)
    return f.at(table, f.intrinsic("umin", number, f.constant(rows - 1)) * features)


@emitter(ops.Embedding)
def embedding(f: Function, call: Call) -> None:
    """Copies rows; where samples lie innermost, gathers a feature of 16 samples at a time."""
    (numbers, form), table, (rows, features) = call.inputs, call.x[1], call.inputs[1].shape
    floats(form)
    lines = Lines(f, call, call.outputs[0], -1, (numbers, *call.outputs), gathered=False)
    need(lines.along or rows * features < 2 ** 31, "so large a table")

    def line(of: Line) -> None:
        if lines.along:
            row = _row(f, call, of.number, table, rows, features)
            of.over(lambda at: at.put(f.load(row, at.c, at.lanes)))
            return
        found = whole_numbers(f, call.x[0], of.number, numbers, of.lanes, I32)
        starts = f.intrinsic("umin", found, f.constant(rows - 1, INTS)) * f.constant(features, INTS)
        of.over(lambda at: at.put(f.gather(f.at(table, at.c), starts, at.lanes)))
    lines.each(line)


@emitter(ops.EmbeddingGrad, scratch=lambda call, machine: LANES * LANES)
def embedding_grad(f: Function, call: Call) -> None:
    """Threads share the features, so each element of the table is a sum over places in order."""
    (numbers, form), (_, g), table, (rows, features) = call.inputs, call.x, call.y[0], call.outputs[0].shape
    floats(form)
    need(len(numbers.shape) < 2 or innermost(numbers) == innermost(form), "operands in different layouts")
    lo, hi = f.share(-(-features // LANES))

    def add(value: Value, place: Index, c: Index, count: int) -> None:
        row = _row(f, call, place, table, rows, features)
        f.store(f.load(row, c, count) + value, row, c, count)
    with f.when(f.first), f.loop(0, rows) as row:
        blocks(f, features, LANES, lambda c, count: f.store(f.zero(), table, row * features + c, count), lo, hi)
    if 0 in form.shape:
        return
    n, around, pitch = samples(f, form), math.prod(form.shape[1:-1]), room(form)
    if not innermost(form):
        with f.loop(0, n * around) as place:
            blocks(f, features, LANES,
                   lambda c, count: add(f.load(g, place * features + c, count), place, c, count), lo, hi)
        return
    with f.loop(0, around) as i, f.loop(0, n, LANES) as first:
        def block(c: Index, count: int) -> None:
            turn_block(f, f.at(g, (i * features + c) * pitch + first), pitch, f.scratch, LANES, count)
            with f.loop(0, f.least(n - first, LANES)) as lane:
                add(f.load(f.scratch, lane * LANES), i * pitch + first + lane, c, count)
        blocks(f, features, LANES, block, lo, hi)
