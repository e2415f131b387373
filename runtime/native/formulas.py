"""Formulas of element-wise ops as instructions on vectors or scalars; `compiler/expression.py` says what they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from graphnet.compiler.expression import Formula, Step
from graphnet.runtime.native import mathematics
from graphnet.runtime.native.call import need
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.values import VEC, Value

_Write = Callable[..., Value]
_SMALLEST = 2.0 ** -126

_WRITE: Mapping[str, _Write] = {
    "negative": lambda f, x: _negative(f, x),
    "absolute": lambda f, x: f.intrinsic("fabs", x),
    "floor": lambda f, x: f.intrinsic("floor", x),
    "sqrt": lambda f, x: f.intrinsic("sqrt", x),
    "copysign": lambda f, x, y: f.intrinsic("copysign", x, y),
    "add": lambda f, x, y: x + y,
    "subtract": lambda f, x, y: x - y,
    "multiply": lambda f, x, y: x * y,
    "divide": lambda f, x, y: x / y,
    "maximum": lambda f, x, y: f.greater(x, y),
    "minimum": lambda f, x, y: f.smaller(x, y),
    "less": lambda f, x, y: f.test("olt", x, y),
    "less_equal": lambda f, x, y: f.test("ole", x, y),
    "greater": lambda f, x, y: f.test("ogt", x, y),
    "greater_equal": lambda f, x, y: f.test("oge", x, y),
    "logical_and": lambda f, a, b: f.instruction(f"and {a.type}", a, b),
    "where": lambda f, mask, a, b: f.select(mask, a, b),
    **{name: getattr(mathematics, name) for name in mathematics.FUNCTIONS},
}


def write_formula(f: Function, formula: Formula, inputs: Sequence[Value]) -> list[Value]:
    """The results of a formula of these values, all of one type of floats.

    A product that only one sum takes is joined to it, so that it is not rounded before.
    """
    type = inputs[0].type if inputs else VEC
    joined = _joined(formula)
    values: list[Value] = []
    for number, step in enumerate(formula.steps):
        operands = [values[operand] for operand in step.operands]
        if step.function == "input":
            values.append(inputs[int(step.value)])
        elif step.function in ("constant", "smallest"):
            values.append(f.constant(step.value if step.function == "constant" else _SMALLEST, type))
        elif step.function == "number":
            values.append(f.select(operands[0], f.constant(1.0, type), 0.0))
        elif number in joined:
            product = [values[factor] for factor in formula.steps[joined[number]].operands]
            values.append(_join(f, step, product, joined[number], operands))
        elif number in joined.values():
            values.append(operands[0])  # nobody reads it
        else:
            need(step.function in _WRITE, f"the function {step.function} has no native form")
            values.append(_WRITE[step.function](f, *operands))
    return [values[number] for number in formula.outputs]


@cache
def _joined(formula: Formula) -> dict[int, int]:
    """Sums and differences by the number of the product among their operands that is used there alone."""
    uses = Counter([*formula.outputs, *(operand for step in formula.steps for operand in step.operands)])
    alone = {n for n, step in enumerate(formula.steps) if step.function == "multiply" and uses[n] == 1}
    return {n: next(operand for operand in step.operands if operand in alone)
            for n, step in enumerate(formula.steps)
            if step.function in ("add", "subtract") and not alone.isdisjoint(step.operands)}


def _join(f: Function, step: Step, product: Sequence[Value], place: int, operands: Sequence[Value]) -> Value:
    """a · b ± c, or c ± a · b, rounded once."""
    a, b = product
    first = step.operands[0] == place
    other = operands[1 if first else 0]
    if step.function == "subtract":
        a, other = (a, _negative(f, other)) if first else (_negative(f, a), other)
    return f.fma(a, b, other)


def _negative(f: Function, x: Value) -> Value:
    return f.instruction(f"fneg {x.type}", x)
