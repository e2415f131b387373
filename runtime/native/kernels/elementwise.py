"""Element-wise ops by their expressions, chains of them, and sums, means and largest elements over axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from graphnet.compiler.op import formula_of
from graphnet.compiler.ops import DotAxis, Expand, Full, ReduceMax, ReduceMaxGrad, ReduceMean, ReduceSum
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.ops.scaling import other_axes
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import F32, I8, VEC, Value, element_of, with_elements
from graphnet.runtime.native.emit.call import Call, emitter, emitter_where, floats, need
from graphnet.runtime.native.emit.formulas import Tail
from graphnet.runtime.native.emit.lines import along
from graphnet.runtime.native.emit.views import View, seen, view
from graphnet.runtime.native.emit.walk import WIDE, Group, Place, Two, Walk, walk

_SHORT = 12
"""Steps of an expression up to which several vectors are worked on at a time."""


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
    Walk(f, form, reads, writes, axes, wide=2 * wide, beside=wide).each(result)


def _elements(f: Function, form: Operand, axes: Sequence[int]) -> Value:
    """How many elements are joined over axes, as a float: of all blocks, if samples are."""
    known = math.prod(form.shape[axis] for axis in axes if axis or not f.blocked)
    return f.convert("sitofp", f.total * known, F32) if f.blocked and 0 in axes else f.constant(float(known), F32)


def number(f: Function, value: Value) -> Value:
    """Whole numbers and bools as floats."""
    element = element_of(value.type)
    return value if element == F32 else f.convert("uitofp" if element == I8 else "sitofp", value, F32)


@emitter_where(lambda op: op.elementwise and formula_of(op) is not None)
def elementwise(f: Function, call: Call) -> None:
    """The chain in one walk, with its first sum; further sums walk over what it has made, or make it again.

    If what it makes is no output, the walk goes over elements as its first input does.
    """
    op, chain = call.op, Tail(f, call, root=True)
    joined = op.sums if isinstance(op, Fused) else ()
    gives = not joined or op.gives_chain
    form = call.outputs[0] if gives else call.inputs[chain.first]
    need(not chain.computes or (form.dtype == "float32" and all(o.dtype != "float64" for o in call.inputs)),
         f"arithmetic of {form.dtype} or float64 operands")
    views = [view(x, o, form, chain.axis(i)) for i, (x, o) in enumerate(zip(call.x, call.inputs, strict=True))]
    out = view(call.y[0], form, form) if gives else None

    def make(at: Place) -> Value:
        return chain(None, lambda i: number(f, at.x(i)) if chain.computes else at.x(i))
    wide = WIDE if chain.steps <= _SHORT else 1
    if out and not joined:
        walk(f, form, views, make, out, wide)
    for index, (each, operand, y) in enumerate(zip(joined, call.outputs[gives:], call.y[gives:], strict=True)):
        again = out if index else None
        if again and index == 1:
            f.meet()
        sums(f, form, [again] if again else views, (lambda at: at.x(0)) if again else make, each.axes,
             view(y, operand, form, without=each.axes), isinstance(each, ReduceMean), None if index else out, wide)


@emitter(ReduceSum, ReduceMean, DotAxis, ReduceMax)
def reduce(f: Function, call: Call) -> None:
    """Sum, mean or the greatest over axes, NaN if there is one; Σ a · b over all axes but one."""
    floats(*call.inputs)
    form, dot, top = call.inputs[0], len(call.inputs) > 1, isinstance(call.op, ReduceMax)
    rank, left = len(form.shape), len(call.outputs[0].shape)
    axes = other_axes(call.op.axis, rank) if dot else range(left, rank) if top else call.op.axes
    (target,) = seen(call.y, call.outputs, form, axes)
    sums(f, form, seen(call.x, call.inputs, form, axes), lambda at: at.x(0) * at.x(1) if dot else at.x(0), axes, target,
         isinstance(call.op, ReduceMean), join=f.greater if top else _add, start=-math.inf if top else 0.0)


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
