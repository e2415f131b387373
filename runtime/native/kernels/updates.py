"""Optimizers: one walk over the flat buffers of weights, gradients and moments, by the formula of the op.

What depends on the number of the step is computed in double by products in a fixed order: libm's powers are not the
same everywhere.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import groupby

from graphnet.compiler.expression import Formula
from graphnet.compiler.ops import AdamUpdate, NAdamUpdate, Update
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.values import F32, F64, I1, I64, Index, Value
from graphnet.runtime.native.emit.call import Call, emitter_where, floats, need
from graphnet.runtime.native.emit.formulas import write_formula


def _has_rule(op: object) -> bool:
    return isinstance(op, Update) and op.formula_of(decayed=False) is not None


@emitter_where(_has_rule, scratch=lambda call, machine: LANES)
def update(f: Function, call: Call) -> None:
    """New weights and moments over the old, group by group of weights that agree in rate and decay.

    Weights lie one after the other in one buffer and their gradients in another, so the first of each stands for all.
    """
    op, n = call.op, call.op.count
    weights, walked = call.inputs[2:2 + n], call.inputs[2:]
    floats(*walked)
    need([o.dtype for o in call.inputs[:2]] == ["float64", "int64"], "a rate and a step of other types")
    need(all(operand.layout == "rows" for operand in walked), "weights that do not lie in rows")
    buffers = [*call.x[2:2 + 2 * n:max(n, 1)], *call.x[2 + 2 * n:]]
    rate, step = f.scalar(call.x[0], 0, F64), f.scalar(call.x[1], 0, I64)
    scales, rest = _corrections(f, op, step)
    sizes = [math.prod(w.shape) for w in weights]
    begin, end = (bound * LANES for bound in f.share(-(-sum(sizes) // LANES)))
    alike, start = zip(op.rates or (1.0,) * n, op.decays or (0.0,) * n, sizes, strict=True), 0
    for (factor, decay), group in groupby(alike, lambda item: item[:2]):
        eta, stop = rate * factor, start + sum(size for _, _, size in group)
        for place, number in enumerate([*(eta * scale for scale in scales), *rest, 1.0 - eta * decay]):
            f.put(f.convert("fptrunc", number, F32), f.scratch, place)
        low = f.most(begin, start)
        f.shared(op.name, [*buffers, f.scratch], [low, f.most(f.least(end, stop), low)],
                 partial(_walk, op.formula_of(bool(decay))))
        start = stop


def _walk(formula: Formula, f: Function, pointers: list[Value], integers: list[Value]) -> None:
    """The update of the elements [lo, hi), given the buffers and the numbers of the step."""
    (*buffers, numbers), (lo, hi) = pointers, integers
    given = [f.splat(f.scalar(numbers, i)) for i in range(formula.inputs - len(buffers))]

    def piece(start: Index, lanes: Value | None = None) -> None:
        read = [f.load(buffer, start, lanes) for buffer in buffers]
        written = buffers[0], *buffers[2:]  # all but the gradients
        for value, buffer in zip(write_formula(f, formula, [*read, *given]), written, strict=True):
            f.store(value, buffer, start, lanes)
    whole = lo + (hi - lo) // LANES * LANES
    with f.loop(lo, whole, LANES) as start:
        piece(start)
    with f.when(f.compare("slt", whole, hi)):
        piece(whole, hi - whole)


def _corrections(f: Function, op: Update, step: Value) -> tuple[list[Value], list[Value]]:
    """What the learning rate is multiplied by, and what is taken as it is; see `Update.numbers`."""
    if not isinstance(op, AdamUpdate | NAdamUpdate) or type(op) not in (AdamUpdate, NAdamUpdate):
        need(type(op).numbers is Update.numbers, f"{op.name} has numbers of its own")
        return [f.constant(1.0, F64)], []
    scales = list(_momenta(f, op, step)) if isinstance(op, NAdamUpdate) else [1.0 / (1.0 - _power(f, op.beta1, step))]
    return scales, [1.0 / f.intrinsic("sqrt", 1.0 - _power(f, op.beta2, step))]


def _momenta(f: Function, op: NAdamUpdate, step: Value) -> tuple[Value, Value]:
    """(1 - μₜ) / (1 - Πᵗ) and μₜ₊₁ / (1 - Πᵗ⁺¹)."""
    base = 0.96 ** op.psi

    def momentum(power: Value) -> Value:
        return (1.0 - power * 0.5) * op.beta1
    power, product = f.variable(f.constant(1.0, F64)), f.variable(f.constant(1.0, F64))
    with f.loop(0, f.least(step, op.horizon)):
        power.set(power.get() * base)
        product.set(product.get() * momentum(power.get()))
    now = _power(f, base, step)
    ahead = momentum(now * base)
    return (1.0 - momentum(now)) / (1.0 - product.get()), ahead / (1.0 - product.get() * ahead)


def _power(f: Function, base: float, exponent: Value) -> Value:
    """baseᵗ for t ≥ 0, by squaring."""
    result, square = f.variable(f.constant(1.0, F64)), f.variable(f.constant(base, F64))
    bits = 64 - f.call("llvm.ctlz.i64", I64, exponent, f.constant(0, I1))
    with f.loop(0, bits) as bit:
        odd = f.bitwise("and", f.bitwise("lshr", exponent, bit), 1)
        result.set(f.select(f.compare("ne", odd, 0), result.get() * square.get(), result.get()))
        square.set(square.get() * square.get())
    return result.get()
