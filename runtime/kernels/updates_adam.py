"""Steps of the Adam family."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphnet.compiler.ops import AdamUpdate, NAdamUpdate
from graphnet.runtime.kernels.registry import Array, Call, Run, kernel
from graphnet.runtime.kernels.update_walk import Direct, follow, two_pieces, walk


@kernel(AdamUpdate, workspace=two_pieces)
def adam(call: Call) -> Run:
    """m, v, their greatest if asked; η̂ m / (√v · c + ε)."""
    op: AdamUpdate = call.op
    scalar: Any = call.workspace[0].dtype.type
    beta1, rest1, beta2, rest2, epsilon = map(scalar, (op.beta1, 1 - op.beta1, op.beta2, 1 - op.beta2, op.epsilon))

    def prepare(rate: float, step: int) -> Direct:
        corrected, root = op.corrections(step)
        size, root = scalar(rate * corrected), scalar(root)

        def direct(g: Array, m: Array, v: Array, *greatest_s_t: Array) -> None:
            *greatest, s, t = greatest_s_t
            follow(m, beta1, rest1, g, s)
            np.multiply(g, g, t)
            follow(v, beta2, rest2, t, s)
            for u in greatest:
                np.maximum(u, v, out=u)
            np.sqrt(greatest[0] if greatest else v, t)
            np.multiply(t, root, t)
            np.add(t, epsilon, t)
            np.multiply(m, size, s)
            np.divide(s, t, s)
        return direct
    return walk(call, prepare)


@kernel(NAdamUpdate, workspace=two_pieces)
def nadam(call: Call) -> Run:
    """m, v; η (a g + b m) / (√v · c + ε)."""
    op: NAdamUpdate = call.op
    scalar: Any = call.workspace[0].dtype.type
    beta1, rest1, beta2, rest2, epsilon = map(scalar, (op.beta1, 1 - op.beta1, op.beta2, 1 - op.beta2, op.epsilon))

    def prepare(rate: float, step: int) -> Direct:
        now, ahead, root = op.corrections(step)
        now, ahead, root = scalar(rate * now), scalar(rate * ahead), scalar(root)

        def direct(g: Array, m: Array, v: Array, s: Array, t: Array) -> None:
            follow(m, beta1, rest1, g, s)
            np.multiply(g, g, t)
            follow(v, beta2, rest2, t, s)
            np.multiply(g, now, s)
            np.multiply(m, ahead, t)
            np.add(s, t, s)
            np.sqrt(v, t)
            np.multiply(t, root, t)
            np.add(t, epsilon, t)
            np.divide(s, t, s)
        return direct
    return walk(call, prepare)
