"""Element-wise ops by their expressions, and chains of them with the sums of what they make."""

from __future__ import annotations

from graphnet.compiler.op import formula_of
from graphnet.compiler.ops import ReduceMean
from graphnet.compiler.ops.fused import Fused
from graphnet.runtime.native.call import Call, emitter_where, need
from graphnet.runtime.native.formulas import Tail
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.kernels.reduction import sums
from graphnet.runtime.native.values import F32, I8, Value, element_of
from graphnet.runtime.native.views import view
from graphnet.runtime.native.walk import WIDE, Place, walk

_SHORT = 12
"""Steps of an expression up to which several vectors are worked on at a time."""


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
