"""Sums, means and largest elements over axes, and their gradients; arrays of one number."""

from __future__ import annotations

import math
from collections.abc import Callable

from graphnet.compiler.ops import DotAxis, Expand, Full, ReduceMax, ReduceMaxGrad, ReduceMean, ReduceSum
from graphnet.compiler.ops.scaling import other_axes
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import Call, emitter, floats
from graphnet.runtime.native.fold import Finish, Fold, Join
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.values import F32, INTS, MASK, VEC, Index, Value, with_elements
from graphnet.runtime.native.walk import Dim, Loops, Places, dims_of, load, store, view, walk

SUM = Join(lambda a, b: a + b, 0.0)


def finish_sum(f: Function, form: Operand, axes: tuple[int, ...], mean: bool) -> Finish:
    """Divides a mean, and adds what is summed over samples to what earlier blocks left."""
    count = elements(f, form, axes) if mean else None

    def finish(value: Value, earlier: Callable[[], Value]) -> Value:
        if count is not None:
            value = value / (f.splat(count) if value.type == VEC else count)
        adds = f.blocked and 0 in axes
        return f.earlier(earlier, f.constant(0.0, value.type)) + value if adds else value
    return finish


def elements(f: Function, form: Operand, axes: tuple[int, ...]) -> Value:
    """How many elements are joined over axes, as a float: of all blocks, if samples are."""
    known = math.prod(form.shape[axis] for axis in axes if axis or not f.blocked)
    if not (f.blocked and 0 in axes):
        return f.constant(float(known), F32)
    return f.convert("sitofp", f.total * known, F32)


@emitter(ReduceSum, ReduceMean)
def reduce(f: Function, call: Call) -> None:
    """Sum or mean over axes."""
    floats(*call.inputs)
    (form,), axes = call.inputs, call.op.axes
    finish = finish_sum(f, form, axes, isinstance(call.op, ReduceMean))
    target = view(call.y[0], call.outputs[0], form, without=axes)
    Fold(f, form, [view(call.x[0], form, form)], lambda values: values[0], axes, SUM, target, finish).write()


@emitter(DotAxis)
def dot_axis(f: Function, call: Call) -> None:
    """Σ a · b over all axes but one."""
    floats(*call.inputs)
    form = call.inputs[0]
    axes = other_axes(call.op.axis, len(form.shape))
    views = [view(x, operand, form) for x, operand in zip(call.x, call.inputs, strict=True)]
    target, finish = view(call.y[0], call.outputs[0], form, without=axes), finish_sum(f, form, axes, False)
    Fold(f, form, views, lambda values: values[0] * values[1], axes, SUM, target, finish).write()


@emitter(ReduceMax)
def reduce_max(f: Function, call: Call) -> None:
    """The greatest over the last axes; NaN if there is one."""
    floats(*call.inputs)
    form = call.inputs[0]
    axes = tuple(range(len(call.outputs[0].shape), len(form.shape)))
    target = view(call.y[0], call.outputs[0], form, without=axes)
    Fold(f, form, [view(call.x[0], form, form)], lambda values: values[0], axes, Join(f.greater, -math.inf), target,
         lambda value, _: value).write()


@emitter(Expand)
def expand(f: Function, call: Call) -> None:
    """g spread over axes, divided by their size if it reverses a mean."""
    floats(*call.inputs)
    (form,), op = call.outputs, call.op
    source = view(call.x[0], call.inputs[0], form, without=op.axes)
    factor = f.splat(f.constant(1.0, F32) / elements(f, form, op.axes)) if op.mean else None
    walk(f, form, [source], lambda values: values[0] if factor is None else values[0] * factor,
         view(call.y[0], form, form), ends=0 in op.axes)


@emitter(Full)
def full(f: Function, call: Call) -> None:
    """A number everywhere."""
    (form,) = call.outputs
    out = view(call.y[0], form, form)
    number = f.constant(call.op.value, with_elements(VEC, out.element))
    walk(f, form, [], lambda _: number, out)


@emitter(ReduceMaxGrad)
def reduce_max_grad(f: Function, call: Call) -> None:
    """g where the first of the greatest elements is, else 0. Lanes are results, wherever their elements lie."""
    floats(*call.inputs)
    g, form = call.inputs
    if 0 in form.shape:
        return
    axes = tuple(range(len(g.shape), len(form.shape)))
    views = [view(call.x[1], form, form), view(call.y[0], form, form), view(call.x[0], g, form, without=axes)]
    dims = dims_of(form, views, axes)
    *outer, lanes = [d for d in dims if not d.joined] or [Dim(1, (0, 0, 0))]
    joined = next((d for d in dims if d.joined), Dim(1, (0, 0, 0)))
    loops = Loops(f, views, 0, lanes)

    def run(places: Places) -> None:
        loops.blocks(lanes, 1, lambda start, count: block(places, start, count))

    def block(places: Places, start: Index, count: int) -> None:
        x, out, grad = [f.at(place, start * stride) for place, stride in zip(places, lanes.strides, strict=True)]
        first = _first_greatest(f, x, lanes.strides[0], joined, count)
        slope = load(f, grad, lanes.strides[2], 0, count)
        with f.loop(0, joined.extent) as i:
            here = f.instruction(f"icmp eq {INTS}", first, f.narrow(i), type=MASK)
            store(f, f.select(here, slope, 0.0), f.at(out, i * joined.strides[1]), lanes.strides[1], 0, count)
    loops.nest(outer, loops.start, run)


def _first_greatest(f: Function, x: Value, stride: int, joined: Dim, count: int) -> Value:
    """Where the greatest element of each lane is first, or the first NaN."""
    greatest, place = f.variable(f.splat(-math.inf)), f.variable(f.constant(0, INTS))
    with f.loop(0, joined.extent) as i:
        value, known = load(f, f.at(x, i * joined.strides[0]), stride, 0, count), greatest.get()
        is_new = f.instruction(f"and {MASK}", f.test("uno", value, value), f.test("ord", known, known))
        better = f.instruction(f"or {MASK}", f.test("ogt", value, known), is_new)
        greatest.set(f.select(better, value, known))
        place.set(f.select(better, f.narrow(i), place.get()))
    return place.get()
