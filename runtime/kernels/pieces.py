"""Runs the reference forward of element-wise ops in pieces that stay in the cache.

For ops without an expression: the temporaries of a piece are small and warm, and their size does not grow with the
batch.
"""

from __future__ import annotations

import numpy as np

from graphnet.compiler.op import is_custom
from graphnet.runtime.kernels.flat import PIECE
from graphnet.runtime.kernels.registry import Call, Run, bind_reference, kernel_by_trait
from graphnet.runtime.kernels.walk import cut_operands


@kernel_by_trait("elementwise")
def by_pieces(call: Call) -> Run:
    """f of each piece of the operands, which all have one shape; a custom op gets its operands whole, as they are."""
    if is_custom(call.op.name) or len(call.outputs) != 1 or any(x.shape != call.outputs[0].shape for x in call.inputs):
        return bind_reference(call)
    pieces, forward = cut_operands([*call.inputs, *call.outputs], PIECE), call.forward

    def run() -> None:
        for *taken, out in pieces:
            np.copyto(out, forward(*taken, like=out))
    return run
