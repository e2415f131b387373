"""Batch normalisation in training, normalisation of each sample by itself, and the gradients of both.

Sums are taken of what is centred, in a second walk, as the ops do it: one walk with sums of squares would cancel.
"""

from __future__ import annotations

import math

from graphnet.compiler.ops import BatchNorm, BatchNormGrad, Normalize, NormalizeGrad
from graphnet.compiler.ops.scaling import other_axes
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.native.emit.call import Call, emitter, need
from graphnet.runtime.native.emit.lines import along, by_line
from graphnet.runtime.native.emit.walk import Group, Walk


def _channels(f: Function, call: Call, wide: int) -> Walk:
    """A walk over channels; their elements are joined."""
    need(not f.blocked, "statistics of a batch that comes in blocks")
    form = call.inputs[0]
    return along(f, call, form, other_axes(call.op.axis, len(form.shape)), wide=wide)


@emitter(BatchNorm)
def batch_norm(f: Function, call: Call) -> None:
    """(Ioffe and Szegedy 2015, algorithm 1.) The statistics are those of all samples, and of no room behind them."""
    op, moving = call.op, len(call.x) > 3
    count = math.prod(call.inputs[0].shape) / max(call.inputs[1].shape[0], 1)

    def write(of: Group) -> None:
        mu = of.total(lambda at: at.x(0)) / count
        variance = of.total(lambda at: at.x(0) - mu, lambda at: at.x(0) - mu) / count
        root = 1.0 / f.intrinsic("sqrt", variance + op.epsilon)
        of.give(mu, 1 + 2 * moving)
        of.give(root, 2 + 2 * moving)
        unbiased = variance * (count / (count - 1) if op.unbiased and count > 1 else 1.0)
        for i, now in enumerate((mu, unbiased) if moving else ()):
            of.give(of.own(3 + i) * op.momentum + now * (1 - op.momentum), 1 + i)
        scale, shift = of.own(1) * root, of.own(2)
        of.over(lambda at: at.put(f.fma(at.x(0) - mu, scale, shift)))
    _channels(f, call, 4).each(write)


@emitter(BatchNormGrad)
def batch_norm_grad(f: Function, call: Call) -> None:
    """dL/dx = γ r (g - Σg / n - (x - μ) r Σ(g (x - μ) r) / n) in the form p (g - a - (x - μ) b)."""
    count = math.prod(call.inputs[0].shape) / max(call.inputs[2].shape[0], 1)

    def write(of: Group) -> None:
        mu, root = of.own(3), of.own(4)
        total, along = of.totals([lambda at: at.x(0)], [lambda at: at.x(0), lambda at: at.x(1) - mu])
        of.give(along * root, 1)
        of.give(total, 2)
        p, a, b = of.own(2) * root, total / count, along * root * root / count
        of.over(lambda at: at.put((at.x(0) - a - (at.x(1) - mu) * b) * p, ends=True))
    _channels(f, call, 2).each(write)


@by_line(Normalize)
def normalize(of: Group, call: Call) -> None:
    """(Ba et al. 2016, eq. 4.)"""
    f, count = of.f, float(of.extent)
    mean = of.total(lambda at: at.x(0)) / count
    variance = of.total(lambda at: at.x(0) - mean, lambda at: at.x(0) - mean) / count
    root = 1.0 / f.intrinsic("sqrt", variance + call.op.epsilon)
    of.give(root, 1)
    of.over(lambda at: at.put((at.x(0) - mean) * root))


@by_line(NormalizeGrad)
def normalize_grad(of: Group, call: Call) -> None:
    """r (g - mean g - y · mean(g y))."""
    count, root = float(of.extent), of.own(2)
    total, along = of.totals([lambda at: at.x(0)], [lambda at: at.x(0), lambda at: at.x(1)])
    mean, slope = total / count, along / count
    of.over(lambda at: at.put((at.x(0) - mean - at.x(1) * slope) * root))
