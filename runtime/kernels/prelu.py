"""PReLU."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import PRelu, PReluGrad
from graphnet.compiler.ops.linear import along_axis
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.registry import Call, Run, kernel, like, like_output


@kernel(PRelu, workspace=like_output)
def prelu(call: Call) -> Run:
    """max(x, 0) + a min(x, 0)."""
    (x, a), (y,) = call.inputs, call.outputs
    slope, low, zero = along_axis(a, call.op.axis, x.ndim), like(y, call.workspace[0]), x.dtype.type(0)

    def run() -> None:
        np.minimum(x, zero, out=low)
        np.multiply(low, slope, low)
        np.maximum(x, zero, out=y)
        np.add(y, low, y)
    return run


def _factors(op: PReluGrad, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return TensorType("bool", outputs[0].shape), outputs[0].type


@kernel(PReluGrad, workspace=_factors)
def prelu_grad(call: Call) -> Run:
    """g where x > 0, else a g."""
    (g, x, a), (out,) = call.inputs, call.outputs
    positive, scaled = (like(out, flat) for flat in call.workspace)
    slope, zero = along_axis(a, call.op.axis, x.ndim), x.dtype.type(0)

    def run() -> None:
        np.greater(x, zero, positive)
        np.multiply(g, slope, scaled)
        np.copyto(scaled, g, where=positive)
        np.copyto(out, scaled)
    return run
