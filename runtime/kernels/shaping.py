"""Moving elements: reshapes that need a copy, joining, cutting, padding."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import Concat, Pad, Slice
from graphnet.compiler.ops.shaping import along
from graphnet.runtime.kernels.registry import Call, Run, kernel


@kernel(Concat)
def concat(call: Call) -> Run:
    """Copies each input into its part of the output."""
    (y,), axis, start = call.outputs, call.op.axis % call.outputs[0].ndim, 0
    pairs = []
    for x in call.inputs:
        pairs.append((y[along(axis, start, start + x.shape[axis])], x))
        start += x.shape[axis]

    def run() -> None:
        for part, x in pairs:
            np.copyto(part, x)
    return run


@kernel(Slice)
def cut(call: Call) -> Run:
    """Copies a part of the input."""
    (x,), (y,), op = call.inputs, call.outputs, call.op
    part = x[along(op.axis % x.ndim, op.start, op.stop)]
    return lambda: np.copyto(y, part)


@kernel(Pad)
def pad(call: Call) -> Run:
    """Zeros with the input in the middle."""
    (x,), (y,), op = call.inputs, call.outputs, call.op
    axis = op.axis % x.ndim
    part = y[along(axis, op.before, op.before + x.shape[axis])]

    def run() -> None:
        y.fill(0)
        np.copyto(part, x)
    return run
