"""Random kernels on arrays of several pieces: the same numbers as the reference in every layout."""

import numpy as np
import pytest
from kernel_runs import LAYOUTS, bind, bind_placed, placed

from graphnet.compiler.ops import GaussianNoise, RandomMask
from graphnet.runtime.kernels.noise import PIECE

SHAPES = [(3 * PIECE + 5,), (37, 701), (2, 3, 67, 65), (PIECE,), (5, 1, 1)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_masks_are_those_of_the_reference(shape, layout):
    op, counter = RandomMask(shape, 0.3), np.array([9, 4])
    run, (mask, following) = bind(op, (counter,), layout)
    run()
    expected = op.forward(counter)
    np.testing.assert_array_equal(mask, expected[0])
    np.testing.assert_array_equal(following, expected[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_noise_is_that_of_the_reference(shape, layout, dtype):
    op, counter = GaussianNoise(0.5), np.array([9, 4])
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    run, (y, following) = bind(op, (x, counter), layout)
    run()
    expected = op.forward(x, counter)
    np.testing.assert_array_equal(y, expected[0])
    np.testing.assert_array_equal(following, expected[1])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_counter_that_is_written_over_counts_on(layout):
    op, counter = RandomMask((4, 70), 0.5), np.array([9, 4])
    lying = placed(counter, "rows")
    mask = placed(np.zeros((4, 70), bool), layout)
    run, _ = bind_placed(op, (lying,), layout, (mask, lying))
    for _ in range(3):
        run()
        expected, counter = op.forward(counter)
        np.testing.assert_array_equal(mask, expected)
        np.testing.assert_array_equal(lying, counter)
    assert lying.tolist() == [9, 7]
