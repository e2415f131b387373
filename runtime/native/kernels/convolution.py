"""Convolution and its gradients on images with their samples innermost, (C, H, W, N)."""

from __future__ import annotations

import math
from dataclasses import replace

from graphnet.compiler.ops.convolution import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.values import F32
from graphnet.runtime.native.convolution import direct, direct_weights, winograd
from graphnet.runtime.native.convolution.geometry import Axis, Geometry
from graphnet.runtime.native.convolution.winograd_plan import Plan, best_plan
from graphnet.runtime.native.convolution.winograd_transforms import F2, F4
from graphnet.runtime.native.emit.call import Call, batch_innermost, emitter, floats, need, room
from graphnet.runtime.native.emit.epilogue import epilogue

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
    window, pace = (call.pool.kernel, call.pool.strides) if call.pool else ((1, 1), (1, 1))
    need(not call.pool or not any(map(any, call.pool.padding)), "padded windows behind a convolution")
    rows, columns = (Axis(read.shape[i + 2], made.shape[i + 2], w.shape[i + 2], op.strides[i], op.dilation[i],
                          op.padding[i][0], back, window[i], pace[i]) for i in (0, 1))
    g = Geometry(room(x), read.shape[1], made.shape[1], rows, columns, op.groups)
    steps = (*op.strides, *window)
    if g.n == g.taps == 1 == math.prod(steps) and not any(map(any, op.padding)):  # the shape of images is free
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
    found = _winograd(call)
    return found.algorithm.rounding[isinstance(call.root, Conv2dGradWeight)] if found else 1.0


@emitter(Conv2d, Conv2dGradInput, scratch=_scratch, prepare=_pack, prepared=_packed, rounding=_rounding)
def convolution(f: Function, call: Call) -> None:
    """Correlates images with filters, or sends output gradients back through them."""
    tail, g, packed = epilogue(f, call), _geometry(call), call.prepared or f.scratch
    if found := _winograd(call):
        winograd.conv(f, found, call.x[0], call.y[0], tail, packed)
    elif g.n:
        direct.conv(f, g, call.x[0], packed, call.y[0], tail)


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
