"""The largest element over axes."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import ReduceMax, ReduceMaxGrad
from graphnet.runtime.kernels.flat import PIECE
from graphnet.runtime.kernels.registry import Call, Run, bind_reference, kernel, void


@kernel(ReduceMax)
def reduce_max(call: Call) -> Run:
    """max over the last axes."""
    (x,), (y,) = call.inputs, call.outputs
    axes = tuple(range(y.ndim, x.ndim))
    return lambda: void(np.max(x, axes, out=y))


@kernel(ReduceMaxGrad)
def reduce_max_grad(call: Call) -> Run:
    """The reference for a few samples and channels at a time, so that its temporaries stay small."""
    (g, x), (out,) = call.inputs, call.outputs
    if g.ndim < 2:
        return bind_reference(call)
    forward, channels = call.op.forward, g.shape[1]
    each = max(x[:1, :1].size, 1)
    wide = max(min(PIECE // each, channels), 1)
    high = max(PIECE // (each * wide), 1)
    blocks = [(slice(top, top + high), slice(left, left + wide))
              for top in range(0, len(g), high) for left in range(0, channels, wide)]
    pieces = [(g[block], x[block], out[block]) for block in blocks]

    def run() -> None:
        for grad, taken, target in pieces:
            np.copyto(target, forward(grad, taken)[0])
    return run
