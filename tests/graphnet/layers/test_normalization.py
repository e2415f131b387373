import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

L = gn.layers


def predictor(layer, shape):
    """A network of this layer alone, with random weights, and the weights by their last names."""
    x = gn.Input(shape, name="x")
    net = gn.compile(gn.Model(x, layer(x)), dtype="float64")
    rng = np.random.default_rng(1)
    net.set_weights({name: rng.uniform(0.5, 2, value.shape) for name, value in net.weights.items()})
    return net, {name.split("/")[1]: value for name, value in net.weights.items()}


def normalized(x, axes, epsilon):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize(("axis", "shape", "dims"), [
    (-1, (5,), (5,)), (-1, (4, 5), (5,)), ((-2, -1), (3, 4, 5), (4, 5)), ((1, 2, 3), (3, 4, 5), (3, 4, 5)),
    ((2, 1), (4, 5), (4, 5)), (2, (4, 5), (5,)), ([-1], (4, 5), (5,)),
])
def test_layer_norm(axis, shape, dims):
    net, weights = predictor(L.LayerNorm(axis, epsilon=0.1), shape)
    assert weights["gamma"].shape == weights["beta"].shape == dims
    x = np.random.default_rng(0).normal(2, 3, (7, *shape))
    axes = tuple(range(x.ndim - len(dims), x.ndim))
    expected = normalized(x, axes, 0.1) * weights["gamma"] + weights["beta"]
    np.testing.assert_allclose(net.predict(x), expected, 1e-12, 1e-12)


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("shape", [(6, 4, 5), (6, 7), (6,)])
def test_group_norm(groups, shape):
    net, weights = predictor(L.GroupNorm(groups, epsilon=0.1), shape)
    assert weights["gamma"].shape == weights["beta"].shape == (6,)
    x = np.random.default_rng(0).normal(2, 3, (7, *shape))
    grouped = normalized(x.reshape(7, groups, -1), 2, 0.1).reshape(x.shape)
    spread = (slice(None), *[None] * (len(shape) - 1))
    expected = grouped * weights["gamma"][spread] + weights["beta"][spread]
    np.testing.assert_allclose(net.predict(x), expected, 1e-12, 1e-12)


def test_layer_norm_of_sequences_of_any_length():
    net, _ = predictor(L.LayerNorm(), (None, 3))
    x = np.random.default_rng(0).standard_normal((4, 9, 3))
    np.testing.assert_allclose(net.predict(x)[:, :5], net.predict(x[:, :5]), 1e-12)


@pytest.mark.parametrize("make", [L.LayerNorm, lambda **a: L.GroupNorm(1, **a)])
@pytest.mark.parametrize(("scale", "center", "names"), [
    (True, True, {"gamma", "beta"}), (True, False, {"gamma"}), (False, True, {"beta"}), (False, False, set()),
])
def test_scale_and_center(make, scale, center, names):
    net, weights = predictor(make(scale=scale, center=center, epsilon=1e-9), (5,))
    assert set(weights) == names
    x = np.random.default_rng(0).normal(2, 3, (7, 5))
    expected = normalized(x, 1, 1e-9) * weights.get("gamma", 1) + weights.get("beta", 0)
    np.testing.assert_allclose(net.predict(x), expected, 1e-9, 1e-9)


@pytest.mark.parametrize("layer", [L.LayerNorm(), L.GroupNorm(2)])
def test_samples_do_not_mix(layer):
    net, _ = predictor(layer, (6,))
    x = np.random.default_rng(0).standard_normal((5, 6))
    np.testing.assert_allclose(np.concatenate([net.predict(row[None]) for row in x]), net.predict(x), 1e-13)


def test_they_train_alike_in_every_layout_and_without_optimisation():
    x = gn.Input((4, 6, 5))
    h = L.GroupNorm(2)(L.Conv2D(4, 3)(x))
    h = L.LayerNorm((1, 2, 3))(L.ReLU()(h))
    model = gn.Model(x, L.Dense(3)(L.LayerNorm()(L.Flatten()(h))))
    nets = [gn.compile(model, loss="softmax_cross_entropy", optimizer="sgd", dtype="float64", optimize=optimize)
            for optimize in (True, False)]
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((8, 4, 6, 5)), rng.integers(0, 3, 8)
    (_, fast), (_, plain) = (net.loss_and_gradients(x, y, inputs=True) for net in nets)
    for name, gradient in plain.items():
        np.testing.assert_allclose(fast[name], gradient, 1e-10, 1e-12, err_msg=name)


@pytest.mark.parametrize(("make", "text"), [
    (lambda: L.LayerNorm(0), "LayerNorm: axis is 0, but it must be a whole number other than 0, which is the batch"),
    (lambda: L.LayerNorm(()), "LayerNorm: axis is (), but it must be the last axis or a tuple of the last few, "
                              "such as -1, (-2, -1) or (1, 2, 3)"),
    (lambda: L.LayerNorm((1, 3)), "LayerNorm: axis is (1, 3), but it must be the last axis"),
    (lambda: L.LayerNorm((1, 1)), "LayerNorm: axis is (1, 1), but it must be the last axis"),
    (lambda: L.LayerNorm((-1, 1)), "LayerNorm: axis is (-1, 1), but it must be the last axis"),
    (lambda: L.LayerNorm("last"), "LayerNorm: axis is 'last', but it must be a whole number other than 0"),
    (lambda: L.LayerNorm(epsilon=-1), "LayerNorm: epsilon is -1, but it must be a finite number ≥ 1.17549e-38"),
    (lambda: L.GroupNorm(0), "GroupNorm: groups is 0, but it must be a whole number ≥ 1"),
    (lambda: L.GroupNorm(2.0), "GroupNorm: groups is 2.0, but it must be a whole number ≥ 1"),
    (lambda: L.GroupNorm(2, scale="no"), "GroupNorm: scale is 'no', but it must be True or False"),
])
def test_bad_arguments(make, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        make()


@pytest.mark.parametrize(("layer", "shape", "text"), [
    (L.LayerNorm(1), (4, 5), "LayerNorm goes over the last axes, but axis 1 of (N, 4, 5) leaves out axis 2\n"
                             "  fix: use axis=(1, 2)"),
    (L.LayerNorm((-2, -1)), (4,), "axis -2 of (N, 4) is the batch, and samples never mix"),
    (L.LayerNorm(3), (4,), "LayerNorm has axis 3, but its input has 2 dims"),
    (L.LayerNorm((1, 2)), (None, 4), "each dim that LayerNorm goes over must be known when the graph is declared"),
    (L.GroupNorm(4), (6, 2, 2), "6 channels do not divide into 4 groups: 6 = 1 · 4 + 2\n  fix: choose groups that "
                                "divides 6"),
    (L.GroupNorm(2), (6, None), "each dim that GroupNorm goes over must be known when the graph is declared"),
    (L.GroupNorm(1), (), "GroupNorm takes (N, channels, …), got (N,)\n  fix: give the input an axis of channels"),
])
def test_bad_inputs(layer, shape, text):
    with pytest.raises(ShapeError, match=re.escape(text)):
        layer(gn.Input(shape))


@pytest.mark.parametrize("layer", [L.LayerNorm((1, 2), 1e-3, center=False), L.GroupNorm(3, scale=False)])
def test_config_declares_the_layer_again(layer):
    assert repr(type(layer)(**layer.config())) == repr(layer)
