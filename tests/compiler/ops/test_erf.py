"""The error function against the C library's."""

import math

import numpy as np
import pytest

from graphnet.compiler.ops.erf import erf

POINTS = np.concatenate([np.linspace(-7, 7, 20_001), np.geomspace(1e-300, 30, 2_000), [0.46875, -0.46875, 4.0, 6.0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_at_most_4_units_in_the_last_place(dtype):
    x = POINTS.astype(dtype)
    expected = np.array([math.erf(value) for value in x.astype(float)])
    error = np.abs(erf(x) - expected) / np.spacing(np.abs(expected).astype(dtype) + np.finfo(dtype).tiny)
    assert error.max() <= 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ends_and_zeros(dtype):
    x = np.array([np.inf, -np.inf, 0.0, -0.0, np.nan, 100.0, -100.0], dtype)
    y = erf(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, np.array([1, -1, 0, 0, np.nan, 1, -1], dtype))
    assert np.signbit(y[:4]).tolist() == [False, True, False, True]


def test_it_is_odd():
    np.testing.assert_array_equal(erf(-POINTS), -erf(POINTS))
