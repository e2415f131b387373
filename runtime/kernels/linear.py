"""Matrix products on BLAS, which takes rows and columns alike, so that no layout needs a copy."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import MatMul, MatMulGradWeight
from graphnet.runtime.kernels.registry import Array, Call, Run, bind_reference, kernel, void


@kernel(MatMul)
def matmul(call: Call) -> Run:
    """x W with x as a matrix of rows."""
    (x, w), (y,) = call.inputs, call.outputs
    weight = w.T if call.op.transpose_w else w
    rows, result = as_matrix(x), as_matrix(y)
    if rows is None or result is None:
        return bind_reference(call)
    if result.flags.c_contiguous:
        return lambda: void(np.matmul(rows, weight, result))
    return lambda: void(np.matmul(weight.T, rows.T, result.T))


@kernel(MatMulGradWeight)
def matmul_grad_weight(call: Call) -> Run:
    """xᵀ g with x and g as matrices of rows."""
    (x, g), (w,) = call.inputs, call.outputs
    left, right = as_matrix(x), as_matrix(g)
    if left is None or right is None:
        return bind_reference(call)
    return lambda: void(np.matmul(left.T, right, w))


def as_matrix(x: Array) -> Array | None:
    """A view (all leading axes, last axis) of x, or None if its layout does not allow one."""
    if x.ndim == 2:
        return x
    matrix = x.view()
    try:
        matrix.shape = (x.size // max(x.shape[-1], 1), x.shape[-1])
    except AttributeError:  # NumPy's way to say that a copy would be needed
        return None
    return matrix
