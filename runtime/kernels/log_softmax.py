"""The logarithm of the softmax."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import LogSoftmax, LogSoftmaxGrad
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.registry import Call, Run, kernel, like


def row_and_copy(op: LogSoftmax | LogSoftmaxGrad, inputs: tuple[Operand, ...],
                 outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """One element for each softmax, and as many as the output has."""
    shape = list(outputs[0].shape)
    shape[op.axis] = 1
    return TensorType(outputs[0].dtype, tuple(shape)), outputs[0].type


@kernel(LogSoftmax, workspace=row_and_copy)
def log_softmax(call: Call) -> Run:
    """x - max - log Σ exp(x - max)."""
    (x,), (y,), (row, flat), axis = call.inputs, call.outputs, call.workspace, call.op.axis
    powers = like(y, flat)

    def run() -> None:
        np.max(x, axis, row, keepdims=True)
        np.subtract(x, row, y)
        np.exp(y, powers)
        np.sum(powers, axis, out=row, keepdims=True)
        np.log(row, row)
        np.subtract(y, row, y)
    return run


@kernel(LogSoftmaxGrad, workspace=row_and_copy)
def log_softmax_grad(call: Call) -> Run:
    """g - exp(y) Σ g."""
    (g, y), (out,), (row, flat), axis = call.inputs, call.outputs, call.workspace, call.op.axis
    share = like(out, flat)

    def run() -> None:
        np.sum(g, axis, out=row, keepdims=True)
        np.exp(y, share)
        np.multiply(share, row, share)
        np.subtract(g, share, out)
    return run
