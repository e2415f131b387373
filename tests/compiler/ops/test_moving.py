"""Transposes, upsampling, extrema, products sample by sample and unit lengths: what they refuse, and special cases."""

import re

import numpy as np
import pytest

from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.op import f64
from graphnet.compiler.ops import (
    BatchMatMul,
    Maximum,
    Minimum,
    Select,
    SumBlocks,
    Transpose,
    UnitLength,
    UnitLengthGrad,
    Upsample,
)
from graphnet.compiler.types import TensorType

A, B = np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 0.0])


def test_upsampling_and_its_reverse():
    x = np.arange(4.0).reshape(1, 2, 2)
    (y,) = Upsample((1, 3)).forward(x)
    np.testing.assert_array_equal(y, [[[0, 0, 0, 1, 1, 1], [2, 2, 2, 3, 3, 3]]])
    np.testing.assert_array_equal(SumBlocks((1, 3)).forward(y)[0], 3 * x)


def test_a_tie_gives_the_whole_gradient_to_the_first():
    g = np.array([1.0, 10.0, 100.0])
    for greater, first, second in (((A, B), [1, 0, 100], [0, 10, 0]), ((B, A), [1, 10, 0], [0, 0, 100])):
        np.testing.assert_array_equal(Select(True).forward(g, *greater)[0], first)
        np.testing.assert_array_equal(Select(False).forward(g, *greater)[0], second)


def test_nan_wins():
    x = np.array([np.nan, 1.0])
    for op in (Maximum(), Minimum()):
        assert np.isnan(op.forward(x, np.zeros(2))[0]).tolist() == [True, False]


def test_a_vector_of_zeros_stays_zero_and_has_a_finite_gradient():
    zeros = np.zeros((2, 3))
    np.testing.assert_array_equal(UnitLength(-1).forward(zeros)[0], zeros)
    np.testing.assert_array_equal(UnitLengthGrad(-1, 0.5).forward(np.ones((2, 3)), zeros)[0], np.full((2, 3), 2.0))


def test_a_symbolic_batch_moves_with_its_axis():
    t = TensorType("float64", ("N", 3, "T"))
    assert Transpose((2, 0, 1)).infer(t)[0].shape == ("T", "N", 3)
    assert BatchMatMul(False, True).infer(t, TensorType("float64", ("N", 5, "T")))[0].shape == ("N", 3, 5)


@pytest.mark.parametrize(("run", "kind", "text"), [
    (lambda: Transpose((0, 0, 1)), ArgumentError,
     "transpose: axes is (0, 0, 1), but it must have each of the axes 0 … 2 once"),
    (lambda: Transpose((1, 0)).infer(f64(2, 3, 4)), ShapeError,
     "axes (1, 0) are an order of 2 axes, but (2, 3, 4) has 3"),
    (lambda: Upsample((2, 0)), ArgumentError, "upsample: factors is (2, 0), but each must be at least 1"),
    (lambda: Upsample(()), ArgumentError, "upsample: factors is (), but each must be at least 1"),
    (lambda: Upsample((2, 2)).infer(f64(3)), ShapeError, "upsample by (2, 2) needs 2 dims at least, got (3,)"),
    (lambda: Upsample((2,)).infer(TensorType("float32", ("N", "T"))), ShapeError,
     "each of the last 1 dims of upsample must be known when the graph is declared, but it is the symbol T"),
    (lambda: SumBlocks((2,)).infer(f64(2, 5)), ShapeError, "the last dims of (2, 5) do not divide into blocks of (2,)"),
    (lambda: BatchMatMul().infer(f64(2, 3, 4), f64(2, 5, 4)), ShapeError,
     "the summed dims of (2, 3, 4) and (2, 5, 4) differ: 4 ≠ 5"),
    (lambda: BatchMatMul().infer(f64(2, 3, 4), f64(3, 4, 5)), ShapeError,
     "need (N, M, K) and (N, K, P) of one dtype, got float64 (2, 3, 4) and float64 (3, 4, 5)"),
    (lambda: UnitLength(0, 0.0), ArgumentError, "unit_length: epsilon is 0.0, but it must be a finite number > 0"),
    (lambda: Maximum().infer(f64(2), f64(3)), ShapeError, "Maximum needs operands of one shape, got (2,) and (3,)"),
])
def test_refusals(run, kind, text):
    with pytest.raises(kind, match=re.escape(text)):
        run()
