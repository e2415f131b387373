"""Steps of SGD and Momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphnet.compiler.ops import MomentumUpdate, SgdUpdate
from graphnet.runtime.kernels.registry import Array, Call, Run, kernel
from graphnet.runtime.kernels.update_walk import Direct, two_pieces, walk


@kernel(SgdUpdate, workspace=two_pieces)
def sgd(call: Call) -> Run:
    """η g."""
    scalar: Any = call.workspace[0].dtype.type

    def prepare(rate: float, step: int) -> Direct:
        eta = scalar(rate)
        return lambda g, s, t: np.multiply(g, eta, s)
    return walk(call, prepare)


@kernel(MomentumUpdate, workspace=two_pieces)
def momentum(call: Call) -> Run:
    """v = μ v + g; η v, or η (g + μ v)."""
    scalar: Any = call.workspace[0].dtype.type
    mu, nesterov = scalar(call.op.momentum), call.op.nesterov

    def prepare(rate: float, step: int) -> Direct:
        eta = scalar(rate)

        def direct(g: Array, v: Array, s: Array, t: Array) -> None:
            np.multiply(v, mu, v)
            np.add(v, g, v)
            if nesterov:
                np.multiply(v, mu, t)
                np.add(t, g, t)
            np.multiply(t if nesterov else v, eta, s)
        return direct
    return walk(call, prepare)
