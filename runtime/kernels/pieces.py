"""Runs the reference forward in pieces that stay in the cache.

For element-wise formulas of several steps: the temporaries of a piece are small and warm, and their size does not grow
with the batch. So the formula stands in one place, the op.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphnet.compiler.ops import (
    Elu,
    EluGrad,
    Gelu,
    GeluGrad,
    HardSigmoid,
    HardSigmoidGrad,
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
from graphnet.runtime.kernels.registry import Array, Call, Run, bind_reference, kernel

PIECE = 1 << 14  # elements


def flatten_alike(arrays: Sequence[Array]) -> list[Array] | None:
    """Flat views of arrays of one shape that are stored in one order; None if they are not."""
    order = np.argsort([-stride for stride in arrays[-1].strides], kind="stable")
    stored = [array.transpose(order) for array in arrays]
    if not all(view.flags.c_contiguous for view in stored):
        return None
    return [view.reshape(-1) for view in stored]


@kernel(Elu, EluGrad, Gelu, GeluGrad, HardSigmoid, HardSigmoidGrad, LeakyRelu, LeakyReluGrad, Select, Silu, SiluGrad,
        Softplus, SoftplusGrad, Softsign, SoftsignGrad)
def element_wise(call: Call) -> Run:
    """f of each piece of the operands, which all have one shape."""
    flat = flatten_alike([*call.inputs, *call.outputs])
    if flat is None:
        return bind_reference(call)
    forward = call.op.forward
    cuts = [slice(start, start + PIECE) for start in range(0, flat[-1].size, PIECE)]
    pieces = [([a[cut] for a in flat[:-1]], flat[-1][cut]) for cut in cuts]

    def run() -> None:
        for taken, out in pieces:
            np.copyto(out, forward(*taken)[0])
    return run
