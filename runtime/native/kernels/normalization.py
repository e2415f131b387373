"""Batch normalisation in training, normalisation of each sample by itself, and the gradients of both.

Sums are taken of what is centred, in a second walk, as the ops do it: one walk with sums of squares would cancel.
"""

from __future__ import annotations

import math

from graphnet.compiler.ops import BatchNorm, BatchNormGrad, DotAxis, Normalize, NormalizeGrad
from graphnet.runtime.native.call import Call, emitter, floats, need, per_sample, room
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.groups import Add, Group, each_channel, each_vector
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

    def write(group: Group) -> None:
        mu, sigma2 = _statistics(f, group, x, count)
        root = 1.0 / f.intrinsic("sqrt", sigma2 + op.epsilon)
        group.put(mu, mu_out)
        group.put(root, inverse_out)
        for old, new, now in zip(running, moved, (mu, sigma2 * correction), strict=True):
            group.put(group.get(old) * op.momentum + now * (1 - op.momentum), new)
        centre, scale, shift = (f.splat(v) for v in (mu, group.get(gamma) * root, group.get(beta)))
        group.whole().walk(lambda e, _, lanes: f.store(f.fma(f.load(x, e, lanes) - centre, scale, shift), y, e, lanes))
    each_channel(f, call.inputs[0], op.axis, write)


@emitter(BatchNormGrad)
def batch_norm_grad(f: Function, call: Call) -> None:
    """dL/dx = γ r (g - Σg / n - (x - μ) r Σ(g (x - μ) r) / n) in the form p (g - a - (x - μ) b)."""
    need(not f.blocked, "sums over a batch that comes in blocks")
    floats(*call.inputs, *call.outputs)
    (g, x, gamma, mu, inverse), (dx, d_gamma, d_beta) = call.x, call.y
    count = float(max(_elements(call), 1))

    def write(group: Group) -> None:
        centre, root = f.splat(group.get(mu)), group.get(inverse)
        total, along = group.whole().sums(  # behind the samples there are gradients of 0
            lambda acc, e, lanes: acc + f.load(g, e, lanes),
            lambda acc, e, lanes: f.fma(f.load(g, e, lanes), f.load(x, e, lanes) - centre, acc), parts=2)
        group.put(total, d_beta)
        group.put(along * root, d_gamma)
        p, a, b = (f.splat(v) for v in (group.get(gamma) * root, total / count, along * root * root / count))

        def visit(e: Index, _: int, lanes: int | None) -> None:
            centred = group.load(x, e, lanes) - centre
            group.store((group.load(g, e, lanes) - a - centred * b) * p, dx, e, lanes)
        group.walk(visit)
    each_channel(f, call.inputs[1], call.op.axis, write)


@emitter(Normalize)
def normalize(f: Function, call: Call) -> None:
    """(Ba et al. 2016, eq. 4.)"""
    floats(*call.inputs)
    (x,), (y, inverse), form = call.x, call.y, call.inputs[0]

    def write(group: Group) -> None:
        mu, sigma2 = _statistics(f, group, x, form.shape[-1])
        root = 1.0 / f.intrinsic("sqrt", sigma2 + call.op.epsilon)
        group.put(root, inverse)
        centre, scale = f.splat(mu), f.splat(root)
        group.walk(lambda e, _, lanes: f.store((f.load(x, e, lanes) - centre) * scale, y, e, lanes))
    each_vector(f, form, -1, write, room(call.outputs[1]) * per_sample(call.outputs[1]))


@emitter(NormalizeGrad)
def normalize_grad(f: Function, call: Call) -> None:
    """dL/dx = r (g - mean g - y · mean(g y))."""
    floats(*call.inputs)
    (g, y, inverse), (dx,), form = call.x, call.y, call.inputs[1]
    count = float(form.shape[-1])

    def write(group: Group) -> None:
        total, along = group.sums(lambda acc, e, lanes: acc + f.load(g, e, lanes), _product(f, g, y), parts=2)
        mean, slope, root = (f.splat(v) for v in (total / count, along / count, group.get(inverse)))

        def visit(e: Index, _: int, lanes: int | None) -> None:
            f.store((f.load(g, e, lanes) - mean - f.load(y, e, lanes) * slope) * root, dx, e, lanes)
        group.walk(visit)
    each_vector(f, form, -1, write, room(call.inputs[2]) * per_sample(call.inputs[2]))


@emitter(DotAxis)
def dot_axis(f: Function, call: Call) -> None:
    """Σ a b over all axes but one, added to that of earlier blocks."""
    floats(*call.inputs)
    (a, b), (y,) = call.x, call.y

    def write(group: Group) -> None:
        (total,) = group.whole().sums(_product(f, a, b))
        group.put(f.earlier(lambda: group.get(y), f.constant(0, total.type)) + total, y)
    each_channel(f, call.inputs[0], call.op.axis, write)


def _elements(call: Call) -> int:
    """How many elements a channel has."""
    return math.prod(call.inputs[1].shape if isinstance(call.op, BatchNormGrad) else call.inputs[0].shape) // max(
        call.inputs[2].shape[0], 1)


def _statistics(f: Function, group: Group, x: Value, count: int) -> tuple[Value, Value]:
    """The mean of a group, and its biased variance."""
    (total,) = group.sums(lambda acc, e, lanes: acc + group.load(x, e, lanes))
    mu = total / float(count)
    centre = f.splat(mu)

    def square(acc: Value, e: Index, lanes: int | None) -> Value:
        centred = group.load(x, e, lanes) - centre
        if lanes is not None:
            centred = f.select(f.mask(lanes), centred, 0.0)
        return f.fma(centred, centred, acc)
    (squares,) = group.sums(square)
    return mu, squares / float(count)


def _product(f: Function, a: Value, b: Value) -> Add:
    """Adds a · b."""
    return lambda acc, e, lanes: f.fma(f.load(a, e, lanes), f.load(b, e, lanes), acc)
