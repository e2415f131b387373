"""Convolution and its gradients on images with their samples innermost, (C, H, W, N)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphnet.compiler.ops.convolution import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native import direct_forward, direct_weights
from graphnet.runtime.native.call import Call, batch_innermost, emitter, floats, need, room
from graphnet.runtime.native.chains import Tail
from graphnet.runtime.native.direct_bands import Part, Place, forward_parts, gradient_parts
from graphnet.runtime.native.function import Function, Lanes
from graphnet.runtime.native.geometry import After, Geometry
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.values import Index, Value

_FLAT = 64  # pixels of a row that vectors are well filled by


def _geometry(call: Call) -> Geometry:
    """The sizes of the convolution, or of the one that a gradient belongs to."""
    op, operands = call.root, (*call.inputs[:2], call.outputs[0])
    x, w, y = (operands[i] for i in {Conv2d: (0, 1, 2), Conv2dGradInput: (2, 1, 0), Conv2dGradWeight: (0, 2, 1)}[type(op)])
    floats(*operands)
    need(all(batch_innermost(o) or o.shape[0] <= 1 for o in (x, y)), "images in rows")
    n = room(x)
    need(n == room(y) and (n <= 1 or n % LANES == 0), "images without room for whole vectors")
    (top, bottom), (left, right) = op.padding
    g = Geometry(n, *x.shape[1:], w.shape[0], *w.shape[2:], top, bottom, left, right, op.strides, op.dilation, op.groups)
    if n == 1 and (g.kh, g.kw) == op.strides == (1, 1) and not any(map(any, op.padding)):  # pixels in any shape
        high = next(h for h in range(g.h, 0, -1) if g.h % h == 0 and (h == 1 or g.h // h * g.w >= _FLAT))
        return replace(g, h=high, w=g.h // high * g.w)
    return g


def _parts(call: Call) -> list[Part]:
    return forward_parts(_geometry(call)) if isinstance(call.root, Conv2d) else gradient_parts(_geometry(call))


def _packed(call: Call, machine: Machine) -> int:
    return sum(part.weights for part in _parts(call))


def _prepare(f: Function, call: Call) -> None:
    need(call.prepared is not None, "no memory for packed weights")
    if call.prepared is None:
        return
    at = 0
    for part in _parts(call):
        if part.weights:
            direct_forward.pack(f, part, call.x[1], f.at(call.prepared, at))
        at += part.weights


def _scratch(call: Call, machine: Machine) -> int:
    return max((direct_forward.scratch(part, machine) for part in _parts(call) if part.geometry.n), default=0)


@emitter(Conv2d, Conv2dGradInput, scratch=_scratch, prepare=_prepare, prepared=_packed)
def convolution(f: Function, call: Call) -> None:
    """Correlates images with filters, or sends output gradients back through them."""
    tail = Tail(f, call)
    at = 0
    for part in _parts(call):
        after = _after(f, call, tail, part.place)
        if part.geometry.n and call.prepared is not None:
            direct_forward.conv(f, part, call.x[0], f.at(call.prepared, at), call.y[0], after)
        at += part.weights


def _after(f: Function, call: Call, tail: Tail, place: Place) -> After:
    """The epilogue of a fused convolution."""
    output = call.outputs[0]
    spread = {i: _channel_stride(call.inputs[i], output) for i in tail.inputs}

    def after(value: Value, filter: Index, offset: Index, lanes: Lanes) -> Value:
        def load(i: int) -> Value:
            stride = spread[i]
            if stride is not None:
                return f.splat(f.scalar(call.x[i], filter * stride))
            if place.across > 1 and room(output) == 1:
                return f.gather(f.at(call.x[i], offset), place.across, lanes)
            return f.load(call.x[i], offset, lanes)
        return tail(value, load)
    return after


def _channel_stride(operand: Operand, output: Operand) -> int | None:
    """How far apart the values of channels are in an input of an epilogue; None if it is formed as the output.

    Raises:
        Unsupported: it is neither a number, nor a number a channel, nor formed as the output.
    """
    floats(operand)
    if operand.shape in ((), (1,)):
        return 0
    if operand.shape == output.shape and room(operand) == room(output) and (
            batch_innermost(operand) or output.shape[0] == 1):
        return None
    need(operand.shape == output.shape[1:2], f"an operand {operand.shape} of an epilogue")
    return 1


@emitter(Conv2dGradWeight, scratch=lambda call, machine: direct_weights.scratch(_geometry(call), machine))
def weight_gradient(f: Function, call: Call) -> None:
    """Sums products of inputs and output gradients over outputs and samples."""
    direct_weights.weight_gradient(f, _geometry(call), call.x[0], call.x[1], call.y[0])
