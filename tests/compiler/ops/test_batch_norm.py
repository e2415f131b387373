"""What the contract does not say about batch norm: its statistics, its form outside training, what it refuses."""

import re

import numpy as np
import pytest

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import BatchNorm, BatchNormGrad
from graphnet.compiler.passes.specialize_inference import SpecializeInference


def run(op: BatchNorm, x, gamma=(1.0, 1.0), beta=(0.0, 0.0), mean=(0.0, 0.0), variance=(1.0, 1.0)):
    return op.forward(np.array(x), *(np.array(v) for v in (gamma, beta, mean, variance)))


X = [[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]]  # channel means 3, 20; biased variances 8/3, 200; unbiased 4, 300


def test_output_has_mean_beta_and_deviation_gamma():
    y = run(BatchNorm(1, 0.9, 1e-12, True), X, gamma=(2.0, 3.0), beta=(-1.0, 5.0))[0]
    np.testing.assert_allclose(y.mean(0), [-1, 5], 1e-12)
    np.testing.assert_allclose(y.std(0), [2, 3], 1e-9)


@pytest.mark.parametrize(("unbiased", "variances"), [(True, (4, 300)), (False, (8 / 3, 200))])
def test_running_statistics_keep_momentum_of_the_old(unbiased, variances):
    _, mean, variance, *_ = run(BatchNorm(1, 0.9, 1e-5, unbiased), X, mean=(1.0, 2.0), variance=(5.0, 6.0))
    np.testing.assert_allclose(mean, [0.9 * 1 + 0.1 * 3, 0.9 * 2 + 0.1 * 20], 1e-14)
    np.testing.assert_allclose(variance, [0.9 * 5 + 0.1 * variances[0], 0.9 * 6 + 0.1 * variances[1]], 1e-14)


def test_a_single_element_has_variance_zero():
    y, mean, variance, *_ = run(BatchNorm(1, 0.5, 1e-5, True), X[:1], beta=(7.0, 8.0))
    np.testing.assert_array_equal(y, [[7, 8]])
    np.testing.assert_array_equal(mean, [0.5, 5])
    np.testing.assert_array_equal(variance, [0.5, 0.5])


def test_a_constant_channel_is_finite():
    y, _, _, mu, inverse = run(BatchNorm(1, 0.9, 1e-5, True), [[3.0, 1.0]] * 4)
    np.testing.assert_array_equal(y, np.zeros((4, 2)))
    dx, d_gamma, d_beta = BatchNormGrad(1).forward(np.ones((4, 2)), np.array([[3.0, 1.0]] * 4), np.ones(2), mu, inverse)
    assert np.isfinite(dx).all()
    np.testing.assert_array_equal(d_gamma, [0, 0])
    np.testing.assert_array_equal(d_beta, [4, 4])


def test_outside_training_the_running_statistics_count_and_stay():
    b = Builder("g")
    x, gamma, beta = b.input("x", f64(3, 2)), b.parameter("gamma", f64(2)), b.parameter("beta", f64(2))
    mean, variance = b.state("mean", f64(2), "buffer"), b.state("variance", f64(2), "buffer", 1.0)
    y, next_mean, next_variance, *_ = b.apply(BatchNorm(1, 0.9, 0.25, True), x, gamma, beta, mean, variance)
    b.advance(mean, next_mean)
    b.advance(variance, next_variance)
    after = SpecializeInference().run(b.build([Output("y", y)]))
    assert [node.op.name for node in after.nodes] == ["inverse_root", "multiply", "multiply", "subtract", "scale_axis",
                                                      "bias_add"]
    assert all(state.next is None for state in after.states)
    feeds = {"x": np.array(X), "gamma": np.array([2.0, 4.0]), "beta": np.array([1.0, -1.0]),
             "mean": np.array([3.0, 5.0]), "variance": np.array([2.0, 8.75])}
    expected = (np.array(X) - [3, 5]) / [1.5, 3] * [2, 4] + [1, -1]
    np.testing.assert_allclose(interpret(after, feeds)[after.output("y")], expected, 1e-14)


@pytest.mark.parametrize(("arguments", "text"), [
    ((1, 1.5, 1e-5, True), "batch_norm: momentum is 1.5, but it must be between 0 and 1"),
    ((1, 0.9, 0.0, True), "batch_norm: epsilon is 0.0, but it must be greater than 0"),
])
def test_bad_attributes(arguments, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        BatchNorm(*arguments)


def test_misfits():
    text = ("BatchNorm of float64 (3, 2) along axis 1 takes 4 vectors float64 (2,), "
            "got float64 (2,), float64 (2,), float64 (5,), float64 (2,)")
    with pytest.raises(ShapeError, match=re.escape(text)):
        BatchNorm(1, 0.9, 1e-5, True).infer(f64(3, 2), f64(2), f64(2), f64(5), f64(2))
    with pytest.raises(ShapeError, match=re.escape("BatchNorm has axis 2, but its input has 2 dims (axes -2 … 1)")):
        BatchNorm(2, 0.9, 1e-5, True).infer(f64(3, 2), *[f64(2)] * 4)
