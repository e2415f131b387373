"""Convolution and its gradients on images with their samples innermost, (C, H, W, N)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from graphnet.compiler.ops.convolution import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.values import F32, I8, Index, Value
from graphnet.runtime.native.convolution import direct, direct_weights, winograd
from graphnet.runtime.native.convolution.geometry import Axis, Geometry
from graphnet.runtime.native.convolution.winograd_plan import Plan, best_plan
from graphnet.runtime.native.convolution.winograd_rounding import rounding_of_filters, rounding_of_images
from graphnet.runtime.native.convolution.winograd_transforms import F2, F4
from graphnet.runtime.native.emit.call import Call, batch_innermost, emitter, floats, need, room
from graphnet.runtime.native.emit.formulas import Tail

Side = Callable[[Index, Index, Lanes], Value]
"""An input of an epilogue, given the filter, the offset in the output, and how many lanes of a vector there are."""
_FLAT = 64  # pixels of a row by which vectors are well filled


def _geometry(call: Call) -> Geometry:
    """The sizes of the convolution, of the gradient for images, or of what a gradient for weights belongs to."""
    op, (a, b), c = call.root, call.inputs[:2], call.outputs[0]
    x, w, y = {Conv2d: (a, b, c), Conv2dGradInput: (c, b, a), Conv2dGradWeight: (a, c, b)}[type(op)]
    floats(x, w, y)
    need(all(batch_innermost(o) or o.shape[0] <= 1 for o in (x, y)), "images in rows")
    need(room(x) == room(y) and (room(x) <= 1 or room(x) % LANES == 0), "images without room for whole vectors")
    back = isinstance(op, Conv2dGradInput)
    read, made = (y, x) if back else (x, y)
    rows, columns = (Axis(read.shape[i], made.shape[i], w.shape[i], op.strides[i - 2], op.dilation[i - 2],
                          op.padding[i - 2][0], back) for i in (2, 3))
    g = Geometry(room(x), read.shape[1], made.shape[1], rows, columns, op.groups)
    if g.n == g.taps == 1 == math.prod(op.strides) and not any(map(any, op.padding)):  # the shape of images is free
        pixels = rows.size * columns.size
        high = next(i for i in range(rows.size, 0, -1) if rows.size % i == 0 and (i == 1 or pixels // i >= _FLAT))
        return replace(g, rows=replace(rows, size=high, results=high),
                       columns=replace(columns, size=pixels // high, results=pixels // high))
    return g


def _winograd(call: Call) -> Plan | None:
    """How it is done with fewer products, if that pays; None if sums are to be direct ones.

    Products for tiles of 2 × 2 results round as direct sums do, and so go forward in training; gradients and
    predictions may take 4 × 4.
    """
    return best_plan([F2] if call.training else [F2, F4], _geometry(call)) if call.winograd else None


def _scratch(call: Call, machine: Machine) -> int:
    found, g = _winograd(call), _geometry(call)
    return found.scratch if found else direct.scratch(g, machine) if g.n else 0


def _packed(call: Call, machine: Machine) -> int:
    found, g = _winograd(call), _geometry(call)
    return found.prepared if found else direct.weights(g) if g.n else 0


def _pack(f: Function, call: Call) -> None:
    w, to = call.x[1], call.prepared or f.scratch
    if found := _winograd(call):
        winograd.prepare(f, found, w, to)
    else:
        direct.pack(f, _geometry(call), w, to)


def _rounding(call: Call) -> float:
    found, filters = _winograd(call), isinstance(call.root, Conv2dGradWeight)
    return (rounding_of_filters if filters else rounding_of_images)(found.algorithm) if found else 1.0


@emitter(Conv2d, Conv2dGradInput, scratch=_scratch, prepare=_pack, prepared=_packed, rounding=_rounding)
def convolution(f: Function, call: Call) -> None:
    """Correlates images with filters, or sends output gradients back through them."""
    tail, g, packed = Tail(f, call), _geometry(call), call.prepared or f.scratch
    sides = {i: _side(f, call, i) for i in tail.inputs}

    def after(value: Value, filter: Index, offset: Index, lanes: Lanes) -> Value:
        return tail(value, lambda i: sides[i](filter, offset, lanes))
    if found := _winograd(call):
        winograd.conv(f, found, call.x[0], call.y[0], after, packed)
    elif g.n:
        direct.conv(f, g, call.x[0], packed, call.y[0], after)


def _side(f: Function, call: Call, i: int) -> Side:
    """How an input of the epilogue is read: formed as the output, a number a channel (and sample), or one for all."""
    form, y, x = call.inputs[i], call.outputs[0], call.x[i]
    need(form.dtype in ("bool", "float32"), f"an operand {form.dtype} of an epilogue")
    element = I8 if form.dtype == "bool" else F32

    def number(value: Value) -> Value:
        return f.splat(value if element == F32 else f.convert("uitofp", value, F32))
    if form.shape == y.shape:
        need(room(form) == room(y) and (batch_innermost(form) or room(y) == 1), "operands of both layouts")
        return lambda filter, offset, lanes: number(f.load(x, offset, lanes, element))
    if math.prod(form.shape) == 1:
        return lambda filter, offset, lanes: number(f.scalar(x, 0, element))
    if form.shape == (y.shape[0], y.shape[1], 1, 1) and room(y) > 1:
        need(batch_innermost(form) and room(form) == room(y), "operands of both layouts")
        return lambda filter, offset, lanes: number(f.load(x, filter * room(y) + offset % room(y), None, element))
    readers = [node.op for node in call.op.chain if call.op.body.inputs[i].value in node.inputs]
    need(form.shape == (1, y.shape[1], 1, 1) or (len(form.shape) == 1 and all(op.axis % 4 == 1 for op in readers)),
         f"an operand {form.shape} of an epilogue")
    return lambda filter, offset, lanes: number(f.scalar(x, filter, element))


def _sums_scratch(call: Call, machine: Machine) -> int:
    found, g = _winograd(call), _geometry(call)
    return found.weight_scratch if found else direct_weights.scratch(g, machine) if g.n else 0


@emitter(Conv2dGradWeight, scratch=_sums_scratch, rounding=_rounding)
def weight_gradient(f: Function, call: Call) -> None:
    """Sums products of inputs and output gradients over outputs and samples."""
    g, found, (x, dy), dw = _geometry(call), _winograd(call), call.x, call.y[0]
    if found:
        winograd.weight_gradient(f, found, x, dy, dw)
    elif g.n:
        direct_weights.weight_gradient(f, g, x, dy, dw)
    else:
        with f.loop(*f.share(math.prod(call.outputs[0].shape))) as i:
            f.put(f.constant(0.0, F32), dw, i)
