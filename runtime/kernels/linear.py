"""Matrix products on BLAS, which takes rows and columns alike, so that no layout needs a copy."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import BatchMatMul, MatMul, MatMulGradWeight
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.registry import Call, Run, kernel, void


@kernel(MatMul)
def matmul(call: Call) -> Run:
    """x W with x as a matrix of rows, or as one for each place between batch and features."""
    (x, w), (y,) = call.inputs, call.outputs
    weight = w.T if call.op.transpose_w else w
    steps = [_product(rows, weight, result) for rows, result in matrices(x, y)]
    if len(steps) == 1:
        return steps[0]

    def run() -> None:
        for step in steps:
            step()
    return run


def _product(rows: Array, weight: Array, result: Array) -> Run:
    if result.flags.c_contiguous:
        return lambda: void(np.matmul(rows, weight, result))
    return lambda: void(np.matmul(weight.T, rows.T, result.T))


def _share(op: MatMulGradWeight, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """A place's share of the gradient, for inputs that are not one matrix."""
    several = any(form.layout != "rows" and len(form.shape) > 2 for form in inputs)
    return (TensorType(outputs[0].dtype, outputs[0].shape if several else (0,)),)


@kernel(MatMulGradWeight, workspace=_share)
def matmul_grad_weight(call: Call) -> Run:
    """Σ xᵀ g with x and g as matrices of rows, or as one for each place between batch and features."""
    (x, g), (w,), (share,) = call.inputs, call.outputs, call.workspace
    (left, right), *others = matrices(x, g)
    if not others:
        return lambda: void(np.matmul(left.T, right, w))

    def run() -> None:
        np.matmul(left.T, right, w)
        for more_left, more_right in others:
            np.matmul(more_left.T, more_right, share)
            np.add(w, share, w)
    return run


def matrices(a: Array, b: Array) -> list[tuple[Array, Array]]:
    """Two arrays (…, K) and (…, M) as views with two axes, in pairs: one pair if the layouts allow it."""
    whole_a, whole_b = as_matrix(a), as_matrix(b)
    if whole_a is not None and whole_b is not None:
        return [(whole_a, whole_b)]
    return [(a[:, *place], b[:, *place]) for place in np.ndindex(a.shape[1:-1])]


def as_matrix(x: Array) -> Array | None:
    """A view (all leading axes, last axis) of x, or None if its layout does not allow one."""
    matrix = x.reshape(x.size // max(x.shape[-1], 1), x.shape[-1])
    return matrix if np.may_share_memory(matrix, x) or not x.size else None


@kernel(BatchMatMul)
def batch_matmul(call: Call) -> Run:
    """A[n] B[n]."""
    (y,), (a, b) = call.outputs, call.op.matrices(*call.inputs)
    return lambda: void(np.matmul(a, b, out=y))
