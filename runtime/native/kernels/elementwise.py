"""Element-wise ops by their expressions, and chains of them with the sums of what they make."""

from __future__ import annotations

from graphnet.compiler.op import Op, formula_of
from graphnet.compiler.ops import ReduceMean
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import Call, emitter_where, need
from graphnet.runtime.native.chains import expression, write_op
from graphnet.runtime.native.fold import Fold
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.kernels.reduction import SUM, finish_sum
from graphnet.runtime.native.values import F32, I8, Value, element_of
from graphnet.runtime.native.walk import WIDE, View, view, walk

_SHORT = 12
"""Steps of an expression up to which several vectors are worked on at a time."""


class _Chain:
    """The ops of a call one after the other, on the elements at one place of all that they read.

    Attributes:
        form: what they make.
        views: of the inputs, once for each way in which they are spread.
        wide: vectors to be worked on at a time.
    """

    def __init__(self, f: Function, call: Call) -> None:
        self._f, op, given = f, call.op, range(len(call.x))
        self.form = _made(call)
        self.views: list[View] = []
        nodes = [(op, tuple(given))]
        inner = list(given)
        if isinstance(op, Fused):
            nodes, inner = [(node.op, node.inputs) for node in op.chain], [item.value for item in op.body.inputs]
        self._steps = [(each, [self._place(call, each, inner.index(v)) if v in inner else None for v in values])
                       for each, values in nodes]
        count = sum(len(expression(each).steps) for each, _ in nodes)
        self.wide = WIDE if count <= _SHORT else 1
        computes = count > len(nodes)
        for form in (self.form, *call.inputs):
            need(not computes or form.dtype != "float64", "float64 operands")
        need(not computes or self.form.dtype == "float32", f"arithmetic of {self.form.dtype} operands")
        self._number = number if computes else _as_it_is

    def _place(self, call: Call, op: Op, position: int) -> int:
        found = view(call.x[position], call.inputs[position], self.form, getattr(op, "axis", None))
        if found not in self.views:
            self.views.append(found)
        return self.views.index(found)

    def __call__(self, values: list[Value]) -> Value:
        """What is made of the values of all views at one place."""
        made, values = values[0], [self._number(self._f, value) for value in values]
        for op, places in self._steps:  # the first takes nothing that is made
            made = write_op(self._f, op, [made if place is None else values[place] for place in places])
        return made


def number(f: Function, value: Value) -> Value:
    """Whole numbers and bools as floats."""
    element = element_of(value.type)
    if element == F32:
        return value
    return f.convert("uitofp" if element == I8 else "sitofp", value, F32)


def _made(call: Call) -> Operand:
    """The form of what a chain makes; if it is no output, it goes over elements as its first input does."""
    if not isinstance(call.op, Fused) or call.op.gives_chain:
        return call.outputs[0]
    first = call.op.chain[0].inputs[0]
    return next(form for item, form in zip(call.op.body.inputs, call.inputs, strict=True) if item.value == first)


@emitter_where(lambda op: op.elementwise and formula_of(op) is not None)
def elementwise(f: Function, call: Call) -> None:
    """The chain in one walk, with its first sum; further sums walk over what it has made, or make it again."""
    chain, op = _Chain(f, call), call.op
    sums = op.sums if isinstance(op, Fused) else ()
    gives = not sums or op.gives_chain
    out = view(call.y[0], chain.form, chain.form) if gives else None
    if out and not sums:
        walk(f, chain.form, chain.views, chain, out, chain.wide)
    views, make = chain.views, chain.__call__
    for index, (each, operand, y) in enumerate(zip(sums, call.outputs[gives:], call.y[gives:], strict=True)):
        if out and index == 1:
            f.meet()
            views, make = [out], _first
        finish = finish_sum(f, chain.form, each.axes, isinstance(each, ReduceMean))
        target = view(y, operand, chain.form, without=each.axes)
        Fold(f, chain.form, views, make, each.axes, SUM, target, finish, None if index else out, chain.wide).write()


def _as_it_is(f: Function, value: Value) -> Value:
    return value


def _first(values: list[Value]) -> Value:
    return values[0]
