"""Runs the reference forward in pieces that stay in the cache.

For element-wise formulas of several steps: the temporaries of a piece are small and warm, and their size does not grow
with the batch. So the formula stands in one place, the op.
"""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import (
    Elu,
    EluGrad,
    Gelu,
    GeluGrad,
    HardSigmoid,
    HardSigmoidGrad,
    InverseRootGrad,
    LeakyRelu,
    LeakyReluGrad,
    Select,
    Silu,
    SiluGrad,
    Softplus,
    SoftplusGrad,
    Softsign,
    SoftsignGrad,
)
from graphnet.runtime.kernels.flat import cut_alike
from graphnet.runtime.kernels.registry import Call, Run, bind_reference, kernel


@kernel(Elu, EluGrad, Gelu, GeluGrad, HardSigmoid, HardSigmoidGrad, InverseRootGrad, LeakyRelu, LeakyReluGrad, Select,
        Silu, SiluGrad, Softplus, SoftplusGrad, Softsign, SoftsignGrad)
def element_wise(call: Call) -> Run:
    """f of each piece of the operands, which all have one shape."""
    pieces = cut_alike([*call.inputs, *call.outputs])
    if pieces is None:
        return bind_reference(call)
    forward = call.op.forward

    def run() -> None:
        for *taken, out in pieces:
            np.copyto(out, forward(*taken)[0])
    return run
