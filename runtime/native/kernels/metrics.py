"""Statistics that metrics are computed from: float64, of real samples only, added to what earlier blocks left."""

from __future__ import annotations

import math
from collections.abc import Callable

from graphnet.compiler import ops
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import Call, emitter, floats, need, per_sample, room
from graphnet.runtime.native.function import Function, Lanes
from graphnet.runtime.native.lines import Line, Lines, Place, innermost, samples
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.values import F64, I32, I64, INTS, MASK, Index, Value


def _begin(f: Function, y: Value, count: int) -> None:
    """0 in the first block, before any thread adds to it."""
    with f.when(f.first), f.loop(*f.share(count)) as i:
        f.put(f.constant(0.0, F64), y, i)
    f.meet()


def _class_of(of: Line, i: int) -> Value:
    """The class of a line, as a float: input i, or the number of the greatest element of its rows."""
    return of.own(i) if of.lines.call.inputs[i].dtype != "float32" else _greatest(of, i)


def _greatest(of: Line, i: int) -> Value:
    """The number of the first greatest element of rows, as a float; NaN is greatest."""
    f = of.f
    top = of.fold(-math.inf, lambda kept, at: f.greater(at.x(i), kept), f.greater)

    def first(kept: Value, at: Place) -> Value:
        value = at.x(i)
        found = f.instruction(f"or {MASK}", f.test("oeq", value, top), f.test("uno", value, value))
        return f.select(found, f.smaller(at.number, kept), kept)
    return of.fold(2.0 ** 24, first, f.smaller)


@emitter(ops.CountCorrect)
def count_correct(f: Function, call: Call) -> None:
    """How many elements come before that of the label says whether it is among the first k; NaN comes before all."""
    need(all(o.dtype != "float64" for o in call.inputs), "float64 operands")
    (y,), right = call.y, f.variable(f.constant(0, INTS))
    lines = Lines(f, call, call.inputs[0], beside=call.inputs)
    need(lines.extent <= 2 ** 24, "so many classes")

    def line(of: Line) -> None:
        label = _class_of(of, 1)
        score = of.total(lambda at: f.select(f.test("oeq", at.number, label), at.x(0), 0.0))

        def ahead(at: Place) -> Value:
            value = at.x(0)
            tied = f.instruction(f"and {MASK}", f.test("oeq", value, score), f.test("olt", at.number, label))
            return f.select(f.instruction(f"or {MASK}", f.test("ugt", value, score), tied), f.splat(1.0), 0.0)
        hit = f.test("olt", of.total(ahead), float(min(call.op.k, 2 ** 24)))
        real = f.instruction(f"and {MASK}", hit, f.mask(f.least(of.real, of.lanes)))
        right.set(right.get() + f.convert("zext", real, I32))
    _begin(f, y, 2)
    lines.each(line)
    f.add_shared(f.convert("sitofp", f.total_of(right.get()), F64), y)
    with f.one_thread():
        f.add_shared(f.convert("sitofp", f.constant(lines.count), F64), y, 1)


@emitter(ops.CountPairs, scratch=lambda call, machine: LANES)
def count_pairs(f: Function, call: Call) -> None:
    """One more in the cell of each line. Whatever a label is, its cell is in the matrix."""
    need(all(o.dtype != "float64" for o in call.inputs), "float64 operands")
    (y,), classes = call.y, call.inputs[0].shape[-1]
    need(classes ** 2 < 2 ** 31, "so many classes")

    def line(of: Line) -> None:
        label = f.smaller(f.greater(_class_of(of, 1), 0.0), classes - 1)
        row, column = (f.convert("fptosi", number, I32) for number in (label, _greatest(of, 0)))
        f.store(row * classes + column, f.scratch)
        with f.loop(0, f.least(of.real, of.lanes)) as lane:
            f.add_shared(f.constant(1.0, F64), y, f.convert("sext", f.scalar(f.scratch, lane, I32), I64))
    _begin(f, y, classes ** 2)
    Lines(f, call, call.inputs[0], beside=call.inputs).each(line)


def _over(f: Function, form: Operand, body: Callable[[Index, Lanes], None]) -> None:
    """Writes body(offset, lanes) for all vectors of real elements, which one thread takes in the order of memory."""
    n, last = samples(f, form), innermost(form)
    around, run, pitch = (per_sample(form), n, room(form)) if last else (1, n * per_sample(form), 0)
    if 0 not in form.shape:
        with f.loop(0, around) as i, f.loop(0, run, LANES) as e:
            body(i * pitch + e, f.least(run - e, LANES))


def _add(f: Function, number: Value, y: Value, place: int) -> None:
    """Adds to a number of the output."""
    earlier = f.earlier(lambda: f.scalar(y, place, F64), f.constant(0.0, F64))
    f.put(earlier + number, y, place)


@emitter(ops.CountDecisions)
def count_decisions(f: Function, call: Call) -> None:
    """Each element counts in one of four cells."""
    floats(*call.inputs)
    (p, t), found = call.x, [f.variable(f.constant(0, INTS)) for _ in range(4)]
    need(innermost(call.inputs[0]) == innermost(call.inputs[1]), "operands in different layouts")

    def some(offset: Index, lanes: Lanes) -> None:
        label = f.select(f.test("oge", f.load(t, offset, lanes), 0.5), f.constant(2, INTS), 0)
        cell = label + f.convert("zext", f.test("ogt", f.load(p, offset, lanes), call.op.threshold), I32)
        for number, count in enumerate(found):
            here = f.instruction(f"icmp eq {INTS}", cell, f.constant(number, INTS), type=MASK)
            count.set(count.get() + f.convert("zext", f.instruction(f"and {MASK}", here, f.mask(lanes)), I32))
    with f.one_thread():
        _over(f, call.inputs[0], some)
        for number, count in enumerate(found):
            _add(f, f.convert("sitofp", f.total_of(count.get()), F64), call.y[0], number)


@emitter(ops.AddUp)
def add_up(f: Function, call: Call) -> None:
    """Σ x in float64, and how many they are."""
    (form,), sums = call.inputs, f.variable(f.convert("fpext", f.zero(), F64))
    floats(form)
    with f.one_thread():
        _over(f, form, lambda offset, lanes: sums.set(
            sums.get() + f.convert("fpext", f.load(call.x[0], offset, lanes), F64)))
        _add(f, f.total_of(sums.get()), call.y[0], 0)
        _add(f, f.convert("sitofp", f.constant(samples(f, form) * per_sample(form)), F64), call.y[0], 1)
