"""Steps of RMSProp, Adagrad, Adadelta and Lion."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphnet.compiler.ops import AdadeltaUpdate, AdagradUpdate, LionUpdate, RmsPropUpdate
from graphnet.runtime.kernels.registry import Array, Call, Run, kernel
from graphnet.runtime.kernels.update_walk import Direct, follow, two_pieces, walk


@kernel(LionUpdate, workspace=two_pieces)
def lion(call: Call) -> Run:
    """η sign(β₁ m + (1 - β₁) g); m."""
    op: LionUpdate = call.op
    scalar: Any = call.workspace[0].dtype.type
    beta1, rest1, beta2, rest2 = map(scalar, (op.beta1, 1 - op.beta1, op.beta2, 1 - op.beta2))

    def prepare(rate: float, step: int) -> Direct:
        eta = scalar(rate)

        def direct(g: Array, m: Array, s: Array, t: Array) -> None:
            np.multiply(m, beta1, s)
            np.multiply(g, rest1, t)
            np.add(s, t, s)
            np.sign(s, s)
            np.multiply(s, eta, s)
            follow(m, beta2, rest2, g, t)
        return direct
    return walk(call, prepare)


@kernel(RmsPropUpdate, workspace=two_pieces)
def rmsprop(call: Call) -> Run:
    """v, a if centered, b with a momentum; η g / (√(v - a²) + ε), or η b."""
    op: RmsPropUpdate = call.op
    scalar: Any = call.workspace[0].dtype.type
    rho, rest, epsilon, mu, zero = map(scalar, (op.rho, 1 - op.rho, op.epsilon, op.momentum, 0))

    def prepare(rate: float, step: int) -> Direct:
        eta = scalar(rate)

        def direct(g: Array, v: Array, *others: Array) -> None:
            *kept, s, t = others
            np.multiply(g, g, t)
            follow(v, rho, rest, t, s)
            np.copyto(t, v)
            if op.centered:
                follow(kept[0], rho, rest, g, s)
                np.multiply(kept[0], kept[0], s)
                np.subtract(t, s, t)
                np.maximum(t, zero, out=t)
            np.sqrt(t, t)
            np.add(t, epsilon, t)
            np.divide(g, t, s)
            if op.momentum:
                np.multiply(kept[-1], mu, kept[-1])
                np.add(kept[-1], s, kept[-1])
            np.multiply(kept[-1] if op.momentum else s, eta, s)
        return direct
    return walk(call, prepare)


@kernel(AdagradUpdate, workspace=two_pieces)
def adagrad(call: Call) -> Run:
    """s = s + g²; η g / (√s + ε)."""
    scalar: Any = call.workspace[0].dtype.type
    epsilon = scalar(call.op.epsilon)

    def prepare(rate: float, step: int) -> Direct:
        eta = scalar(rate)

        def direct(g: Array, total: Array, s: Array, t: Array) -> None:
            np.multiply(g, g, t)
            np.add(total, t, total)
            np.sqrt(total, t)
            np.add(t, epsilon, t)
            np.divide(g, t, s)
            np.multiply(s, eta, s)
        return direct
    return walk(call, prepare)


@kernel(AdadeltaUpdate, workspace=two_pieces)
def adadelta(call: Call) -> Run:
    """v; d = √(u + ε) / √(v + ε) · g; u; η d."""
    op: AdadeltaUpdate = call.op
    scalar: Any = call.workspace[0].dtype.type
    rho, rest, epsilon = map(scalar, (op.rho, 1 - op.rho, op.epsilon))

    def prepare(rate: float, step: int) -> Direct:
        eta = scalar(rate)

        def direct(g: Array, v: Array, u: Array, s: Array, t: Array) -> None:
            np.multiply(g, g, t)
            follow(v, rho, rest, t, s)
            np.add(u, epsilon, s)
            np.sqrt(s, s)
            np.add(v, epsilon, t)
            np.sqrt(t, t)
            np.divide(s, t, s)
            np.multiply(s, g, s)
            np.multiply(u, rho, u)
            np.multiply(s, s, t)
            np.multiply(t, rest, t)
            np.add(u, t, u)
            np.multiply(s, eta, s)
        return direct
    return walk(call, prepare)
