"""Gradients within limits, constrained weights, penalties: what squares are summed for.

They are summed in double, in which those of float32 neither overflow nor vanish.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler import ops
from graphnet.compiler.ops.clipping import EPSILON, NORM, VALUE
from graphnet.compiler.ops.constraints import SMALLEST
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import F32, F64, Value
from graphnet.runtime.native.emit.call import Call, emitter, floats
from graphnet.runtime.native.emit.formulas import write_formula
from graphnet.runtime.native.emit.lines import along
from graphnet.runtime.native.emit.views import view
from graphnet.runtime.native.emit.walk import WIDE, Group, Place, Walk, walk


@emitter(ops.ClipGradients, scratch=lambda call, machine: 2 * len(call.inputs))
def clip(f: Function, call: Call) -> None:
    """Over the flat buffer of all gradients, or of each by itself, whose squares one thread sums up."""
    op, sizes, sums = call.op, [math.prod(x.shape) for x in call.inputs], f.of_first(f.scratch)
    floats(*call.inputs)
    runs = [(size, x, y) for size, x, y in zip(sizes, call.x, call.y, strict=True) if size]
    if op.by != NORM:  # empty gradients lie there too
        runs = [(sum(sizes), call.x[0], call.y[0])] if runs else []
    flat = [(form, [view(x, form, form)], view(y, form, form)) for size, x, y in runs
            for form in [Operand("float32", (size,), (4,))]]
    if op.by != VALUE:
        for number, (form, given, _) in enumerate(flat):
            Walk(f, form, given, [], (0,)).each(lambda of, number=number: f.store(  # type: ignore[misc]
                of.fold(_zero(f), _square, _add), sums, number, 1))
        f.meet()
    for number, (form, given, out) in enumerate(flat):
        walk(f, form, given, _limited(f, op.limit) if op.by == VALUE else _scaled(f, op.limit, sums, number), out)


def _limited(f: Function, limit: float) -> Callable[[Place], Value]:
    return lambda at: f.smaller(f.greater(at.x(0), -limit), limit)


def _scaled(f: Function, limit: float, sums: Value, number: int) -> Callable[[Place], Value]:
    """x · min(1, c / ‖x‖), as two factors neither of which is subnormal."""
    norm = f.intrinsic("sqrt", f.scalar(sums, number, F64)) + EPSILON
    factor = f.select(f.test("olt", f.constant(limit, F64), norm), limit / norm, 1.0)
    down = f.select(f.test("olt", factor, 2.0 ** -64), f.constant(2.0 ** -64, F64), 1.0)
    first, second = _spread(f, down), _spread(f, factor / down)
    return lambda at: at.x(0) * first * second


def _spread(f: Function, number: Value) -> Value:
    """A double as float32 in every lane."""
    return f.splat(f.convert("fptrunc", number, F32))


def _zero(f: Function) -> Value:
    return f.splat(f.constant(0.0, F64))


def _double(at: Place) -> Value:
    return at.walk.f.convert("fpext", at.x(0), F64)


def _square(kept: Value, at: Place) -> Value:
    return at.walk.f.fma(_double(at), _double(at), kept)


def _add(a: Value, b: Value) -> Value:
    return a + b


@emitter(ops.NonNegative)
def non_negative(f: Function, call: Call) -> None:
    """max(w, 0)."""
    (w,), (x,), (y,) = call.inputs, call.x, call.y
    floats(w)
    walk(f, w, [view(x, w, w)], lambda at: f.greater(at.x(0), 0.0), view(y, w, w))


@emitter(ops.MaxNorm, ops.UnitNorm)
def constrain(f: Function, call: Call) -> None:
    """w / max(‖w‖, ε), or w · c / max(‖w‖, c), the norms taken over the axes of the op."""
    op, (w,) = call.op, call.inputs
    least = float(np.float32(getattr(op, "limit", SMALLEST)))
    floats(w)
    if 0 in w.shape:
        return

    def unit(group: Group) -> None:
        totals = group.folds(_zero(f), [_square], _add)
        factors = [(least if isinstance(op, ops.MaxNorm) else 1.0) / f.greater(f.intrinsic("sqrt", total), least)
                   for total, in totals]
        group.over(lambda at: at.put(f.convert("fptrunc", _double(at) * factors[at.part], F32)))
    along(f, call, w, op.axes, beside=WIDE).each(unit)


@emitter(ops.Penalty)
def penalty(f: Function, call: Call) -> None:
    """λ₁ Σ |x| + λ₂ Σ x²; over the samples of all blocks if it is a mean over samples. One thread sums all up."""
    op, (x,), (y,) = call.op, call.inputs, call.y
    floats(x)

    def add(total: Value, at: Place) -> Value:
        number = _double(at)
        total = f.fma(f.intrinsic("fabs", number), op.l1, total) if op.l1 else total
        return f.fma(number * op.l2, number, total) if op.l2 else total

    def every(group: Group) -> None:
        made = group.fold(_zero(f), add, _add)
        if op.per_sample:
            earlier = f.earlier(lambda: f.convert("fpext", f.splat(f.scalar(y)), F64), _zero(f))
            made = made / f.splat(_samples(f, call)) + earlier
        f.store(f.convert("fptrunc", made, F32), y, 0, 1)
    if 0 in x.shape:
        f.put(f.constant(0.0, F32), y)
        return
    along(f, call, x, range(len(x.shape)), outputs=False).each(every)


@emitter(ops.PenaltyGrad)
def penalty_grad(f: Function, call: Call) -> None:
    """g (λ₁ sign(x) + 2 λ₂ x); 0 where there is no sample."""
    op, (g, x) = call.op, call.inputs
    floats(g, x)
    l1, l2 = (_spread(f, weight / _samples(f, call)) for weight in (op.l1, op.l2))
    formula = ex.trace(lambda g, x, l1, l2: g * (ex.where(x > 0, l1, ex.where(x < 0, -l1, l1 * x)) + (l2 + l2) * x), 4)

    def make(at: Place) -> Value:
        return write_formula(f, formula, [at.x(0), at.x(1), l1, l2])[0]
    walk(f, x, [view(call.x[0], g, x), view(call.x[1], x, x)], make, view(call.y[0], x, x), ends=op.per_sample)


def _samples(f: Function, call: Call) -> Value:
    """What a penalty is divided by."""
    return f.convert("sitofp", f.most(f.total, 1), F64) if call.op.per_sample else f.constant(1.0, F64)
