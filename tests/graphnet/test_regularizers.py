"""Regularizers: the reported loss holds them, and the gradient is that of the reported loss."""

import re
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError
from graphnet.regularizers import L1, L1L2, L2, Regularizer

X = np.random.default_rng(0).normal(0, 1, (7, 4))
Y = np.random.default_rng(1).normal(0, 1, (7, 3))


def network(model_wide: Regularizer | str | None = None, dtype: str = "float64", **first: Any) -> gn.Network:
    x = gn.Input((4,), name="x")
    h = gn.layers.Dense(5, activation="tanh", name="first", bias_initializer="normal", **first)(x)
    model = gn.Model(x, gn.layers.Dense(3, name="second", bias_initializer="normal")(h))
    return gn.compile(model, loss="mse", optimizer="sgd", dtype=dtype, regularizer=model_wide)


def numerical(net: gn.Network, name: str, step: float = 1e-5) -> np.ndarray:
    """Central differences of the reported loss for a weight."""
    start = net.weights[name].copy()
    found = np.zeros_like(start)
    for place in np.ndindex(start.shape):
        losses = []
        for sign in (1, -1):
            moved = start.copy()
            moved[place] += sign * step
            net.set_weights({name: moved})
            losses.append(net.evaluate(X, Y)["loss"])
        found[place] = (losses[0] - losses[1]) / (2 * step)
    net.set_weights({name: start})
    return found


CASES: dict[str, dict[str, Any]] = {
    "none": {}, "kernel l1": {"kernel_regularizer": L1(0.3)}, "kernel l2": {"kernel_regularizer": L2(0.3)},
    "bias": {"bias_regularizer": L1L2(0.2, 0.4)}, "activity l1": {"activity_regularizer": L1(0.5)},
    "activity l2": {"activity_regularizer": L2(0.5)}, "model": {"model_wide": L1L2(0.1, 0.2)},
    "all": {"kernel_regularizer": "l1", "bias_regularizer": "l2", "activity_regularizer": "l1_l2", "model_wide": "l2"},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_gradients_are_those_of_the_reported_loss(options: dict[str, Any]) -> None:
    net = network(**options)
    loss, gradients = net.loss_and_gradients(X, Y)
    assert loss == pytest.approx(net.evaluate(X, Y)["loss"], rel=1e-13)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, numerical(net, name), rtol=1e-6, atol=1e-8, err_msg=name)


def plain(net: gn.Network) -> float:
    return float(((net.predict(X) - Y) ** 2).mean())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_reported_loss_is_the_loss_and_the_penalties(dtype: str) -> None:
    net = network(L2(0.1), dtype, kernel_regularizer=L1(0.2), bias_regularizer=L1L2(0.3, 0.4),
                  activity_regularizer=L2(0.5))
    w, bias, second = (net.weights[name].astype(float) for name in ("first/weight", "first/bias", "second/weight"))
    activity = np.tanh(X @ w + bias)
    expected = (plain(net) + 0.1 * (w**2).sum() + 0.1 * (second**2).sum() + 0.2 * abs(w).sum()
                + 0.3 * abs(bias).sum() + 0.4 * (bias**2).sum() + 0.5 * (activity**2).sum() / 7)
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    x, y = X.astype(dtype), Y.astype(dtype)
    assert net.evaluate(x, y)["loss"] == pytest.approx(expected, rel=tolerance)
    assert net.evaluate(x, y, batch_size=3)["loss"] == pytest.approx(expected, rel=tolerance)
    assert net.train_on_batch(x, y)["loss"] == pytest.approx(expected, rel=tolerance)


def test_a_step_follows_the_whole_gradient() -> None:
    net = network(kernel_regularizer=L2(0.3))
    start, (_, gradients) = net.weights["first/weight"].copy(), net.loss_and_gradients(X, Y)
    net.train_on_batch(X, Y)
    np.testing.assert_allclose(net.weights["first/weight"], start - 0.01 * gradients["first/weight"], rtol=1e-13)
    bare = network().loss_and_gradients(X, Y)[1]["first/weight"]
    np.testing.assert_allclose(gradients["first/weight"] - bare, 2 * 0.3 * start, rtol=1e-10)


def test_a_weight_that_several_calls_share_counts_once_its_activities_each() -> None:
    x = gn.Input((4,), name="x")
    shared = gn.layers.Dense(4, use_bias=False, name="shared", kernel_regularizer=L2(0.3),
                             activity_regularizer=L1(0.2))
    net = gn.compile(gn.Model(x, shared(shared(x))), loss="mse", dtype="float64")
    names = [penalty.name for penalty in net.graph.penalties]
    assert names == ["shared/weight", "shared:activity", "shared:activity_1"]
    w, y = net.weights["shared/weight"], X.copy()
    first, second = X @ w, X @ w @ w
    expected = 0.3 * (w**2).sum() + 0.2 * (abs(first).sum() + abs(second).sum()) / 7 + ((second - y) ** 2).mean()
    assert net.evaluate(X, y)["loss"] == pytest.approx(expected, rel=1e-13)


def test_prediction_computes_no_penalty() -> None:
    program = network(L2(), kernel_regularizer="l1", activity_regularizer="l2").program("predict", 7)
    assert not [i for i in program.instructions if i.op.name == "penalty"]


def test_a_model_wide_regularizer_leaves_vectors_and_frozen_weights_alone() -> None:
    net = network("l2", trainable=False)
    assert [penalty.name for penalty in net.graph.penalties] == ["second/weight:regularizer"]


def test_several_outputs_report_their_losses_without_the_penalties() -> None:
    x = gn.Input((4,), name="x")
    a, b = gn.layers.Dense(3, name="a", kernel_regularizer=L2(0.3))(x), gn.layers.Dense(3, name="b")(x)
    net = gn.compile(gn.Model(x, [a, b]), loss="mse", loss_weights={"b": 0.5}, dtype="float64")
    scores, made = net.evaluate(X, (Y, Y), batch_size=2), net.predict(X)
    terms = {name: ((made[name] - Y) ** 2).mean() for name in "ab"}
    assert scores["a_loss"] == pytest.approx(terms["a"], rel=1e-13)
    assert scores["b_loss"] == pytest.approx(terms["b"], rel=1e-13)
    penalty = 0.3 * (net.weights["a/weight"] ** 2).sum()
    assert scores["loss"] == pytest.approx(terms["a"] + 0.5 * terms["b"] + penalty, rel=1e-13)


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: L1(-0.1), "L1: l1 is -0.1, but it must be a finite number ≥ 0"),
    (lambda: L2("x"), "L2: l2 is 'x', but it must be a finite number ≥ 0"),
    (lambda: L2(0), "L2: l2 is 0, but it must be greater than 0; for no regularization give None"),
    (lambda: L1L2(0, 0), "L1L2: l1 is 0, but it must be greater than 0; for no regularization give None"),
    (lambda: gn.layers.Dense(3, kernel_regularizer="l3"), "Dense: kernel_regularizer is 'l3', but it must be a "
     "Regularizer such as L2(1e-4) or one of 'l1', 'l1_l2', 'l1l2', 'l2'"),
    (lambda: gn.layers.Conv2D(3, 2, bias_regularizer=0.1), "Conv2D: bias_regularizer is 0.1, but it must be"),
    (lambda: gn.layers.Dense(3, activity_regularizer=L2), "Dense: activity_regularizer is <class"),
    (lambda: gn.layers.Dense(3, kernel_constraint="max"), "Dense: kernel_constraint is 'max', but it must be a "
     "Constraint such as MaxNorm(2) or one of 'max_norm', 'non_neg', 'non_negative', 'unit_norm'"),
    (lambda: gn.layers.Dense(3, learning_rate_multiplier=0),
     "Dense: learning_rate_multiplier is 0, but it must be a finite number > 0"),
    (lambda: gn.constraints.MaxNorm(0), "MaxNorm: limit is 0, but it must be a finite number > 0"),
    (lambda: gn.constraints.UnitNorm(axes=(1, 0)), "UnitNorm: axes is (1, 0), but it must be None or a tuple"),
    (lambda: gn.constraints.UnitNorm(axes=0), "UnitNorm: axes is 0, but it must be None or a tuple of different axes"),
    (lambda: network(0.1), "compile: regularizer is 0.1, but it must be a Regularizer such as L2(1e-4)"),
])
def test_bad_arguments(declare: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()


def test_axes_that_a_weight_does_not_have() -> None:
    with pytest.raises(gn.ShapeError, match=re.escape(
            "why: UnitNorm has axes (2,), but the weight (4, 3) has 2 dims\n"
            "  fix: choose axes of the weight, or None")):
        gn.layers.Dense(3, kernel_constraint=gn.constraints.UnitNorm(axes=(2,)))(gn.Input((4,)))


def test_a_layer_says_what_it_was_told() -> None:
    layer = gn.layers.Dense(3, kernel_regularizer="l2", bias_constraint="non_negative", learning_rate_multiplier=2)
    assert repr(layer).endswith("learning_rate_multiplier=2.0, kernel_regularizer=L2(l2=0.01), "
                                "bias_constraint=NonNegative())")
    assert "regularizer" not in repr(gn.layers.Dense(3))


LAYERS = {
    "Dense": (gn.layers.Dense(3), (4,)), "Conv1D": (gn.layers.Conv1D(3, 2), (4, 5)),
    "Conv2D": (gn.layers.Conv2D(3, 2), (2, 5, 4)), "ConvTranspose2D": (gn.layers.ConvTranspose2D(3, 2), (2, 5, 4)),
    "BatchNorm": (gn.layers.BatchNorm(), (4,)), "LayerNorm": (gn.layers.LayerNorm(), (4,)),
    "PReLU": (gn.layers.PReLU(), (4,)), "SimpleRNN": (gn.layers.SimpleRNN(3), (5, 4)),
    "LSTM": (gn.layers.LSTM(3), (5, 4)), "GRU": (gn.layers.GRU(3), (5, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_with_weights_takes_the_options(name: str) -> None:
    template, shape = LAYERS[name]
    options = {"kernel_regularizer": "l1", "bias_regularizer": "l2", "activity_regularizer": "l2",
               "kernel_constraint": "non_negative", "learning_rate_multiplier": 0.5}
    layer = type(template)(**template.config(), **options)
    x = gn.Input(shape, name="x")
    graph = gn.Model(x, layer(x)).graph
    assert len(graph.penalties) == len(graph.parameters) + 1
    assert {p.rate for p in graph.parameters} == {0.5}
    for p in graph.parameters:
        assert (p.constraint is None) == p.name.endswith(("bias", "beta"))
