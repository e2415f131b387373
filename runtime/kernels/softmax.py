"""Softmax, its cross-entropy with labels, and counting hits."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.op import Op
from graphnet.compiler.ops import (
    CountCorrect,
    Softmax,
    SoftmaxCrossEntropy,
    SoftmaxCrossEntropyGrad,
    SoftmaxGrad,
)
from graphnet.compiler.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.registry import Array, Call, Run, kernel, like


def _reduced(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    axis %= len(shape)
    return (*shape[:axis], 1, *shape[axis + 1:])


def _row(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """One element for each softmax."""
    axis = getattr(op, "axis", -1)
    return (TensorType(inputs[0].dtype, _reduced(inputs[0].shape, axis)),)


def _row_and_copy(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return (*_row(op, inputs, outputs), inputs[0].type)


@kernel(Softmax, workspace=_row)
def softmax(call: Call) -> Run:
    """exp(x - max) / Σ, in place in y."""
    (x,), (y,), (row,), axis = call.inputs, call.outputs, call.workspace, call.op.axis

    def run() -> None:
        np.max(x, axis, row, keepdims=True)
        np.subtract(x, row, y)
        np.exp(y, y)
        np.sum(y, axis, out=row, keepdims=True)
        np.divide(y, row, y)
    return run


@kernel(SoftmaxGrad, workspace=_row_and_copy)
def softmax_grad(call: Call) -> Run:
    """y (g - Σ g y)."""
    (g, y), (out,), (row, flat), axis = call.inputs, call.outputs, call.workspace, call.op.axis
    product = like(y, flat)

    def run() -> None:
        np.multiply(g, y, product)
        np.sum(product, axis, out=row, keepdims=True)
        np.subtract(g, row, product)
        np.multiply(product, y, out)
    return run


@kernel(SoftmaxCrossEntropy, workspace=_row_and_copy)
def softmax_cross_entropy(call: Call) -> Run:
    """log Σ exp(z - max) - (z_label - max), and the softmax."""
    (z, labels), (loss, y), (row, flat) = call.inputs, call.outputs, call.workspace
    shifted, total = like(z, flat), row[..., 0]
    pick = _picker(shifted, labels, loss)

    def run() -> None:
        np.max(z, -1, row, keepdims=True)
        np.subtract(z, row, shifted)
        np.exp(shifted, y)
        np.sum(y, -1, out=row, keepdims=True)
        np.divide(y, row, y)
        np.log(row, row)
        pick(total)
    return run


def _picker(shifted: Array, labels: Array, loss: Array):  # type: ignore[no-untyped-def]
    """loss = -Σ t (shifted - log total) for one-hot rows or class numbers."""
    if labels.ndim == shifted.ndim:
        def rows(total: Array) -> None:
            np.subtract(shifted, total[..., None], shifted)
            np.multiply(shifted, labels, shifted)
            np.sum(shifted, -1, out=loss)
            np.negative(loss, loss)
        return rows
    places = np.indices(labels.shape, sparse=True)

    def classes(total: Array) -> None:
        np.subtract(total, shifted[(*places, labels)], loss)
    return classes


@kernel(SoftmaxCrossEntropyGrad)
def softmax_cross_entropy_grad(call: Call) -> Run:
    """g (softmax Σ t - t)."""
    (g, y, labels), (out,) = call.inputs, call.outputs
    spread = g[..., None]
    if labels.ndim == y.ndim:
        def rows() -> None:
            np.multiply(y, labels.sum(-1, keepdims=True), out)
            np.subtract(out, labels, out)
            np.multiply(out, spread, out)
        return rows
    places = np.indices(labels.shape, sparse=True)

    def classes() -> None:
        np.multiply(y, spread, out)
        out[(*places, labels)] -= g
    return classes
