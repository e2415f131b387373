"""Joining two tensors: the larger, the smaller, and products sample by sample."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import BatchMatMul, Maximum, Minimum
from graphnet.runtime.kernels.registry import Call, Run, kernel, void


@kernel(Maximum)
def maximum(call: Call) -> Run:
    """max(a, b)."""
    (a, b), (y,) = call.inputs, call.outputs
    return lambda: void(np.maximum(a, b, out=y))


@kernel(Minimum)
def minimum(call: Call) -> Run:
    """min(a, b)."""
    (a, b), (y,) = call.inputs, call.outputs
    return lambda: void(np.minimum(a, b, out=y))


@kernel(BatchMatMul)
def batch_matmul(call: Call) -> Run:
    """A[n] B[n]."""
    (y,), (a, b) = call.outputs, call.op.matrices(*call.inputs)
    return lambda: void(np.matmul(a, b, out=y))
