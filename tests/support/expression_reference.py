"""Evaluates a formula with plain NumPy, step by step: what compiled expressions are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphnet.compiler.expression import Formula, Step
from graphnet.compiler.types import Array


def evaluate(formula: Formula, *inputs: Array) -> tuple[Array, ...]:
    """The outputs, in the dtype of the first input."""
    dtype = inputs[0].dtype
    values: list[Any] = []
    for number, step in enumerate(formula.steps):
        made = inputs[number] if step.function == "input" else _apply(step, [values[v] for v in step.operands], dtype)
        values.append(made if made.dtype == bool and number >= formula.inputs else np.asarray(made, dtype))
    return tuple(values[value] for value in formula.outputs)


def _apply(step: Step, operands: list[Array], dtype: np.dtype[Any]) -> Array:
    if step.function == "constant":
        return np.array(step.value, dtype)
    if step.function == "smallest":
        return np.array(np.finfo(dtype).tiny)
    if step.function == "number":
        return operands[0].astype(dtype)
    made: Array = getattr(np, step.function)(*operands)
    return made


def assert_same(found: Array, expected: Array, formula: Formula, what: str) -> None:
    """All numbers equal; and the signs of zeros, unless a maximum or minimum leaves them open."""
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found, expected, what)
    if not any(step.function in ("maximum", "minimum") for step in formula.steps):
        zeros = expected == 0
        np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(expected[zeros]), f"{what}: sign of zero")
