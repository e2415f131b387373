"""The sampled distributions are compared with the wanted ones by moments and Kolmogorov-Smirnov distance.

Seeds are fixed, so that the tests always see the same sample; the bounds are 4 standard errors, or for the
distance the one that 1 in 10,000 samples exceeds, √(-ln(0.00005) / 2n).
"""

import math
import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError
from graphnet import initializers as init
from graphnet.initializers import INITIALIZERS, Fans

DENSE, CONVOLUTION = (300, 200), (40, 20, 5, 3)


def draw(initializer: init.Initializer, shape: tuple[int, ...] = DENSE) -> np.ndarray:
    return initializer(shape, np.random.default_rng(7), "float64")


def check_normal(sample: np.ndarray, mean: float, std: float) -> None:
    n = sample.size
    assert abs(sample.mean() - mean) < 4 * std / math.sqrt(n)
    assert abs(sample.var() / std**2 - 1) < 4 * math.sqrt(2 / n)
    cdf = np.array([0.5 + 0.5 * math.erf(z / math.sqrt(2)) for z in (np.sort(sample.ravel()) - mean) / std])
    check_distance(cdf)
    assert abs(sample - mean).max() > 3 * std  # not truncated


def check_uniform(sample: np.ndarray, low: float, high: float) -> None:
    assert low <= sample.min() < sample.max() < high
    width, n = high - low, sample.size
    assert abs(sample.mean() - (low + high) / 2) < 4 * width / math.sqrt(12 * n)
    check_distance((np.sort(sample.ravel()) - low) / width)


def check_distance(cdf: np.ndarray) -> None:
    n = len(cdf)
    distance = max((np.arange(1, n + 1) / n - cdf).max(), (cdf - np.arange(n) / n).max())
    assert distance < math.sqrt(-math.log(0.00005) / (2 * n))


def test_uniform() -> None:
    check_uniform(draw(init.Uniform(-0.2, 0.6)), -0.2, 0.6)


def test_normal() -> None:
    check_normal(draw(init.Normal(0.5, 2.0)), 0.5, 2.0)


@pytest.mark.parametrize(("shape", "into", "out"), [(DENSE, 300, 200), (CONVOLUTION, 300, 600)])
def test_scaled_by_the_fans(shape: tuple[int, ...], into: int, out: int) -> None:
    check_normal(draw(init.GlorotNormal(), shape), 0, math.sqrt(2 / (into + out)))
    check_normal(draw(init.HeNormal(), shape), 0, math.sqrt(2 / into))
    bound = math.sqrt(6 / (into + out))
    check_uniform(draw(init.GlorotUniform(), shape), -bound, bound)


@pytest.mark.parametrize(("shape", "into"), [(DENSE, 300), (CONVOLUTION, 300)])
def test_scaled_by_the_inputs_alone(shape: tuple[int, ...], into: int) -> None:
    check_normal(draw(init.LeCunNormal(), shape), 0, math.sqrt(1 / into))
    check_uniform(draw(init.LeCunUniform(), shape), -math.sqrt(3 / into), math.sqrt(3 / into))
    check_uniform(draw(init.HeUniform(), shape), -math.sqrt(6 / into), math.sqrt(6 / into))


@pytest.mark.parametrize("bound", [0.5, 2.0, 3.0])
def test_truncated_normal(bound: float) -> None:
    z = (np.sort(draw(init.TruncatedNormal(0.3, 2.0, bound)).ravel()) - 0.3) / 2.0
    assert -bound <= z[0] < -0.99 * bound
    assert 0.99 * bound < z[-1] <= bound
    inside = math.erf(bound / math.sqrt(2))
    check_distance(np.array([0.5 + math.erf(value / math.sqrt(2)) / 2 / inside for value in z]))
    density = math.exp(-bound * bound / 2) / math.sqrt(2 * math.pi)
    assert z.var() == pytest.approx(1 - 2 * bound * density / inside, rel=4 * math.sqrt(2 / z.size))
    assert abs(z.mean()) < 4 / math.sqrt(z.size)


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (20, 20), (6, 5, 3, 2), (40, 5, 3, 2)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    q = draw(init.Orthogonal(1.5), shape).reshape(shape[0], -1) / 1.5
    q = q if q.shape[0] >= q.shape[1] else q.T
    np.testing.assert_allclose(q.T @ q, np.eye(q.shape[1]), atol=1e-13)


def test_every_orthogonal_matrix_is_equally_likely() -> None:
    """The traces of random 3 by 3 rotations and reflections have mean 0 and variance 1 (Diaconis and Shahshahani)."""
    rng = np.random.default_rng(5)
    traces = np.array([np.trace(init.Orthogonal()((3, 3), rng, "float64")) for _ in range(4000)])
    assert abs(traces.mean()) < 4 / math.sqrt(4000)
    assert abs(traces.var() - 1) < 4 * math.sqrt(2 / 4000)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_identity(shape: tuple[int, int]) -> None:
    np.testing.assert_array_equal(draw(init.Identity(2.0), shape), 2 * np.eye(*shape))


def test_the_bounds_tell_a_wrong_fan_from_the_right_one() -> None:
    with pytest.raises(AssertionError):
        check_normal(draw(init.HeNormal(), CONVOLUTION), 0, math.sqrt(2 / 320))


def test_fans_that_a_layer_says_count() -> None:
    said = init.HeNormal().with_fans(Fans(8, 1))
    check_normal(draw(said), 0, 0.5)
    assert said.with_fans(Fans(2, 2)) == said
    assert init.Zeros().with_fans(Fans(8, 1)) == init.Zeros()


def test_fans_by_layout() -> None:
    assert Fans.of((4, 3)) == Fans(4, 3)
    assert Fans.of((6, 2, 5, 3)) == Fans(2 * 15, 6 * 15)
    assert Fans.of((6, 2, 5)) == Fans(10, 30)
    with pytest.raises(ArgumentError, match=re.escape(
            "Fans: shape is (3,), but it must have 2 dims or more")):
        draw(init.HeNormal(), (3,))


@pytest.mark.parametrize(("initializer", "value"), [
    (init.Zeros(), 0), (init.Ones(), 1), (init.Constant(-2.5), -2.5)])
def test_constants(initializer: init.Initializer, value: float) -> None:
    np.testing.assert_array_equal(draw(initializer, (2, 3)), np.full((2, 3), value))


@pytest.mark.parametrize("name", INITIALIZERS.names)
def test_strings_dtypes_and_seeds(name: str) -> None:
    initializer = INITIALIZERS.resolve("Dense", "kernel_initializer", name)
    single, double = (initializer((8, 4), np.random.default_rng(3), t) for t in ("float32", "float64"))
    assert (single.dtype, single.shape) == (np.float32, (8, 4))
    np.testing.assert_array_equal(single, double.astype(np.float32))
    np.testing.assert_array_equal(initializer((8, 4), np.random.default_rng(3)), single)


def test_xavier_is_glorot() -> None:
    assert init.XavierNormal is init.GlorotNormal
    assert INITIALIZERS.resolve("Dense", "kernel_initializer", "xavier_normal") == init.GlorotNormal()
    assert INITIALIZERS.resolve("Dense", "kernel_initializer", "he_normal") == init.HeNormal()


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: init.Uniform(1, 1), "Uniform: high is 1, but it must be a finite number > 1"),
    (lambda: init.Uniform(high=math.nan), "Uniform: high is nan, but it must be a finite number > -0.05"),
    (lambda: init.Normal(0, 0), "Normal: std is 0, but it must be a finite number > 0"),
    (lambda: init.Constant("1"), "Constant: value is '1', but it must be a finite number"),
    (lambda: init.TruncatedNormal(std=-1), "TruncatedNormal: std is -1, but it must be a finite number > 0"),
    (lambda: init.TruncatedNormal(bound=0), "TruncatedNormal: bound is 0, but it must be a finite number ≥ 0.1"),
    (lambda: init.Orthogonal("much"), "Orthogonal: gain is 'much', but it must be a finite number"),
    (lambda: draw(init.Orthogonal(), (3,)), "Orthogonal: shape is (3,), but it must have 2 dims or more"),
    (lambda: draw(init.Identity(), (3, 3, 3)), "Identity: shape is (3, 3, 3), but it must have 2 dims"),
    (lambda: init.HeNormal(3), "HeNormal: fans is 3, but it must be Fans(into, out) or None"),
])
def test_bad_arguments(declare, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()


def test_seeds_that_differ_in_high_bits_only_give_other_weights():
    x = gn.Input((3,))
    model = gn.Model(x, gn.layers.Dense(4)(x))
    drawn = {gn.compile(model, seed=seed).weights["dense/weight"].tobytes()
             for seed in (0, 1, 1 << 31, 1 << 32, 1 << 33, 1 << 62, 1 << 63)}
    assert len(drawn) == 7


def test_weights_that_no_memory_holds_are_named_by_their_largest(here) -> None:
    x = gn.Input((4,))
    y = gn.layers.Dense(10**12, name="wide")(x)
    line = here(1)
    with pytest.raises(gn.MemoryLimitError, match=re.escape(
            "the weights take 20,000,000,000,000 bytes, more than the system gives; the largest is 'wide/weight' of "
            f"wide (Dense) at {line}, f32[4,1000000000000]: make that layer smaller")):
        gn.compile(gn.Model(x, y))
