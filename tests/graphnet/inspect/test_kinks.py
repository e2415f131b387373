"""Gradients that differ from numerical ones for a reason: the loss has a kink there, or `truncate` cuts them."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.data import load_mnist
from graphnet.models.lenet import model as lenet

L = gn.layers


@gn.register_op
@dataclass(frozen=True)
class Slope(gn.Op):
    """The gradient of `Hinge`: `factor` where x > 0, `at_zero` where x is 0."""

    factor: float
    at_zero: float

    name = "kinks.slope"
    differentiable = False

    def infer(self, g: Any, x: Any) -> Any:
        return (x,)

    def forward(self, g: Any, x: Any) -> Any:
        return (g * np.where(x > 0, self.factor, np.where(x == 0, self.at_zero, 0)).astype(x.dtype),)


@gn.register_op
@dataclass(frozen=True)
class Hinge(gn.Op):
    """max(x, 0), with a gradient that may be wrong."""

    factor: float = 1.0
    at_zero: float = 0.0

    name = "kinks.hinge"

    def infer(self, x: Any) -> Any:
        return (x,)

    def forward(self, x: Any) -> Any:
        return (np.maximum(x, 0),)

    def pullback(self, b: Builder, inputs: Any, outputs: Any, grads: Any) -> Any:
        return (b.add(Slope(self.factor, self.at_zero), grads[0], inputs[0]),)


def hinged(op: gn.Op) -> gn.Network:
    """All of the first layer lies on the kink: half of the samples are 0, and so are the biases."""
    x = gn.Input((3,), name="x")
    h = L.Apply(op)(L.Dense(4, name="first")(x))
    return gn.compile(gn.Model(x, L.Dense(2, name="last")(h)), "mse")


X = np.concatenate([np.zeros((3, 3)), np.random.default_rng(0).normal(0, 1, (3, 3))])
Y = np.ones((6, 2))


def test_lenet_on_real_digits_has_no_wrong_gradients() -> None:
    """Black pixels and biases of 0: their sums lie on the kink of ReLU."""
    digits = load_mnist()
    net = gn.compile(lenet(), "softmax_cross_entropy", "adam")
    found = net.gradcheck(digits.x_train[:4], digits.y_train[:4], samples=6)
    assert found.passed
    kinks = {row.name: row.kinks for row in found.weights if row.kinks}
    assert kinks.keys() == {"conv1/bias", "conv2/bias"}
    assert "WRONG" not in str(found)
    assert f"{found.kinks} of 60 elements lie on a kink, as of ReLU at 0: the slopes on both sides differ, so they " \
           "were compared beside it\ngradients of the " in str(found)
    assert str(found).endswith("all gradients are right (tolerance 1e-05)")


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_any_slope_between_those_on_both_sides_is_right(at_zero: float) -> None:
    found = hinged(Hinge(at_zero=at_zero)).gradcheck(X, Y)
    assert found.passed
    bias = found.weights[1]
    assert (bias.name, bias.kinks, bias.checked) == ("first/bias", 0 if at_zero == 0.5 else 4, 4)
    if bias.kinks:
        assert bias.slopes is not None
        assert bias.status == f"on a kink: {bias.slopes[0]:+.2e} before, {bias.slopes[1]:+.2e} after"
        assert bias.symbolic == pytest.approx(bias.slopes[int(at_zero)], abs=1e-6)
        assert found.weights[3].status == "ok"


@pytest.mark.parametrize("op", [Hinge(1.001), Hinge(1.001, 1.0), Hinge(at_zero=5.0), Hinge(at_zero=-3.0)])
def test_a_gradient_that_is_wrong_on_a_kink_or_beside_it_is_wrong(op: Hinge) -> None:
    found = hinged(op).gradcheck(X, Y)
    assert not found.passed
    assert found.weights[1].status == "WRONG"
    assert [row.passed for row in found.weights[2:]] == [True, True]


def test_a_tie_in_max_pooling_is_a_kink_too() -> None:
    x = gn.Input((1, 2, 2), name="x")
    h = L.Flatten()(L.MaxPool2D(2)(L.Conv2D(2, 1, name="conv")(x)))
    net = gn.compile(gn.Model(x, L.Dense(1)(h)), "mse")
    image = np.array([[[[0.0, 1.0], [-0.25, 0.5]]]])
    net.set_weights({"conv/weight": np.zeros((2, 1, 1, 1))})  # all places are equal, whatever the pixels
    found = net.gradcheck(image, np.ones((1, 1)))
    assert found.passed
    assert found.weights[0].kinks == 2


def test_plain_data_counts_kinks_and_says_the_status() -> None:
    found = json.loads(json.dumps(hinged(Hinge()).gradcheck(X, Y).to_json(), allow_nan=False))
    assert (found["kinks"], found["passed"]) == (4, True)
    assert found["weights"][1]["status"].startswith("on a kink: ")
    assert found["weights"][1]["slopes"][0] != found["weights"][1]["slopes"][1]
    assert (found["weights"][3]["status"], found["weights"][3]["slopes"]) == ("ok", None)


def recurrent(layer: Any) -> gn.Network:
    x = gn.Input((5, 3), name="x")
    h = layer(L.Dense(3, "tanh", name="before")(x))
    return gn.compile(gn.Model(x, L.Dense(2, name="after")(h)), "mse")


SEQUENCES = np.random.default_rng(0).normal(0, 1, (3, 5, 3))


@pytest.mark.parametrize("layer", [
    lambda t: L.SimpleRNN(3, truncate=t, name="r"), lambda t: L.LSTM(3, truncate=t, name="r"),
    lambda t: L.GRU(3, truncate=t, name="r"), lambda t: L.Bidirectional(L.GRU(3, truncate=t), name="r")])
def test_what_truncate_cuts_is_said(layer: Any) -> None:
    net = recurrent(layer(2))
    found = net.gradcheck(SEQUENCES, np.zeros((3, 2)), samples=3)
    assert found.passed
    assert found.truncated == (("r", 2),)
    rows = {row.name: row for row in found.weights}
    assert rows["before/weight"].status == "3 cut by truncate"
    assert rows["before/weight"].error > 1e-3
    assert (rows["after/weight"].status, rows["after/weight"].cut) == ("ok", 0)
    count = sum(row.cut for row in found.weights)
    assert f"{count} elements differ because r (truncate=2) lets no gradient pass from chunk to chunk of its steps; " \
           "without the cuts they are right" in str(found)
    _, gradients = net.loss_and_gradients(SEQUENCES, np.zeros((3, 2)))
    worst = rows["before/weight"]
    assert worst.symbolic == pytest.approx(float(gradients["before/weight"][worst.index]), rel=1e-4)
    whole = recurrent(layer(5)).gradcheck(SEQUENCES, np.zeros((3, 2)), samples=3)
    assert (whole.passed, whole.truncated) == (True, ())


def test_a_wrong_gradient_before_a_cut_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    right = ops.Tanh.pullback

    def wrong(self: ops.Tanh, b: Builder, *given: Any) -> Any:
        return (b.add(ops.Scale(1.01), right(self, b, *given)[0]),)  # type: ignore[arg-type]
    monkeypatch.setattr(ops.Tanh, "pullback", wrong)
    found = recurrent(L.GRU(3, truncate=2, name="r")).gradcheck(SEQUENCES, np.zeros((3, 2)), samples=3)
    assert {row.name for row in found.weights if not row.passed} == {"before/weight", "before/bias"}
