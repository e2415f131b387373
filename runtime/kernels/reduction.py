"""Sums and means."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import ReduceMean, ReduceSum
from graphnet.runtime.kernels.registry import Call, Run, kernel, void


@kernel(ReduceSum)
def reduce_sum(call: Call) -> Run:
    """Σ over axes."""
    (x,), (y,), axes = call.inputs, call.outputs, call.op.axes
    return lambda: void(np.sum(x, axes, out=y))


@kernel(ReduceMean)
def reduce_mean(call: Call) -> Run:
    """Σ / n over axes."""
    (x,), (y,), axes = call.inputs, call.outputs, call.op.axes
    factor = x.dtype.type(y.size / max(x.size, 1))

    def run() -> None:
        np.sum(x, axes, out=y)
        np.multiply(y, factor, y)
    return run
