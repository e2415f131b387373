"""Filling a tensor: with a number, with the next value of a state, with what is spread over its axes."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import Advance, Expand, Full
from graphnet.runtime.kernels.registry import Call, Run, kernel, void


@kernel(Advance)
def advance(call: Call) -> Run:
    """The new state over the old."""
    new, (y,) = call.inputs[1], call.outputs
    return lambda: np.copyto(y, new)


@kernel(Full)
def full(call: Call) -> Run:
    """A number everywhere."""
    (y,), value = call.outputs, call.op.value
    return lambda: y.fill(value)


@kernel(Expand)
def expand(call: Call) -> Run:
    """g spread over axes, scaled if it reverses a mean."""
    (g,), (y,), op = call.inputs, call.outputs, call.op
    spread = np.expand_dims(g, op.axes)
    if not op.mean:
        return lambda: np.copyto(y, spread)
    factor = g.dtype.type(1 / max(y.size // max(g.size, 1), 1))
    return lambda: void(np.multiply(spread, factor, y))
