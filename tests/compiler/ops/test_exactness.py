"""Every element-wise op, loss and gradient beside mpmath: within 4 units in the last place, in both precisions.

The default run draws few numbers, `-m slow` many. What a reference and a kernel make of them must be within 4 units in
the last place of the right value; of a sum, of its largest summand.
"""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from exact_formulas import EXACT, ROWS, Exact, ExactRows, draw, set_smallest
from kernel_runs import bind
from op_cases import examples_of

from graphnet.compiler import ops
from graphnet.compiler.op import formula_of, registered_ops

Array = np.ndarray[Any, Any]
PRECISION = 240
ALLOWED = 4
FEW, MANY = 160, 4000
VECTORS = (ops.PRelu, ops.PReluGrad, ops.BiasAdd, ops.ScaleAxis)
"""Ops whose last input is spread along an axis."""
NO_ARITHMETIC = {"apply_mask", "select"}
"""Ops that pick numbers and compute none."""


@pytest.fixture(autouse=True)
def precise() -> Any:
    with mp.workprec(PRECISION):
        yield


def unit(value: Any, dtype: str) -> Any:
    """A unit in the last place of a number: at least the smallest number of the dtype."""
    info = np.finfo(dtype)
    exponent = mp.frexp(value)[1] - 1 if value else info.minexp
    return mp.ldexp(1, max(exponent, info.minexp) - info.nmant)


def results(op: Any, arrays: list[Array]) -> tuple[Array, Array]:
    """Of the reference, and of the kernel."""
    with np.errstate(all="ignore"):
        (made, *_) = op.forward(*arrays)
        run, (out, *_) = bind(op, tuple(arrays), "rows")
        run()
    return made.ravel(), out.ravel()


def check(op: Any, found: tuple[Array, Array], wanted: list[tuple[Any, Any]], given: list[Any], dtype: str) -> None:
    largest = mp.mpf(float(np.finfo(dtype).max))
    for index, (value, summand) in enumerate(wanted):
        if max(abs(value), summand) > largest:
            continue  # what overflows is infinite, or not a number where it cancels
        allowed = ALLOWED * unit(max(abs(value), summand), dtype)
        for made in found:
            assert abs(mp.mpf(float(made[index])) - value) <= allowed, (
                f"{op} of {given[index]} in {dtype} is {mp.nstr(value, 17)}, not {made[index]!r}: "
                f"{mp.nstr(abs(mp.mpf(float(made[index])) - value) / allowed * ALLOWED, 3)} units in the last place")


def sweep(case: Exact, dtype: str, count: int) -> None:
    rng = np.random.default_rng(0)
    set_smallest(dtype)
    arrays = [draw(domain, rng, dtype, count) for domain in case.domains]
    if isinstance(case.op, VECTORS):
        arrays = [*(x[:, None] for x in arrays[:-1]), np.array([-1.7], dtype)]
    given = list(zip(*(np.broadcast_to(x, arrays[0].shape).ravel().tolist() for x in arrays), strict=True))
    wanted = [case.value(*map(mp.mpf, numbers)) for numbers in given]
    check(case.op, results(case.op, arrays), wanted, given, dtype)


def sweep_rows(case: ExactRows, dtype: str, count: int) -> None:
    rng = np.random.default_rng(0)
    set_smallest(dtype)
    arrays = case.draw(rng, dtype, count)
    given = list(zip(*(x.tolist() for x in arrays), strict=True))
    wanted = [pair for numbers in given for pair in case.values(*numbers)]
    found = results(case.op, arrays)
    rows = [row for row in given for _ in range(len(wanted) // len(given))]
    check(case.op, found, wanted, rows, dtype)


BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])
ELEMENTS = pytest.mark.parametrize("case", EXACT, ids=lambda case: str(case.op))
LOSSES = pytest.mark.parametrize("case", ROWS, ids=lambda case: str(case.op))


@BOTH
@ELEMENTS
def test_a_few_numbers(case: Exact, dtype: str) -> None:
    sweep(case, dtype, FEW)


@BOTH
@LOSSES
def test_a_few_rows(case: ExactRows, dtype: str) -> None:
    sweep_rows(case, dtype, FEW // 6)


@pytest.mark.slow
@BOTH
@ELEMENTS
def test_many_numbers(case: Exact, dtype: str) -> None:
    sweep(case, dtype, MANY)


@pytest.mark.slow
@BOTH
@LOSSES
def test_many_rows(case: ExactRows, dtype: str) -> None:
    sweep_rows(case, dtype, MANY // 6)


def test_every_op_with_an_expression_is_swept() -> None:
    examples = [example.op for cls in registered_ops().values() for example in examples_of(cls)[:1]]
    with_expression = {op.name for op in examples if formula_of(op) is not None}
    assert with_expression - NO_ARITHMETIC == {case.op.name for case in EXACT}


@BOTH
@pytest.mark.parametrize("case", [case for case in EXACT if case.limits], ids=lambda case: str(case.op))
def test_infinities_have_the_limits_and_nan_stays(case: Exact, dtype: str) -> None:
    x = np.array([-np.inf, np.inf, np.nan], dtype)
    arrays = [np.ones(3, dtype)] * (len(case.domains) - 1) + [x]
    for made in results(case.op, arrays):
        np.testing.assert_array_equal(made, np.array([*case.limits, np.nan], dtype))  # type: ignore[misc]


@pytest.mark.parametrize(("op", "dtype", "x", "expected"), [
    (ops.Sigmoid(), "float32", -16.5, 6.825602910446284e-08), (ops.Sigmoid(), "float32", -20, 2.061153618190204e-09),
    (ops.Silu(), "float64", -30, -2.80728689065179e-12)])
def test_what_was_lost_far_below_zero(op: Any, dtype: str, x: float, expected: float) -> None:
    for made in results(op, [np.full(1, x, dtype)]):
        np.testing.assert_allclose(made, expected, rtol=4 * np.finfo(dtype).eps)
