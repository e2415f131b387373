"""Formulas of element-wise ops as instructions on vectors (or scalars): see `compiler/expression.py` for what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from graphnet.compiler.expression import Formula
from graphnet.runtime.native import mathematics
from graphnet.runtime.native.call import need
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.values import VEC, Value

_Write = Callable[..., Value]
_SMALLEST = 2.0 ** -126

_WRITE: Mapping[str, _Write] = {
    "negative": lambda f, x: f.instruction(f"fneg {x.type}", x),
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
    """The results of a formula of these values, all of one type of floats."""
    type = inputs[0].type if inputs else VEC
    values: list[Value] = []
    for step in formula.steps:
        operands = [values[number] for number in step.operands]
        if step.function == "input":
            values.append(inputs[int(step.value)])
        elif step.function in ("constant", "smallest"):
            values.append(f.constant(step.value if step.function == "constant" else _SMALLEST, type))
        elif step.function == "number":
            values.append(f.select(operands[0], f.constant(1.0, type), 0.0))
        else:
            need(step.function in _WRITE, f"the function {step.function} has no native form")
            values.append(_WRITE[step.function](f, *operands))
    return [values[number] for number in formula.outputs]
