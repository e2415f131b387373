"""Softmax and its cross-entropy with labels."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.op import Op
from graphnet.compiler.ops import (
    Softmax,
    SoftmaxCrossEntropy,
    SoftmaxCrossEntropyGrad,
    SoftmaxGrad,
)
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.flat import in_memory_order
from graphnet.runtime.kernels.registry import Call, Run, kernel, like


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


def _loss_workspace(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """One element for each softmax, and for labels that are rows another one, for class numbers a place."""
    dtype = inputs[0].dtype if len(inputs[1].shape) == len(inputs[0].shape) else "int64"
    return (*_row(op, inputs, outputs), TensorType(dtype, outputs[0].shape))


@kernel(SoftmaxCrossEntropy, workspace=_loss_workspace)
def softmax_cross_entropy(call: Call) -> Run:
    """log Σ exp(z - max) - (z_label - max), and the softmax."""
    (z, labels), (loss, y), (row, extra) = call.inputs, call.outputs, call.workspace
    total = row[..., 0]

    def shift() -> None:
        np.max(z, -1, row, keepdims=True)
        np.subtract(z, row, y)

    def divide() -> None:
        np.exp(y, y)
        np.sum(y, -1, out=row, keepdims=True)
        np.divide(y, row, y)
        np.log(row, row)

    if labels.ndim == z.ndim:
        def rows() -> None:  # Σ t (log Σ exp - shifted)
            shift()
            np.einsum("...c,...c->...", y, labels, out=loss)
            divide()
            np.sum(labels, -1, out=extra)
            np.multiply(total, extra, extra)
            np.subtract(extra, loss, loss)
        return rows
    chosen = _Chosen(y, labels, extra)

    def classes() -> None:
        shift()
        chosen.find()
        chosen.take(loss)
        divide()
        np.subtract(total, loss, loss)
    return classes


def _gradient_workspace(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    g = inputs[0]
    return g.type, TensorType("int64", g.shape)


@kernel(SoftmaxCrossEntropyGrad, workspace=_gradient_workspace)
def softmax_cross_entropy_grad(call: Call) -> Run:
    """g (softmax Σ t - t)."""
    (g, y, labels), (out,), (values, index) = call.inputs, call.outputs, call.workspace
    spread = g[..., None]
    if labels.ndim == y.ndim:
        def rows() -> None:
            np.sum(labels, -1, out=values)
            np.multiply(y, values[..., None], out)
            np.subtract(out, labels, out)
            np.multiply(out, spread, out)
        return rows
    chosen, values = _Chosen(out, labels, index), like(labels, values)

    def classes() -> None:
        np.multiply(y, spread, out)
        chosen.find()
        chosen.take(values)
        np.subtract(values, g, values)
        chosen.put(values)
    return classes


class _Chosen:
    """The element of each row (…, C) of an array that a class number (…) chooses, without allocating anything.

    What they are copied to and from must lie in memory in the order of the labels.
    """

    def __init__(self, array: Array, labels: Array, index: Array) -> None:
        self._flat, self._labels, self._index = in_memory_order(array), labels, like(labels, index)
        self._places = in_memory_order(self._index)
        *outer, self._stride = (stride // array.itemsize for stride in array.strides)
        starts = [np.arange(dim) * stride for dim, stride in zip(array.shape, outer, strict=False)]
        self._starts = np.ix_(*starts)

    def find(self) -> None:
        """Works out where the elements lie."""
        np.multiply(self._labels, self._stride, self._index)
        for start in self._starts:
            np.add(self._index, start, self._index)

    def take(self, out: Array) -> None:
        """Copies them out."""
        np.take(self._flat, self._places, out=in_memory_order(out), mode="clip")  # "raise" would allocate a buffer

    def put(self, values: Array) -> None:
        """Replaces them."""
        np.put(self._flat, self._places, in_memory_order(values), mode="clip")
