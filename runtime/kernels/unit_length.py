"""Scaling vectors to length 1."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import UnitLength, UnitLengthGrad
from graphnet.compiler.ops.norms import is_ordinary
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.registry import Call, Run, kernel, like


def _row(form: Operand, axis: int) -> tuple[int, ...]:
    shape = list(form.shape)
    shape[axis] = 1
    return tuple(shape)


def _scratch(op: UnitLength, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """A number for each vector, and as many elements as the output has."""
    return TensorType(outputs[0].dtype, _row(outputs[0], op.axis)), outputs[0].type


def _grad_scratch(op: UnitLengthGrad, inputs: tuple[Operand, ...],
                  outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """Two numbers and a bool for each vector, and twice as many elements as the output has."""
    row = TensorType(outputs[0].dtype, _row(outputs[0], op.axis))
    return row, row, TensorType("bool", row.shape), outputs[0].type, outputs[0].type


def _measure(x: Array, axis: int, epsilon: float, squares: Array, length: Array) -> bool:
    """max(‖x‖, ε) into `length`, and whether that lost nothing; overwrites `squares`."""
    with np.errstate(over="ignore"):
        np.multiply(x, x, squares)
        np.sum(squares, axis, out=length, keepdims=True)
    np.sqrt(length, length)
    np.maximum(length, x.dtype.type(epsilon), out=length)
    return is_ordinary(length)


@kernel(UnitLength, workspace=_scratch)
def unit_length(call: Call) -> Run:
    """x / max(‖x‖, ε)."""
    (x,), (y,), (length, flat), op = call.inputs, call.outputs, call.workspace, call.op
    squares = like(y, flat)

    def run() -> None:
        if _measure(x, op.axis, op.epsilon, squares, length):
            np.divide(x, length, y)
        else:
            np.copyto(y, op.forward(x)[0])
    return run


@kernel(UnitLengthGrad, workspace=_grad_scratch)
def unit_length_grad(call: Call) -> Run:
    """(g - y Σ g y) / ‖x‖; without the second term where ‖x‖ < ε."""
    (g, x), (out,), (length, pull, long, *flats), op = call.inputs, call.outputs, call.workspace, call.op
    y, product = (like(out, flat) for flat in flats)
    epsilon = x.dtype.type(op.epsilon)

    def run() -> None:
        if not _measure(x, op.axis, op.epsilon, product, length):
            np.copyto(out, op.forward(g, x)[0])
            return
        np.greater(length, epsilon, long)
        np.divide(x, length, y)
        np.multiply(g, y, product)
        np.sum(product, op.axis, out=pull, keepdims=True)
        np.multiply(pull, long, pull)
        np.multiply(y, pull, y)
        np.subtract(g, y, out)
        np.divide(out, length, out)
    return run
