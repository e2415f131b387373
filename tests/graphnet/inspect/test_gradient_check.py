import json
from collections.abc import Callable

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.ops import Tanh
from graphnet.inspect.random_samples import random_samples


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("make", small_networks.MODELS)
def test_right_gradients_pass(make: Callable[[], gn.Model], optimize: bool) -> None:
    net = gn.compile(make(), **small_networks.TRAINED, optimize=optimize)
    found = net.gradcheck(*random_samples(net, 3), samples=3)
    assert found.passed, str(found)
    assert [row.name for row in found.weights] == list(net.weights)
    assert max(row.error for row in found.weights) < 1e-5
    assert str(found).endswith("all gradients are right (tolerance 1e-05)")


def wrong_by(factor: float) -> Callable[..., tuple[int]]:
    def pullback(self: Tanh, b: Builder, inputs: tuple[int, ...], outputs: tuple[int, ...],
                 grads: tuple[int, ...]) -> tuple[int]:
        right = gn.compiler.ops.TanhGrad()
        return (b.add(gn.compiler.ops.Scale(factor), b.add(right, grads[0], outputs[0])),)
    return pullback


def tanh_network() -> gn.Network:
    x = gn.Input((3,), name="x")
    h = gn.layers.Dense(4, activation="tanh", name="first")(x)
    return gn.compile(gn.Model(x, gn.layers.Dense(2, name="last")(h), name="m"), loss="mse")


def test_a_wrong_gradient_is_found_in_the_weights_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tanh, "pullback", wrong_by(1.001))
    net = tanh_network()
    found = net.gradcheck(*random_samples(net, 5))
    assert [row.name for row in found.weights if not row.passed] == ["first/weight", "first/bias"]
    assert all(1e-5 < row.error <= 0.001 for row in found.weights if not row.passed)
    assert "WRONG" in str(found)
    assert str(found).endswith("2 of 4 weights have wrong gradients (tolerance 1e-05)")


def test_the_tolerance_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tanh, "pullback", wrong_by(1.001))
    net = tanh_network()
    samples = random_samples(net, 5)
    assert net.gradcheck(*samples, tolerance=0.01).passed
    assert not net.gradcheck(*samples, tolerance=0.0001).passed


def test_kinks_are_no_errors() -> None:
    """Every unit stands within 1e-6 of the kink of ReLU: a difference of 1e-5 goes across it."""
    x = gn.Input((2,), name="x")
    h = gn.layers.Dense(3, activation="relu", name="first")(x)
    net = gn.compile(gn.Model(x, gn.layers.Dense(1, name="last")(h)), loss="mse", dtype="float64")
    net.set_weights({"first/weight": np.ones((2, 3)), "first/bias": np.full(3, -2 + 1e-6),
                     "last/weight": np.ones((3, 1))})
    found = net.gradcheck(np.ones((1, 2)), np.ones((1, 1)))
    assert found.passed, str(found)


def test_elements_are_sampled_and_small_weights_checked_whole() -> None:
    net = small_networks.image_network()
    samples = random_samples(net, 2)
    checked = {row.name: row.checked for row in net.gradcheck(*samples, samples=5).weights}
    assert checked == {"conv/weight": 5, "conv/bias": 4, "hidden/weight": 5, "hidden/bias": 5, "logits/weight": 5,
                       "logits/bias": 3}
    one, same, other = (net.gradcheck(*samples, samples=1, seed=seed).weights[0].index for seed in (0, 0, 1))
    assert one == same != other


def test_json() -> None:
    net = small_networks.image_network()
    data = json.loads(json.dumps(net.gradcheck(*random_samples(net, 2), samples=1).to_json()))
    assert data["passed"] is True
    assert data["weights"][0]["name"] == "conv/weight"


def test_what_cannot_be_checked_is_refused() -> None:
    net = small_networks.image_network()
    x, y = random_samples(net, 2)
    with pytest.raises(gn.ArgumentError, match="gradcheck: samples is 0, but it must be a whole number ≥ 1"):
        net.gradcheck(x, y, samples=0)
    with pytest.raises(gn.ArgumentError, match="gradcheck: tolerance is 0, but it must be a finite number > 0"):
        net.gradcheck(x, y, tolerance=0)
    with pytest.raises(gn.GraphError, match=r"give gn\.compile a loss"):
        gn.compile(small_networks.image_model()).gradcheck(x, y)
    a = gn.Input((3,), name="a")
    with pytest.raises(gn.GraphError, match="has no trainable weights, so there is no gradient to check"):
        gn.compile(gn.Model(a, gn.layers.ReLU()(a)), loss="mse").gradcheck(np.ones((1, 3)), np.ones((1, 3)))
