"""NaN, infinities, -0 and denormals go through whole Programs as they do through NumPy's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import graphnet as gn
from graphnet.compiler.types import Array

L = gn.layers
SAMPLES = 19
SPECIAL = (np.nan, np.inf, -np.inf, -0.0, 1e-40, -1e-45, np.nan)


def pooled(x: gn.SymbolicTensor) -> gn.SymbolicTensor:
    return L.MaxPool2D(2)(L.MaxPool2D(3, strides=1, padding="same")(x))


def images(x: gn.SymbolicTensor, padding: str = "same") -> gn.SymbolicTensor:
    h = L.MaxPool2D(2)(L.Conv2D(4, 3, padding=padding, activation="relu")(x))
    h = L.AvgPool2D(2, padding="same")(L.Conv2D(3, 3, strides=2, padding=padding, activation="leaky_relu")(h))
    return L.Dense(3)(L.Flatten()(h))


def without_padding(x: gn.SymbolicTensor) -> gn.SymbolicTensor:
    return images(x, "valid")


def dense(x: gn.SymbolicTensor) -> gn.SymbolicTensor:
    return L.Dense(3)(L.Dense(20, activation="relu")(L.Dense(17, activation="tanh")(L.Flatten()(x))))


def simple(x: gn.SymbolicTensor) -> gn.SymbolicTensor:
    return L.Dense(3)(L.SimpleRNN(6)(L.Reshape((8, 16))(x)))


def gated(x: gn.SymbolicTensor) -> gn.SymbolicTensor:
    return L.Dense(3)(L.GRU(5)(L.LSTM(6, return_sequences=True)(L.Reshape((8, 16))(x))))


NETWORKS = (images, dense, simple, gated)
Make = Callable[[gn.SymbolicTensor], gn.SymbolicTensor]


def network(make: Make, backend: str) -> gn.Network:
    x = gn.Input((2, 8, 8), name="x")
    return gn.compile(gn.Model(x, make(x)), "mse", gn.optimizers.Adam(), seed=0, backend=backend, allow_nonfinite=True)


def special_samples() -> Array:
    """A special number in each of some samples: the first of a pooling window, another one, all."""
    x = np.random.default_rng(0).normal(size=(SAMPLES, 2, 8, 8)).astype(np.float32)
    for sample, number in enumerate(SPECIAL, 1):
        x[sample, 1, 2, 4] = number
        x[sample + len(SPECIAL), 0, 5, 7] = number
    x[16], x[17], x[18, 0, 0, :2] = -0.0, 1e-41, (np.inf, -np.inf)
    return x


def same(got: Array, want: Array, what: str = "") -> None:
    """NaN and infinities at the same places, the rest to rounding."""
    scale = float(np.abs(want[np.isfinite(want)]).max(initial=1e-30))
    np.testing.assert_allclose(got, want, 0, 1e-5 * scale, err_msg=what)


@pytest.mark.parametrize("make", [images, *(pytest.param(make, marks=pytest.mark.slow) for make in NETWORKS[1:])])
def test_inputs(make: Make) -> None:
    x, y = special_samples(), np.ones((SAMPLES, 3), np.float32)
    native, plain = (network(make, backend) for backend in ("native-direct", "numpy"))
    with np.errstate(all="ignore"):
        same(native.predict(x), plain.predict(x), "predictions")
        for some in (slice(15, 18), slice(0, SAMPLES)):
            found, wanted = (net.loss_and_gradients(x[some], y[some])[1] for net in (native, plain))
            for name, gradient in wanted.items():
                same(found[name], gradient, f"{some}: {name}")
        for net in (native, plain):
            with pytest.raises(gn.DivergenceError):
                net.train_on_batch(x, y)
    for name, weight in plain.weights.items():
        same(native.weights[name], weight, name)


@pytest.mark.parametrize("make", [without_padding, dense, *(pytest.param(make, marks=pytest.mark.slow)
                                                            for make in (simple, gated))])
@pytest.mark.parametrize("number", SPECIAL[:6])
def test_weights(make: Make, number: float) -> None:
    native, plain = (network(make, backend) for backend in ("native-direct", "numpy"))
    x = special_samples()[[0, 16, 17]]
    for name, weight in plain.weights.items():
        kept = weight.copy()
        weight = weight.copy()
        weight.flat[weight.size // 2] = number
        with np.errstate(all="ignore"):
            for net in (native, plain):
                net.set_weights({**net.weights, name: weight})
            same(native.predict(x), plain.predict(x), name)
            for net in (native, plain):
                net.set_weights({**net.weights, name: kept})


def test_padding_takes_no_part_in_sums() -> None:
    """Where NumPy multiplies an infinite weight by the zeros around an image, and so has NaN."""
    def made(backend: str, padding: str) -> Array:
        net = network(lambda x: L.Conv2D(1, 3, padding=padding)(x), backend)
        net.set_weights({**net.weights, "conv2d/weight": np.full((1, 2, 3, 3), np.inf)})
        with np.errstate(all="ignore"):
            return net.predict(np.ones((3, 2, 8, 8)))

    np.testing.assert_array_equal(made("native-direct", "same"), np.inf)
    np.testing.assert_array_equal(made("native-direct", "valid"), made("numpy", "valid"))
    assert np.isnan(made("numpy", "same")[:, :, 0]).all()


def test_pooling_keeps_signs_and_denormals() -> None:
    x = special_samples()
    native, plain = (network(pooled, backend).predict(x) for backend in ("native", "numpy"))
    np.testing.assert_array_equal(native, plain)
    np.testing.assert_array_equal(np.signbit(native[16]), np.signbit(plain[16]))


def test_fewer_products_spread_what_is_not_finite_over_tiles() -> None:
    """Within the tiles that it is in; so not to other samples, nor far away."""
    def convolved(x: gn.SymbolicTensor) -> gn.SymbolicTensor:
        return L.Conv2D(32, 3, padding="same")(x)

    def made(backend: str, x: Array) -> Array:
        image = gn.Input((32, 16, 16), name="x")
        net = gn.compile(gn.Model(image, convolved(image)), "mse", "sgd", seed=0, backend=backend, allow_nonfinite=True)
        return net.predict(x)

    x = np.random.default_rng(0).normal(size=(17, 32, 16, 16)).astype(np.float32)
    clean = made("native", x)
    for number in (np.nan, np.inf):
        x[5, 3, 9, 6] = number
        direct, tiled = made("native-direct", x), made("native", x)
        same(direct, made("numpy", x))
        assert not np.isfinite(tiled[~np.isfinite(direct)]).any()
        there = np.zeros(x.shape, bool)
        there[5, :, 4:16, 0:12] = True
        np.testing.assert_array_equal(tiled[~there], clean[~there])
        assert np.isfinite(direct).sum() > np.isfinite(tiled).sum()
