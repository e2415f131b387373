"""Max pooling by taking the maximum of shifted views, one for each element of the window."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import MaxPool2d, MaxPool2dGrad
from graphnet.compiler.ops.windows import Window
from graphnet.compiler.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.registry import Array, Call, Run, kernel, like
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
    return TensorType("bool", shape), TensorType("bool", shape), TensorType(inputs[0].dtype, shape)


@kernel(MaxPool2dGrad, workspace=_grad_workspace)
def max_pool2d_grad(call: Call) -> Run:
    """Each tap that equals the maximum takes the gradient, unless an earlier tap of the window had it."""
    (g, x, y), (out,) = call.inputs, call.outputs
    hit, free, share = (like(y, flat) for flat in call.workspace)
    window = call.op.window
    steps = []
    for (view, clip), (target, _) in zip(taps(window, x, y), taps(window, out, y), strict=True):
        steps.append((view, y[clip], hit[clip], free[clip], g[clip], share[clip], target))
    overlapping = any(s < k for s, k in zip(window.strides, window.kernel, strict=True))
    covered = all(window.strides[a] == window.kernel[a]
                  and y.shape[2 + a] * window.strides[a] - window.padding[a][0] >= x.shape[2 + a] for a in (0, 1))

    def run() -> None:
        free.fill(True)
        if not covered:
            out.fill(0)
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
