"""Sums, means and largest elements over axes, and their gradients; arrays of one number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from graphnet.compiler.ops import DotAxis, Expand, Full, ReduceMax, ReduceMaxGrad, ReduceMean, ReduceSum
from graphnet.compiler.ops.scaling import other_axes
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import Call, emitter, floats
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.lines import along
from graphnet.runtime.native.values import F32, VEC, Value, with_elements
from graphnet.runtime.native.views import View, seen, view
from graphnet.runtime.native.walk import WIDE, Group, Place, Two, Walk, walk


def _add(a: Value, b: Value) -> Value:
    return a + b


def sums(f: Function, form: Operand, reads: Sequence[View], make: Callable[[Place], Value], axes: Sequence[int],
         target: View, mean: bool = False, out: View | None = None, wide: int = WIDE, join: Two = _add,
         start: float = 0.0) -> None:
    """The sum over axes of what is made of each element, or the mean, added to what earlier blocks left if samples are
    summed up; or what another join makes of them. `out` gets all that is made, too."""
    count = f.splat(_elements(f, form, axes)) if mean else None
    adds, writes = f.blocked and 0 in axes, [target, *([out] if out else [])]

    def step(kept: Value, at: Place) -> Value:
        made = make(at)
        return join(kept, at.put(made, 1) if out else made)

    def result(group: Group) -> None:
        for spot, (total,) in zip(group.spots, group.folds(start, [step], join), strict=True):
            made = total / count if count else total
            spot.put(f.earlier(spot.y) + made if adds else made)
    Walk(f, form, reads, writes, axes, wide=wide, beside=wide).each(result)


def _elements(f: Function, form: Operand, axes: Sequence[int]) -> Value:
    """How many elements are joined over axes, as a float: of all blocks, if samples are."""
    known = math.prod(form.shape[axis] for axis in axes if axis or not f.blocked)
    return f.convert("sitofp", f.total * known, F32) if f.blocked and 0 in axes else f.constant(float(known), F32)


@emitter(ReduceSum, ReduceMean, DotAxis, ReduceMax)
def reduce(f: Function, call: Call) -> None:
    """Sum, mean or the greatest over axes, NaN if there is one; Σ a · b over all axes but one."""
    floats(*call.inputs)
    form, dot, top = call.inputs[0], len(call.inputs) > 1, isinstance(call.op, ReduceMax)
    rank, left = len(form.shape), len(call.outputs[0].shape)
    axes = other_axes(call.op.axis, rank) if dot else range(left, rank) if top else call.op.axes
    (target,) = seen(call.y, call.outputs, form, axes)
    sums(f, form, seen(call.x, call.inputs, form, axes), lambda at: at.x(0) * at.x(1) if dot else at.x(0), axes, target,
         isinstance(call.op, ReduceMean), **({"join": f.greater, "start": -math.inf} if top else {}))


@emitter(ReduceMaxGrad)
def reduce_max_grad(f: Function, call: Call) -> None:
    """g where the first of the greatest elements is, else 0."""
    floats(*call.inputs)
    g, form = call.inputs

    def result(group: Group) -> None:
        slope, first = group.own(0), group.first_greatest(1)
        group.over(lambda at: at.put(f.select(f.test("oeq", at.number, first), slope, 0.0)))
    along(f, call, form, range(len(g.shape), len(form.shape))).each(result)


@emitter(Expand)
def expand(f: Function, call: Call) -> None:
    """g spread over axes, divided by their size if it reverses a mean."""
    floats(*call.inputs)
    (form,), op = call.outputs, call.op
    factor = f.splat(f.constant(1.0, F32) / _elements(f, form, op.axes)) if op.mean else None
    walk(f, form, seen(call.x, call.inputs, form, op.axes), lambda at: at.x(0) * factor if factor else at.x(0),
         view(call.y[0], form, form), ends=0 in op.axes)


@emitter(Full)
def full(f: Function, call: Call) -> None:
    """A number everywhere."""
    (form,) = call.outputs
    out = view(call.y[0], form, form)
    number = f.constant(call.op.value, with_elements(VEC, out.element))
    walk(f, form, [], lambda _: number, out)
