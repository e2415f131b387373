"""What holds for every layer with every option: plain equals optimised, one sample works, a file keeps everything."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layer_cases import Declare, layer_cases

import graphnet as gn

L = gn.layers
CASES = pytest.mark.parametrize(("declare", "shape"), [pytest.param(*case, id=name) for name, case
                                                       in layer_cases().items()])
NOT_OF_FLOATS = {"Embedding", "Apply", "Layer", "Emitter"}  # tested by themselves; Apply is `test_custom.py`
Arrays = tuple[np.ndarray, np.ndarray]


def model_of(declare: Declare, shape: tuple[int, ...]) -> gn.Model:
    """The layer behind one with weights, so that its gradient for its input counts."""
    x = gn.Input(shape, name="x")
    before = L.Conv2D(shape[0], 1)(x) if len(shape) == 3 else L.Dense(shape[-1])(x)
    return gn.Model(x, {"y": declare(before)})


def samples(model: gn.Model, shape: tuple[int, ...]) -> Arrays:
    rng, made = np.random.default_rng(0), model.graph.types[model.graph.output("y")].shape[1:]
    return rng.normal(0, 1, (3, *shape)), rng.normal(0, 1, (3, *made))  # type: ignore[arg-type]


def trained(model: gn.Model, arrays: Arrays, **options: Any) -> tuple[gn.Network, list[float]]:
    net = gn.compile(model, loss="mse", optimizer=gn.optimizers.Adam(0.01), **options)
    return net, [net.train_on_batch(*arrays)["loss"] for _ in range(2)]


@CASES
def test_plain_and_optimised_programs_agree(declare: Declare, shape: tuple[int, ...]) -> None:
    """Training, prediction, and a batch of one sample; at every run each kernel is held against its reference."""
    model = model_of(declare, shape)
    arrays = samples(model, shape)
    one = arrays[0][:1], arrays[1][:1]
    results = []
    for options in ({"optimize": True, "verify": True, "check_finite": True}, {"optimize": False}):
        net, losses = trained(model, arrays, dtype="float64", **options)
        net.reset_states()
        batch = net.predict(arrays[0])
        net.reset_states()
        single = net.predict(one[0])
        np.testing.assert_allclose(single, batch[:1], 0, 1e-9)
        net.reset_states()
        results.append((losses, batch, net.train_on_batch(*one)["loss"]))
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, 1e-9, 1e-9)


@CASES
def test_a_file_keeps_everything(declare: Declare, shape: tuple[int, ...], tmp_path: Path) -> None:
    model = model_of(declare, shape)
    arrays = samples(model, shape)
    net, _ = trained(model, arrays)
    net.save(tmp_path / "net.gnet")
    other = gn.load(tmp_path / "net.gnet")
    assert list(other.weights) == list(net.weights)
    assert [other.train_on_batch(*arrays) for _ in range(2)] == [net.train_on_batch(*arrays) for _ in range(2)]
    for name, weight in net.weights.items():
        np.testing.assert_array_equal(other.weights[name], weight)
    np.testing.assert_array_equal(other.predict(arrays[0]), net.predict(arrays[0]))


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> dict[str, L.Layer]:
    """A layer of each kind in the cases, by its kind."""
    layers: dict[str, L.Layer] = {}
    place = L.Layer.call
    monkeypatch.setattr(L.Layer, "call",
                        lambda self, *inputs: (layers.setdefault(self.kind, self), place(self, *inputs))[1])
    for declare, shape in layer_cases().values():
        declare(gn.Input(shape))
    return layers


def test_every_layer_is_here(placed: dict[str, L.Layer]) -> None:
    assert set(L.__all__) - NOT_OF_FLOATS <= placed.keys()


def test_every_layer_keeps_its_arguments(placed: dict[str, L.Layer]) -> None:
    for layer in placed.values():
        assert type(layer).config is L.Layer.config
        given = {name for name, parameter in inspect.signature(type(layer)).parameters.items()
                 if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)}
        assert layer.config().keys() == given - {"name", "trainable"}
