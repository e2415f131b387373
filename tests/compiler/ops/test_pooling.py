"""Ties, padding and divisors of poolings, in the reference and in the kernels."""

import numpy as np
import pytest
from kernel_runs import LAYOUTS, bind

from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.op import f64
from graphnet.compiler.ops import AvgPool2d, AvgPool2dGrad, MaxPool2d, MaxPool2dGrad, ReduceMax, ReduceMaxGrad
from graphnet.compiler.ops.windows import round_up

ONES = np.ones((1, 1, 3, 3))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_tie_in_overlapping_windows_goes_to_the_first_in_row_major_order(layout):
    op = MaxPool2d((2, 2), (1, 1))
    (y,) = op.forward(ONES)
    g = np.array([[[[1.0, 2.0], [4.0, 8.0]]]])
    run, (found,) = bind(MaxPool2dGrad(op.kernel, op.strides), (g, ONES, y), layout)
    run()
    np.testing.assert_array_equal(found, [[[[1, 2, 0], [4, 8, 0], [0, 0, 0]]]])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_global_tie_goes_to_the_first(layout):
    x = np.array([[[[0, 5, 1], [5, 5, 2]], [[3, 3, 3], [3, 3, 3]]]] * 2, float)
    run, (found,) = bind(ReduceMaxGrad(2), (np.array([[7.0, 9.0]] * 2), x), layout)
    run()
    np.testing.assert_array_equal(found, [[[[0, 7, 0], [0, 0, 0]], [[9, 0, 0], [0, 0, 0]]]] * 2)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(5, 3, 90, 70), (40, 60, 7, 5), (3, 2, 1, 40_000)])
def test_global_gradients_of_many_blocks(shape, layout):
    rng = np.random.default_rng(0)
    x, g = rng.integers(0, 9, shape).astype(float), rng.standard_normal(shape[:2])
    run, (found,) = bind(ReduceMaxGrad(2), (g, x), layout)
    run()
    np.testing.assert_array_equal(found, ReduceMaxGrad(2).forward(g, x)[0])


def test_padding_counts_only_as_far_as_it_is_declared():
    padded = ((1, 1), (1, 1))
    (counted,) = AvgPool2d((2, 2), (2, 2), padded, padded).forward(ONES)
    np.testing.assert_array_equal(counted, [[[[0.25, 0.5], [0.5, 1]]]])
    (ignored,) = AvgPool2d((2, 2), (2, 2), padded).forward(ONES)
    np.testing.assert_array_equal(ignored, [[[[1, 1], [1, 1]]]])
    (left_only,) = AvgPool2d((2, 2), (2, 2), padded, ((0, 0), (1, 0))).forward(ONES)
    np.testing.assert_array_equal(left_only, [[[[0.5, 1], [0.5, 1]]]])


def test_the_average_gradient_of_ones_sums_to_the_number_of_windows():
    op = AvgPool2d((3, 2), (2, 1), ((1, 2), (0, 1)))
    y = op.infer(f64(2, 3, 6, 4))[0]
    (g,) = AvgPool2dGrad(**op.attributes(), shape=(2, 3, 6, 4)).forward(np.ones(y.shape))
    assert g.sum() == pytest.approx(y.size)


@pytest.mark.parametrize(("padding", "image", "kernel", "strides", "rounded"), [
    (((0, 0), (0, 0)), (5, 6), (2, 2), (2, 2), ((0, 1), (0, 0))),
    (((1, 1), (1, 1)), (5, 5), (3, 3), (3, 3), ((1, 1), (1, 1))),  # the last window would begin behind the image
    (((0, 0), (1, 1)), (7, 8), (3, 3), (2, 4), ((0, 0), (1, 2))),
    (((0, 0), (0, 0)), (1, 9), (1, 4), (1, 3), ((0, 0), (0, 1))),
    (((1, 1), (1, 1)), (2, 2), (2, 2), (3, 3), ((1, 1), (1, 1))),
])
def test_rounding_up(padding, image, kernel, strides, rounded):
    assert round_up(padding, image, kernel, strides) == rounded
    MaxPool2d(kernel, strides, rounded)  # takes it: no window lies in the padding alone


@pytest.mark.parametrize(("make", "text"), [
    (lambda: AvgPool2d((2, 2), (2, 2), ((1, 1), (1, 1)), ((1, 1), (1, 2))),
     "avg_pool2d: counted is ((1, 1), (1, 2)), but each must be at least 0 and at most the padding ((1, 1), (1, 1))"),
    (lambda: AvgPool2d((2, 2), (2, 0)), "avg_pool2d: strides is (2, 0), but each must be at least 1"),
    (lambda: AvgPool2d((2, 2), (2, 2), ((2, 0), (0, 0))),
     "avg_pool2d: padding is ((2, 0), (0, 0)), but each must be at least 0 and less than the kernel (2, 2)"),
    (lambda: ReduceMax(0), "reduce_max: count is 0, but it must be at least 1"),
])
def test_bad_attributes(make, text):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert text in str(caught.value)


def test_bad_shapes():
    with pytest.raises(ShapeError, match="the window is 4 high, but the input is only 3 high"):
        AvgPool2d((4, 1), (1, 1)).infer(f64(2, 3, 3, 5))
    with pytest.raises(ShapeError, match=r"avg_pool2d_grad needs a gradient \(2, 3, 2, 2\), got \(2, 3, 2, 3\)"):
        AvgPool2dGrad((2, 2), (2, 2), shape=(2, 3, 4, 4)).infer(f64(2, 3, 2, 3))
    with pytest.raises(ShapeError, match=r"\(2, 0, 3\) has no element to take the largest of"):
        ReduceMax(2).infer(f64(2, 0, 3))
    with pytest.raises(ShapeError, match=r"reduce_max_grad needs a gradient \(2,\), got \(3,\)"):
        ReduceMaxGrad(1).infer(f64(3), f64(2, 4))
