"""Epilogues of what makes images (N, C, H, W): convolution and pooling."""

from __future__ import annotations

import math
from collections.abc import Callable

from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.values import F32, I8, Index, Value
from graphnet.runtime.native.emit.call import Call, batch_innermost, need, room
from graphnet.runtime.native.emit.formulas import Tail

After = Callable[[Value, Index, Index, Lanes], Value]
"""What becomes of a vector of results before it is stored, given its channel, its offset in the output, and how many of
its lanes there are."""
_Side = Callable[[Index, Index, Lanes], Value]
"""An input of an epilogue, given the same."""


def epilogue(f: Function, call: Call) -> After:
    """That of a call; with none, it gives back what it is given."""
    tail = Tail(f, call)
    sides = {i: _side(f, call, i) for i in tail.inputs}

    def after(value: Value, channel: Index, offset: Index, lanes: Lanes) -> Value:
        return tail(value, lambda i: sides[i](channel, offset, lanes))
    return after


def _side(f: Function, call: Call, i: int) -> _Side:
    """How an input of the epilogue is read: formed as the output, a number a channel (and sample), or one for all."""
    form, y, x = call.inputs[i], call.outputs[0], call.x[i]
    need(form.dtype in ("bool", "float32"), f"an operand {form.dtype} of an epilogue")
    element = I8 if form.dtype == "bool" else F32

    def number(value: Value) -> Value:
        return f.splat(value if element == F32 else f.convert("uitofp", value, F32))
    if form.shape == y.shape:
        need(room(form) == room(y) and (form.layout == y.layout or room(y) == 1), "operands of both layouts")
        return lambda channel, offset, lanes: number(f.load(x, offset, lanes, element))
    if math.prod(form.shape) == 1:
        return lambda channel, offset, lanes: number(f.scalar(x, 0, element))
    if form.shape == (y.shape[0], y.shape[1], 1, 1) and room(y) > 1:
        need(batch_innermost(form) and room(form) == room(y), "operands of both layouts")
        return lambda channel, offset, lanes: number(f.load(x, channel * room(y) + offset % room(y), None, element))
    readers = [node.op for node in call.op.chain if call.op.body.inputs[i].value in node.inputs]
    need(form.shape == (1, y.shape[1], 1, 1) or (len(form.shape) == 1 and all(op.axis % 4 == 1 for op in readers)),
         f"an operand {form.shape} of an epilogue")
    return lambda channel, offset, lanes: number(f.scalar(x, channel, element))
