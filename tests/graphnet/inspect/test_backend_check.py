"""The gradients of a backend in float32, beside those in float64."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.compiler.ops import MatMulGradWeight
from graphnet.inspect.backend_check import FACTOR
from graphnet.inspect.random_samples import random_samples
from graphnet.runtime.kernels import registry
from graphnet.runtime.kernels.registry import Call, Run


@pytest.fixture(params=["numpy", "native"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "native":
        pytest.importorskip("llvmlite")
    name: str = request.param
    return name


@pytest.mark.parametrize("make", small_networks.MODELS)
def test_right_gradients_are_within_rounding(make: Any, backend: str) -> None:
    net = gn.compile(make(), **small_networks.TRAINED, backend=backend)
    found = net.gradcheck(*random_samples(net, 20), samples=1)
    assert found.passed, str(found)
    check = found.backend
    assert check is not None
    assert (check.backend, check.bound >= FACTOR) == (backend, True)
    assert [row.name for row in check.weights] == list(net.weights)
    assert max(row.times for row in check.weights) < 4
    assert f"gradients of the {backend} backend in float32, beside float64" in str(found)
    assert f"gradients of the {backend} backend in float32" in found._repr_html_()
    data = json.loads(json.dumps(found.to_json()))["backend"]
    assert (data["backend"], data["passed"]) == (backend, True)
    assert {row["status"] for row in data["weights"]} == {"ok"}


def dense(**options: Any) -> gn.Network:
    x = gn.Input((6,), name="x")
    h = gn.layers.Dense(5, activation="tanh", name="first")(x)
    return gn.compile(gn.Model(x, gn.layers.Dense(2, name="last")(h), name="m"), loss="mse", **options)


def check_found(net: gn.Network) -> None:
    found = net.gradcheck(*random_samples(net, 20), samples=1)
    assert not found.passed
    assert all(row.passed for row in found.weights)  # those in float64 are right
    assert found.backend is not None
    assert [row.name for row in found.backend.weights if not row.passed] == ["first/weight", "last/weight"]
    assert "WRONG" in str(found)
    assert str(found).endswith("2 of 4 weights have wrong gradients (tolerance 1e-05)")
    assert json.loads(json.dumps(found.to_json()))["backend"]["passed"] is False


def test_a_wrong_gradient_of_a_native_kernel_is_found() -> None:
    pytest.importorskip("llvmlite")
    from broken_kernels import broken

    with broken(MatMulGradWeight, 1 + 1e-4):
        check_found(dense(backend="native"))


def test_a_wrong_gradient_of_a_numpy_kernel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    bind, workspace = registry._KERNELS[MatMulGradWeight]

    def wrong(call: Call) -> Run:
        run = bind(call)

        def run_wrong() -> None:
            run()
            if call.outputs[0].dtype == np.float32:
                np.multiply(call.outputs[0], np.float32(1 + 1e-4), call.outputs[0])
        return run_wrong

    monkeypatch.setitem(registry._KERNELS, MatMulGradWeight, (wrong, workspace))
    check_found(dense(backend="numpy"))


def test_float64_networks_have_nothing_to_compare() -> None:
    found = dense(dtype="float64").gradcheck(*random_samples(dense(dtype="float64"), 3), samples=1)
    assert found.backend is None
    assert found.to_json()["backend"] is None


def test_noise_that_has_other_numbers_in_each_dtype_is_not_compared() -> None:
    x = gn.Input((6,), name="x")
    net = gn.compile(gn.Model(x, gn.layers.Dense(2)(gn.layers.GaussianNoise(0.1)(x))), loss="mse")
    found = net.gradcheck(*random_samples(net, 3), samples=1)
    assert found.passed
    assert found.backend is not None
    assert found.backend.weights == ()
    assert "gradients were not compared: Gaussian noise has other numbers in each dtype" in str(found)


def test_a_kink_that_falls_to_the_other_side_is_no_fault(backend: str) -> None:
    """The first float32 after a third, three times, is 1 and a bit or 1: which side of the kink decides rounding."""
    x = gn.Input((3,), name="x")
    h = gn.layers.Dense(1, activation="relu", name="d")(x)
    net = gn.compile(gn.Model(x, gn.layers.Dense(1, name="e")(h)), loss="mse", backend=backend)
    net.set_weights({"d/weight": np.array([[0.1], [0.2], [-0.3]], np.float32), "d/bias": np.zeros(1, np.float32)})
    samples = np.array([[1.0, 1.0, 1.0000001], [1, 2, 0.5]], np.float32)
    found = net.gradcheck(samples, np.array([[1.0], [2.0]], np.float32), samples=3, tolerance=1e-4)
    assert found.backend is not None
    assert found.backend.passed, str(found)


def test_the_network_is_left_as_it_was(backend: str) -> None:
    net = gn.compile(small_networks.residual_model(), **small_networks.TRAINED, backend=backend)
    weights, states = {n: w.copy() for n, w in net.weights.items()}, net.states
    net.gradcheck(*random_samples(net, 2), samples=1)
    for name, weight in weights.items():
        np.testing.assert_array_equal(net.weights[name], weight)
    for name, state in states.items():
        np.testing.assert_array_equal(net.states[name], state)
