"""Batch normalisation in training, normalisation of each sample by itself, and the gradients of both.

Sums are taken of what is centred, in a second walk, as the ops do it: one walk with sums of squares would cancel.
"""

from __future__ import annotations

import math

from graphnet.compiler.ops import BatchNorm, BatchNormGrad, Normalize, NormalizeGrad
from graphnet.runtime.native.call import Call, emitter, floats, need
from graphnet.runtime.native.channels import Channels, Lanes, each_channel
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.lines import Line, by_line
from graphnet.runtime.native.values import Index, Value


@emitter(BatchNorm)
def batch_norm(f: Function, call: Call) -> None:
    """(Ioffe and Szegedy 2015, algorithm 1.) The statistics are those of all samples, and of no room behind them."""
    need(not f.blocked, "statistics of a batch that comes in blocks")
    floats(*call.inputs, *call.outputs)
    op, (x, gamma, beta, *running) = call.op, call.x
    y, *moved, mu_out, inverse_out = call.y
    count = _elements(call)
    correction = count / (count - 1) if op.unbiased and count > 1 else 1.0

    def write(channel: Channels) -> None:
        mu, sigma2 = _statistics(f, channel, x, count)
        root = 1.0 / f.intrinsic("sqrt", sigma2 + op.epsilon)
        channel.put(mu, mu_out)
        channel.put(root, inverse_out)
        for old, new, now in zip(running, moved, (mu, sigma2 * correction), strict=True):
            channel.put(channel.get(old) * op.momentum + now * (1 - op.momentum), new)
        centre, scale, shift = (f.splat(v) for v in (mu, channel.get(gamma) * root, channel.get(beta)))

        def visit(e: Index, _: int, lanes: Lanes) -> None:
            f.store(f.fma(f.load(x, e, lanes) - centre, scale, shift), y, e, lanes)
        channel.whole().walk(visit)
    each_channel(f, call.inputs[0], op.axis, write)


@emitter(BatchNormGrad)
def batch_norm_grad(f: Function, call: Call) -> None:
    """dL/dx = γ r (g - Σg / n - (x - μ) r Σ(g (x - μ) r) / n) in the form p (g - a - (x - μ) b)."""
    need(not f.blocked, "sums over a batch that comes in blocks")
    floats(*call.inputs, *call.outputs)
    (g, x, gamma, mu, inverse), (dx, d_gamma, d_beta) = call.x, call.y
    count = float(max(_elements(call), 1))

    def write(channel: Channels) -> None:
        centre, root = f.splat(channel.get(mu)), channel.get(inverse)
        total, along = channel.whole().sums(  # behind the samples there are gradients of 0
            lambda acc, e, lanes: acc + f.load(g, e, lanes),
            lambda acc, e, lanes: f.fma(f.load(g, e, lanes), f.load(x, e, lanes) - centre, acc), parts=2)
        channel.put(total, d_beta)
        channel.put(along * root, d_gamma)
        p, a, b = (f.splat(v) for v in (channel.get(gamma) * root, total / count, along * root * root / count))

        def visit(e: Index, _: int, lanes: Lanes) -> None:
            centred = channel.load(x, e, lanes) - centre
            channel.store((channel.load(g, e, lanes) - a - centred * b) * p, dx, e, lanes)
        channel.walk(visit)
    each_channel(f, call.inputs[1], call.op.axis, write)


@by_line(Normalize)
def normalize(of: Line) -> None:
    """(Ba et al. 2016, eq. 4.)"""
    f, count = of.f, float(of.lines.extent)
    mean = of.total(lambda at: at.x(0)) / count
    variance = of.total(lambda at: at.x(0) - mean, lambda at: at.x(0) - mean) / count
    root = 1.0 / f.intrinsic("sqrt", variance + of.lines.call.op.epsilon)
    of.give(root, 1)
    of.over(lambda at: at.put((at.x(0) - mean) * root))


@by_line(NormalizeGrad)
def normalize_grad(of: Line) -> None:
    """r (g - mean g - y · mean(g y))."""
    f, count, root = of.f, float(of.lines.extent), of.own(2)
    sums = of.folds(0.0, [lambda kept, at: kept + at.x(0), lambda kept, at: f.fma(at.x(0), at.x(1), kept)],
                    lambda a, b: a + b)
    mean, slope = (total / count for total in sums)
    of.over(lambda at: at.put((at.x(0) - mean - at.x(1) * slope) * root))


def _elements(call: Call) -> int:
    """How many elements a channel has."""
    return math.prod(call.inputs[0].shape) // max(call.inputs[2].shape[0], 1)


def _statistics(f: Function, channel: Channels, x: Value, count: int) -> tuple[Value, Value]:
    """The mean of a channel, and its biased variance."""
    (total,) = channel.sums(lambda acc, e, lanes: acc + channel.load(x, e, lanes))
    mu = total / float(count)
    centre = f.splat(mu)

    def square(acc: Value, e: Index, lanes: Lanes) -> Value:
        centred = channel.load(x, e, lanes) - centre
        if lanes is not None:
            centred = f.select(f.mask(lanes), centred, 0.0)
        return f.fma(centred, centred, acc)
    (squares,) = channel.sums(square)
    return mu, squares / float(count)
