"""Average pooling by adding shifted views, one for each element of the window."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import AvgPool2d, AvgPool2dGrad
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.pooling import taps
from graphnet.runtime.kernels.registry import Call, Run, kernel, like


@kernel(AvgPool2d)
def avg_pool2d(call: Call) -> Run:
    """The sum over the window's elements, times 1 / n."""
    (x,), (y,) = call.inputs, call.outputs
    factors = (1 / call.op.divisors(x.shape)).astype(x.dtype)  # (OH, OW)
    pairs = [(view, y[clip]) for view, clip in taps(call.op.window, x, y)]

    def run() -> None:
        y.fill(0)
        for view, part in pairs:
            np.add(part, view, part)
        np.multiply(y, factors, y)
    return run


def _share(op: AvgPool2dGrad, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return (inputs[0].type,)


@kernel(AvgPool2dGrad, workspace=_share)
def avg_pool2d_grad(call: Call) -> Run:
    """g / n added to every element of the window."""
    (g,), (x,) = call.inputs, call.outputs
    share = like(g, call.workspace[0])
    factors = (1 / call.op.divisors(x.shape)).astype(x.dtype)
    pairs = [(view, share[clip]) for view, clip in taps(call.op.window, x, g)]

    def run() -> None:
        np.multiply(g, factors, share)
        x.fill(0)
        for view, part in pairs:
            np.add(view, part, view)
    return run
