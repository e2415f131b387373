"""Statistics that metrics are computed from: float64, of real samples only, added to what earlier blocks left."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from graphnet.compiler import ops
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.values import F64, I32, I64, INTS, Value
from graphnet.runtime.native.emit.call import Call, emitter, floats, need
from graphnet.runtime.native.emit.lines import along
from graphnet.runtime.native.emit.views import samples
from graphnet.runtime.native.emit.walk import Group, Place, Step
from graphnet.runtime.native.kernels.losses import own_class


def _begin(f: Function, y: Value, count: int) -> None:
    """0 in the first block, before any thread adds to it."""
    with f.when(f.first), f.loop(*f.share(count)) as i:
        f.put(f.constant(0.0, F64), y, i)
    f.meet()


def _class_of(of: Group, i: int) -> Value:
    """The class of a line, as a float: input i, or the number of the greatest element of its rows."""
    return own_class(of, i) or of.first_greatest(i)


@emitter(ops.CountCorrect)
def count_correct(f: Function, call: Call) -> None:
    """How many elements come before that of the label says whether it is among the first k; NaN comes before all."""
    (form, _), right = call.inputs, f.variable(f.constant(0, INTS))

    def line(of: Group) -> None:
        label = _class_of(of, 1)
        score = of.total(lambda at: f.select(f.test("oeq", at.number, label), at.x(0), 0.0))

        def ahead(at: Place) -> Value:
            tied = f.bitwise("and", f.test("oeq", at.x(0), score), f.test("olt", at.number, label))
            return f.select(f.bitwise("or", f.test("ugt", at.x(0), score), tied), f.splat(1.0), 0.0)
        hit = f.test("olt", of.total(ahead), float(min(call.op.k, 2 ** 24)))
        right.set(right.get() + f.convert("zext", f.bitwise("and", hit, f.mask(of.spots[0].real)), I32))
    _begin(f, call.y[0], 2)
    along(f, call, form, outputs=False, gathered=True, apart=True).each(line)
    f.add_shared(f.convert("sitofp", f.total_of(right.get()), F64), call.y[0])
    with f.one_thread():
        count = f.constant(samples(f, form)) * math.prod(form.shape[1:-1])
        f.add_shared(f.convert("sitofp", count, F64), call.y[0], 1)


@emitter(ops.CountPairs, scratch=lambda call, machine: LANES)
def count_pairs(f: Function, call: Call) -> None:
    """One more in the cell of each line. Whatever a label is, its cell is in the matrix."""
    (y,), classes = call.y, call.inputs[0].shape[-1]
    need(classes ** 2 < 2 ** 31, "so many classes")

    def line(of: Group) -> None:
        label = f.smaller(f.greater(_class_of(of, 1), 0.0), classes - 1)
        row, column = (f.convert("fptosi", number, I32) for number in (label, _class_of(of, 0)))
        f.store(row * classes + column, f.scratch)
        with f.loop(0, f.least(*(LANES if lanes is None else lanes for lanes in (of.spots[0].real, of.spots[0].lanes)))
                    ) as lane:
            f.add_shared(f.constant(1.0, F64), y, f.convert("sext", f.scalar(f.scratch, lane, I32), I64))
    _begin(f, y, classes ** 2)
    along(f, call, call.inputs[0], outputs=False, gathered=True, apart=True).each(line)


def _spread(f: Function, y: Value, i: int) -> Value:
    return f.splat(f.scalar(y, i, F64))


def _add_up(f: Function, call: Call, *numbers: Callable[[Place], Value]) -> None:
    """Sums of numbers at all elements, which one thread takes in the order of memory."""
    floats(*call.inputs)
    form, y, zero = call.inputs[0], call.y[0], f.splat(f.constant(0.0, F64))

    def step(number: Callable[[Place], Value]) -> Step:
        return lambda kept, at: kept + number(at)

    def every(group: Group) -> None:
        for i, total in enumerate(group.folds(zero, list(map(step, numbers)), lambda a, b: a + b)[0]):
            f.store(f.earlier(partial(_spread, f, y, i), zero) + total, y, i, 1)
    along(f, call, form, range(len(form.shape)), outputs=False).each(every)


@emitter(ops.CountDecisions)
def count_decisions(f: Function, call: Call) -> None:
    """Each element counts in one of four cells."""
    one = f.splat(f.constant(1.0, F64))

    def counts(cell: int) -> Callable[[Place], Value]:
        def number(at: Place) -> Value:
            label = f.test("oge" if cell // 2 else "ult", at.x(1), 0.5)
            return f.select(f.bitwise("and", label, f.test("ogt" if cell % 2 else "ule", at.x(0), call.op.threshold)),
                            one, 0.0)
        return number
    _add_up(f, call, *map(counts, range(4)))


@emitter(ops.AddUp)
def add_up(f: Function, call: Call) -> None:
    """Σ x in float64, and how many they are."""
    _add_up(f, call, lambda at: f.convert("fpext", at.x(0), F64), lambda at: f.splat(f.constant(1.0, F64)))
