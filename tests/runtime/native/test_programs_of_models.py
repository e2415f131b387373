"""Whole networks beside NumPy: every model and every layer, for batches that grow and shrink, without a fallback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from layer_cases import layer_cases

pytest.importorskip("llvmlite")

import graphnet as gn
from graphnet.inspect.backend_check import check_backend
from graphnet.inspect.random_samples import random_samples
from graphnet.runs import load_recipe, model_names
from tests.runtime.native.harness import Array

L = gn.layers
SIZES = (64, 1, 2, 257, 15, 16, 17, 50, 64, 100, 1)
FEW_SIZES = (17, 1, 64)
ON_NUMPY = {"noise", "batch norm axis"}
"""Layer cases that NumPy runs in part: Gaussian noise has no native kernel, nor has a factor along the last axis of an
image."""
COARSE = 0.1
"""How far gradients may be off where `check_backend` does not look: a number on a kink moves them by whole summands."""
CHECKED = 64
"""Up to so many samples it does."""
Make = Callable[..., gn.Network]
Numbers = dict[str, Array]


def model_network(name: str) -> Make:
    recipe = load_recipe(name)
    what = recipe.loss, recipe.optimizer, recipe.metrics
    return lambda **options: gn.compile(recipe.model(), *what, seed=0, **options)


def layer_network(name: str) -> Make:
    """The layer behind one with weights, so that its gradient for its input counts."""
    declare, shape = layer_cases()[name]

    def make(**options: Any) -> gn.Network:
        x = gn.Input(shape, name="x")
        before = L.Conv2D(shape[0], 1)(x) if len(shape) == 3 else L.Dense(shape[-1])(x)
        return gn.compile(gn.Model(x, declare(before)), "mse", gn.optimizers.SGD(0.01), seed=0, **options)
    return make


def fallbacks(net: gn.Network) -> list[str]:
    """Why NumPy ran instructions of the Programs that were made."""
    return [f"{made.program.name}: {why}" for made in net._runner.programs._made.values()
            for why in made.program.between.values()]


def close(found: Numbers, expected: Numbers, exact: float, what: str) -> None:
    for name, wanted in expected.items():
        tolerance = COARSE if name.startswith("gradients") else exact
        scale = float(np.abs(np.asarray(wanted)).max(initial=1e-3))
        np.testing.assert_allclose(found[name], wanted, 0, tolerance * scale, err_msg=f"{what}: {name}")


def compare(make: Make, sizes: tuple[int, ...], exact: float = 2e-5, threads: int = 2) -> gn.Network:
    """Predictions, losses, gradients and steps of training for each size, from the same weights and states."""
    native, plain = make(backend="native", threads=threads), make(backend="numpy")
    double = make(backend="numpy", dtype="float64")
    for size in sizes:
        x, y = random_samples(native, size, dims=dict.fromkeys(sorted(native.graph.free_dims), 5))
        if size <= CHECKED:
            check_gradients(native, double, x, y)
        close(answers(native, x, y, size), answers(plain, x, y, size), exact, f"{size} samples")
        native.set_weights(plain.weights)
    return native


def check_gradients(net: gn.Network, double: gn.Network, x: Any, y: Any) -> None:
    """By the size of summands; see `graphnet/inspect/backend_check.py`."""
    net.reset_states()
    double.set_weights(net.weights)
    double.set_states(net.states)
    found = check_backend(net, double, x, y)
    assert found.passed, "\n".join(found.lines())


def answers(net: gn.Network, x: Any, y: Any, size: int) -> Numbers:
    """What there is to compare, each from states as they are at first."""
    made = Numbers()
    for name, work in (("predict", lambda: {"y": net.predict(x, batch_size=size)}),
                       ("evaluate", lambda: net.evaluate(x, y, batch_size=size)),
                       ("gradients", lambda: loss_and_gradients(net, x, y)),
                       ("train", lambda: net.train_on_batch(x, y))):
        net.reset_states()
        made |= {f"{name} {key}": value for key, value in work().items()}
    return made | {f"state {name}": state for name, state in net.states.items()}


def loss_and_gradients(net: gn.Network, x: Any, y: Any) -> Numbers:
    loss, gradients = net.loss_and_gradients(x, y)
    return {"loss": loss, **gradients}


@pytest.mark.slow
@pytest.mark.parametrize("name", model_names())
def test_models(name: str) -> None:
    net = compare(model_network(name), SIZES, 1e-3)
    assert fallbacks(net) == []


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if number % 46 == 0 else [pytest.mark.slow])
                                  for number, name in enumerate(layer_cases())])
def test_layers(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNET_CACHE", "off")
    few = not any(mark.name == "slow" for mark in request.node.iter_markers())
    net = compare(layer_network(name), FEW_SIZES if few else SIZES)
    assert bool(fallbacks(net)) == (name in ON_NUMPY)


SUMMED = ("mse", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mae", "huber", "bce",
                                                                           "softmax_cross_entropy")))


@pytest.mark.parametrize("name", SUMMED)
def test_losses_that_are_sums(name: str) -> None:
    """Nothing behind the samples of an odd batch has a share in a gradient."""
    def make(**options: Any) -> gn.Network:
        x = gn.Input((2, 5, 5), name="x")
        logits = L.Dense(3)(L.Flatten()(L.Conv2D(3, 3)(x)))
        loss = type(gn.losses.Loss.registry.resolve("test", "loss", name))(reduction="sum")
        return gn.compile(gn.Model(x, logits), loss, "sgd", seed=0, **options)
    compare(make, (5, 17))


@pytest.mark.parametrize("name", ["lenet", *(pytest.param(name, marks=pytest.mark.slow) for name in model_names())])
def test_a_sample_has_the_same_prediction_in_every_block(name: str) -> None:
    """Batches of 33 and of 64 are worked off by one Program, with blocks of 64 samples or more."""
    net = model_network(name)(backend="native", threads=2)
    x, _ = random_samples(net, 64, dims=dict.fromkeys(sorted(net.graph.free_dims), 5))
    net.reset_states()
    whole = net.predict(x, batch_size=64)
    for size in (33, 50):
        net.reset_states()
        part = net.predict({key: a[:size] for key, a in x.items()}, batch_size=64)
        assert part.tobytes() == whole[:size].tobytes()
