"""The expression of every op says what its forward computes, to the bit, and its kernel computes the expression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from expression_reference import assert_same, evaluate
from kernel_runs import LAYOUTS, bind, bind_placed, placed
from op_cases import Case, all_cases, cases_of

from graphnet.compiler.op import formula_of, registered_ops
from graphnet.compiler.ops import SgdUpdate, Update
from graphnet.compiler.ops.linear import along_axis
from graphnet.compiler.types import Array
from graphnet.runtime.kernels import expressions

ODD = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, -1e-310, 1e-40, -1e-40, 1.0, -1.0, 0.5, 1e30, -1e30, 88.0, -750.0)
SIZES = {"of the example": None, "one": 1, "none": 0}
CASES = [param for param in all_cases() if param.values[0].op.elementwise]
UPDATES = [param for param in all_cases() if isinstance(param.values[0].op, Update)]


def test_every_element_wise_op_has_an_expression():
    without = [name for name, cls in registered_ops().items()
               if cls.elementwise and any(formula_of(case.op) is None for case in cases_of(cls)) and "." not in name]
    assert without == []


def arrays_of(case: Case, size: int | None, odd: bool) -> tuple[Array, ...]:
    """Random inputs of the case, with all dims of another size if asked, and with odd numbers among them."""
    if size is not None:
        types = tuple(t.with_shape((size,) * t.rank) for t in case.inputs)
        case = replace(case, inputs=types, example=replace(case.example, values=None, kink=0.0))
    rng = np.random.default_rng(5)
    arrays = case.arrays()
    if odd:
        arrays = tuple(a if a.dtype == bool else np.where(rng.random(a.shape) < 0.6, rng.choice(ODD, a.shape), a)
                       .astype(a.dtype) for a in arrays)
    return arrays


@pytest.fixture
def _small(monkeypatch):
    monkeypatch.setattr(expressions, "SCRATCH", 24)  # elements: several pieces even of the arrays of examples


@pytest.mark.usefixtures("_small")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("odd", [False, True], ids=["plain", "odd"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_forward_expression_and_kernel_agree(case: Case, dtype: str, odd: bool, size: int | None) -> None:
    op = case.op
    arrays = arrays_of(case.cast(dtype), size, odd)
    (expected,) = op.forward(*arrays)
    spread = [a if a.ndim == expected.ndim else along_axis(a, op.axis, expected.ndim)  # type: ignore[attr-defined]
              for a in arrays]
    assert formula_of(op, dtype) is not None
    (evaluated,) = evaluate(formula_of(op, dtype), *spread)
    assert_same(evaluated, expected, formula_of(op, dtype), "expression and forward")
    for layout in LAYOUTS:
        run, (found,) = bind(op, arrays, layout)
        run()
        assert_same(found, expected, formula_of(op, dtype), f"kernel and forward, {layout}")


@pytest.mark.usefixtures("_small")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case", CASES)
def test_the_kernel_may_write_over_its_operands(case: Case) -> None:
    op, arrays = case.op, arrays_of(case.cast("float32"), None, odd=True)
    (expected,) = op.forward(*arrays)
    for position in op.inplace:
        inputs = tuple(placed(a, "rows") for a in arrays)
        run, (found,) = bind_placed(op, inputs, "rows", (inputs[position],))
        run()
        assert formula_of(op, "float32") is not None
        assert_same(found, expected, formula_of(op, "float32"), f"over input {position}")


@pytest.mark.parametrize("case", [param for param in CASES if len(set(param.values[0].inputs[:2])) == 1
                                  and len(param.values[0].inputs) > 1])
def test_one_value_as_two_operands(case: Case) -> None:
    """The result lies over a value that is also an operand which the op does not say it may write over."""
    op, (x, _, *others) = case.op, case.arrays()
    (expected,) = op.forward(x, x, *others)
    inputs = (shared := placed(x, "rows"), shared, *(placed(a, "rows") for a in others))
    run, (found,) = bind_placed(op, inputs, "rows", (shared,))
    run()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("decayed", [False, True], ids=["plain", "decayed"])
@pytest.mark.parametrize("case", UPDATES)
def test_rules_of_optimizers(case: Case, decayed: bool) -> None:
    """The rule gives what the step gives but for rounding; contract tests compare the kernel with both of them."""
    op = case.op
    assert isinstance(op, Update)
    formula, rng = op.formula_of(decayed), np.random.default_rng(0)
    assert formula is not None
    p, g = rng.standard_normal((2, 50)).astype("f")
    moments = [rng.uniform(1.5, 2, 50).astype("f") for _ in op.moments]
    eta, step = np.float32(0.05), 3
    numbers = [np.array(number, "f") for number in op.numbers(float(eta), step)]
    found = evaluate(formula, p, g, *moments, *numbers, *[np.array(0.9, "f")] * decayed)
    expected = op.step(np.full(50, eta), step, p * np.float32(0.9) if decayed else p, g, *moments)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_an_optimizer_that_means_something_else_has_no_rule_of_its_base() -> None:
    class Backwards(SgdUpdate):
        def step(self, rate: Array, step: int, p: Array, g: Array, *moments: Array) -> tuple[Array, ...]:
            return super().step(-rate, step, p, g, *moments)

    assert SgdUpdate(2).formula_of(False) is not None
    assert Backwards(2).formula_of(False) is None
