"""Gradients within limits, constrained weights, penalties: what squares are summed for.

They are summed in double, in which those of float32 neither overflow nor vanish. Sums of whole arrays are cut into
pieces of a constant size: threads share the pieces, and then each adds up the sums of all of them, in order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler import ops
from graphnet.compiler.ops.clipping import EPSILON, NORM, VALUE
from graphnet.compiler.ops.constraints import SMALLEST
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.contract import blocks
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.values import F32, F64, VEC, Index, Value, with_elements
from graphnet.runtime.native.emit.call import Call, emitter, floats, need, per_sample, room
from graphnet.runtime.native.emit.copying import divided, offset
from graphnet.runtime.native.emit.formulas import write_formula

_PIECE = 256  # vectors
_WIDTH = 4  # vectors side by side, so that far rows are read in longer runs
_WIDE = with_elements(VEC, F64)


def _sums(call: Call, machine: Machine) -> int:
    """Floats for the sums of all pieces."""
    return 2 * sum(-(-x.nbytes // (4 * _PIECE * LANES)) for x in call.inputs)


@emitter(ops.ClipGradients, scratch=_sums)
def clip(f: Function, call: Call) -> None:
    """Over the flat buffer of all gradients, or of each by itself."""
    op, sizes = call.op, [math.prod(x.shape) for x in call.inputs]
    floats(*call.inputs)
    runs = [(size, x, y) for size, x, y in zip(sizes, call.x, call.y, strict=True) if size]
    if op.by != NORM:  # empty gradients lie there too
        runs = [(sum(sizes), call.x[0], call.y[0])] if runs else []
    if op.by == VALUE:
        for size, x, y in runs:
            _each(f, size, x, y, lambda start, g: f.smaller(f.greater(g, -op.limit), op.limit))
        return
    sums, totals = f.of_first(f.scratch), []
    for size, x, _ in runs:
        totals.append(_sum(f, size, x, sums, lambda v, total: f.fma(v, v, total)))
        sums = f.at(sums, -(-size // (_PIECE * LANES)), F64)
    f.meet()
    for (size, x, y), total in zip(runs, totals, strict=True):
        norm = f.intrinsic("sqrt", total()) + EPSILON
        factor = f.select(f.test("olt", f.constant(op.limit, F64), norm), op.limit / norm, 1.0)
        down = f.select(f.test("olt", factor, 2.0 ** -64), f.constant(2.0 ** -64, F64), 1.0)  # so neither is subnormal
        first, second = _spread(f, down), _spread(f, factor / down)
        _each(f, size, x, y, lambda start, g, first=first, second=second: g * first * second)  # type: ignore[misc]


@emitter(ops.NonNegative)
def non_negative(f: Function, call: Call) -> None:
    """max(w, 0)."""
    floats(*call.inputs)
    _each(f, math.prod(call.inputs[0].shape), call.x[0], call.y[0], lambda start, w: f.greater(w, 0.0))


@emitter(ops.Penalty, scratch=_sums)
def penalty(f: Function, call: Call) -> None:
    """λ₁ Σ |x| + λ₂ Σ x²; over the samples of all blocks if it is a mean over samples."""
    op, (x,), (y,) = call.op, call.inputs, call.y
    floats(x)

    def add(v: Value, total: Value) -> Value:
        total = f.fma(f.intrinsic("fabs", v), op.l1, total) if op.l1 else total
        return f.fma(v * op.l2, v, total) if op.l2 else total
    real = partial(_real, f, x) if op.per_sample else None
    total = _sum(f, x.nbytes // 4, call.x[0], f.of_first(f.scratch), add, real)
    f.meet()
    with f.one_thread():
        made = total()
        if op.per_sample:
            earlier = f.earlier(lambda: f.scalar(y), f.constant(0.0, F32))
            made = made / f.convert("sitofp", f.most(f.total, 1), F64) + f.convert("fpext", earlier, F64)
        f.put(f.convert("fptrunc", made, F32), y)


@emitter(ops.PenaltyGrad)
def penalty_grad(f: Function, call: Call) -> None:
    """g (λ₁ sign(x) + 2 λ₂ x); 0 where there is no sample."""
    op, (g, x) = call.op, call.inputs
    floats(g, x)
    samples = f.convert("sitofp", f.most(f.total, 1), F64) if op.per_sample else f.constant(1.0, F64)
    slope, l1, l2 = f.splat(f.scalar(call.x[0])), _spread(f, op.l1 / samples), _spread(f, op.l2 / samples)
    formula = ex.trace(lambda g, x, l1, l2: g * (ex.where(x > 0, l1, ex.where(x < 0, -l1, l1 * x)) + (l2 + l2) * x), 4)

    def change(start: Index, value: Value) -> Value:
        (made,) = write_formula(f, formula, [slope, value, l1, l2])
        return f.select(f.mask(_real(f, x, start)), made, 0.0) if op.per_sample else made
    _each(f, x.nbytes // 4, call.x[1], call.y[0], change)


@emitter(ops.MaxNorm, ops.UnitNorm)
def constrain(f: Function, call: Call) -> None:
    """w / max(‖w‖, ε), or w · c / max(‖w‖, c), the norms taken over the axes of the op.

    They are taken of all elements of rows, or of each column, 4 vectors of them side by side.
    """
    op, (w,), (x,), (y,) = call.op, call.inputs, call.x, call.y
    floats(w)
    need(w.layout == "rows", "a weight that does not lie in rows")
    if 0 in w.shape:
        return
    least = float(np.float32(getattr(op, "limit", SMALLEST)))
    dims = [(axis in op.axes, extent, stride // 4) for axis, (extent, stride) in enumerate(
        zip(w.shape, w.strides, strict=True)) if extent > 1]
    along, width, _ = dims.pop() if dims else (True, 1, 1)
    kept, summed = ([(extent, stride) for side, extent, stride in dims if side == which] for which in (False, True))
    units = 1 if along else -(-width // (LANES * _WIDTH))
    with f.loop(*f.share(math.prod(extent for extent, _ in kept) * units)) as unit:
        rest, part = divided(unit, units)
        first = f.constant(part) * (LANES * _WIDTH)
        start = offset(f, rest, kept) + first

        def each(visit: Callable[[int, Index, Lanes, Value], None]) -> None:
            with ExitStack() as loops:
                place = start
                for extent, stride in summed:
                    place = place + loops.enter_context(f.loop(0, extent)) * stride

                def some(i: int, at: Index, lanes: Lanes) -> None:
                    visit(i, at, lanes, f.convert("fpext", f.load(x, at, lanes), F64))
                if along:
                    blocks(f, width, LANES, lambda e, lanes: some(0, place + e, lanes))
                for i in range(0 if along else _WIDTH):
                    rest = f.least(width - i * LANES - first, LANES) if width % (LANES * _WIDTH) else None
                    some(i, place + i * LANES, rest)
        squares = [f.variable(f.constant(0.0, _WIDE)) for _ in range(1 if along else _WIDTH)]
        each(lambda i, at, lanes, v: squares[i].set(f.fma(v, v, squares[i].get())))
        totals = [f.splat(f.total_of(square.get())) if along else square.get() for square in squares]
        factors = [(least if isinstance(op, ops.MaxNorm) else 1.0) / f.greater(f.intrinsic("sqrt", total), least)
                   for total in totals]
        each(lambda i, at, lanes, v: f.store(f.convert("fptrunc", v * factors[i], F32), y, at, lanes))


def _sum(f: Function, size: int, x: Value, sums: Value, add: Callable[[Value, Value], Value],
         real: Callable[[Index], Value] | None = None) -> Callable[[], Value]:
    """Writes the sums of all pieces to memory that threads share, and returns what writes their total, once threads
    have met. `real` tells how many elements count from a place on."""
    vectors = -(-size // LANES)
    pieces = -(-vectors // _PIECE)
    with f.loop(*f.share(pieces)) as piece:
        acc = f.variable(f.constant(0.0, _WIDE))

        def some(start: Index, count: int) -> None:
            acc.set(add(f.convert("fpext", f.load(x, start, real(start) if real else count), F64), acc.get()))
        blocks(f, size, LANES, some, piece * _PIECE, f.least(piece * _PIECE + _PIECE, vectors))
        f.put(f.total_of(acc.get()), sums, piece)

    def total() -> Value:
        made = f.variable(f.constant(0.0, F64))
        with f.when(pieces > 0), f.loop(0, max(pieces, 1)) as piece:
            made.set(made.get() + f.scalar(sums, piece, F64))
        return made.get()
    return total


def _real(f: Function, x: Operand, start: Index) -> Value:
    """How many elements of a vector that starts here belong to samples; it may be less than 0."""
    if x.layout == "rows" or room(x) < LANES:
        return f.n * per_sample(x) - start
    return f.n - f.constant(start) % room(x)


def _each(f: Function, size: int, x: Value, y: Value, change: Callable[[Index, Value], Value]) -> None:
    """y = change(x), element by element."""
    def some(start: Index, count: int) -> None:
        f.store(change(start, f.load(x, start, count)), y, start, count)
    blocks(f, size, LANES, some, *f.share(-(-size // LANES)))


def _spread(f: Function, number: Value) -> Value:
    """A double as float32 in every lane."""
    return f.splat(f.convert("fptrunc", number, F32))
