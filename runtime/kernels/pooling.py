"""Max pooling by taking the maximum of shifted views, one for each element of the window."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import MaxPool2d, MaxPool2dGrad
from graphnet.compiler.ops.windows import Window
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.registry import Call, Run, kernel, like
from graphnet.runtime.kernels.windows import clip_steps

Clip = tuple[slice, slice, slice, slice]


def taps(window: Window, x: Array, y: Array) -> list[tuple[Array, Clip]]:
    """For each element of the window, in row-major order: its view of x, and the part of y that it exists for.

    An element that lies in the padding for some outputs is left out for those.
    """
    found = []
    for row, column in np.ndindex(window.kernel):
        (rows, out_rows), (columns, out_columns) = (
            clip_steps(offset - window.padding[axis][0], window.strides[axis], x.shape[2 + axis], y.shape[2 + axis])
            for axis, offset in enumerate((row, column)))
        found.append((x[:, :, rows, columns], (slice(None), slice(None), out_rows, out_columns)))
    return found


@kernel(MaxPool2d)
def max_pool2d(call: Call) -> Run:
    """The running maximum over the window's elements."""
    (x,), (y,) = call.inputs, call.outputs
    whole = (slice(None),) * 2 + (slice(0, y.shape[2]), slice(0, y.shape[3]))
    views = [(view, y[clip]) for view, clip in taps(call.op.window, x, y)]
    if len(views) > 1 and all(clip == whole for _, clip in taps(call.op.window, x, y)):
        (first, _), (second, _), *others = views

        def run() -> None:
            np.maximum(first, second, out=y)
            for view, _ in others:
                np.maximum(y, view, out=y)
        return run

    def run_padded() -> None:
        y.fill(-np.inf)
        for view, part in views:
            np.maximum(part, view, out=part)
    return run_padded


def _grad_workspace(op: MaxPool2dGrad, inputs: tuple[Operand, ...],
                    outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    shape = inputs[0].shape
    share = shape if _overlap(op) else (0,)
    return TensorType("bool", shape), TensorType("bool", shape), TensorType(inputs[0].dtype, share)


def _overlap(op: MaxPool2dGrad) -> bool:
    return any(s < k for s, k in zip(op.strides, op.kernel, strict=True))


@kernel(MaxPool2dGrad, workspace=_grad_workspace)
def max_pool2d_grad(call: Call) -> Run:
    """Each tap that equals the maximum takes the gradient, unless an earlier tap of the window had it."""
    (g, x, y), (out,) = call.inputs, call.outputs
    window, overlapping = call.op.window, _overlap(call.op)
    hit, free = (like(y, flat) for flat in call.workspace[:2])
    share = like(y, call.workspace[2]) if overlapping else hit
    steps = []
    for (view, clip), (target, _) in zip(taps(window, x, y), taps(window, out, y), strict=True):
        steps.append((view, y[clip], hit[clip], free[clip], g[clip], share[clip], target))
    gaps = _untouched(call.op, out, y)

    def run() -> None:
        free.fill(True)
        for gap in gaps:
            gap.fill(0)
        for view, top, here, left, grad, part, target in steps:
            np.equal(view, top, here)
            np.logical_and(here, left, here)
            np.logical_xor(left, here, left)
            if overlapping:
                np.multiply(grad, here, part)
                np.add(target, part, target)
            else:
                np.multiply(grad, here, target)
    return run


def _untouched(op: MaxPool2dGrad, out: Array, y: Array) -> list[Array]:
    """The parts of the result that must be 0 before the taps are written: all of it, or what lies in no window."""
    if op.strides != op.kernel or any(map(any, op.padding)):
        return [out]
    rows, columns = (y.shape[2 + axis] * op.kernel[axis] for axis in (0, 1))
    return [part for part in (out[:, :, rows:], out[:, :, :rows, columns:]) if part.size]
