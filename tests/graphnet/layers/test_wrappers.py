"""What a layer that takes another layer is told by it, it does as that layer would outside, or refuses."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest
from activation_cases import ACTIVATION_CASES

import graphnet as gn
from graphnet import ArgumentError
from graphnet.declare.options import WeightOptions

L = gn.layers
CELLS = {"SimpleRNN": L.SimpleRNN, "LSTM": L.LSTM, "GRU": L.GRU}
REFUSED: dict[str, Any] = {"name": "inner", "stateful": True, "go_backwards": True}
OPTIONS: dict[str, Any] = {
    "units": 2, "activation": "relu", "return_sequences": True, "return_state": True, "truncate": 2, "use_bias": False,
    "kernel_initializer": "ones", "recurrent_initializer": "ones", "bias_initializer": "ones",
    "unit_forget_bias": False, "reset_after": False, "trainable": False, "learning_rate_multiplier": 0.25,
    "kernel_regularizer": "l1_l2", "bias_regularizer": gn.regularizers.L2(0.3),
    "activity_regularizer": gn.regularizers.L1(0.2), "kernel_constraint": gn.constraints.MaxNorm(0.5),
    "bias_constraint": "non_negative",
}
X = np.random.default_rng(0).normal(0, 1, (3, 4, 2))


def arguments(cell: str) -> set[str]:
    """Everything that the cell can be told."""
    named = set(inspect.signature(CELLS[cell].__init__).parameters) - {"self", "options"}
    return named | set(WeightOptions.__optional_keys__)


def told(cell: str) -> list[dict[str, Any]]:
    single = [{name: OPTIONS[name]} for name in sorted(arguments(cell) - REFUSED.keys())]
    return [*single, {name: OPTIONS[name] for name in arguments(cell) - REFUSED.keys() - {"trainable", "use_bias"}}]


def results(made: Any) -> list[Any]:
    return list(made) if isinstance(made, tuple) else [made]


def network(outputs: list[Any], x: Any, rate: float = 0.5) -> gn.Network:
    named = {f"y{number}": tensor for number, tensor in enumerate(outputs)}
    return gn.compile(gn.Model(x, named), "mse", gn.optimizers.SGDW(rate, weight_decay=0.01), dtype="float64")


def wrapped(cell: Any, options: dict[str, Any]) -> gn.Network:
    x = gn.Input((4, 2), name="x")
    return network(results(L.Bidirectional(cell(**{"units": 3} | options), None, name="both")(x)), x)


def outside(cell: Any, options: dict[str, Any]) -> gn.Network:
    """The same as two layers, their results in the wrapper's order."""
    x = gn.Input((4, 2), name="x")
    ways = [results(cell(**{"units": 3} | options, name=name, go_backwards=name == "backward")(x))
            for name in ("forward", "backward")]
    return network([*(way[0] for way in ways), *(state for way in ways for state in way[1:])], x)


def inside_name(name: str) -> str:
    return "both/" + name.replace("/", "_")


def twice(net: gn.Network) -> list[float]:
    y = tuple(np.full(net.predict(X)[o.name].shape, 0.1) for o in net.graph.outputs)
    return [net.train_on_batch(X, y)["loss"] for _ in range(3)]


def case(cell: str, options: dict[str, Any]) -> Any:
    """All options of an RNN one by one; of the others what is their own, and all at once. The rest is slow."""
    shared = len(options) == 1 and options.keys() < arguments("SimpleRNN")
    marks = [pytest.mark.slow] * (shared and cell != "SimpleRNN")
    return pytest.param(cell, options, id=f"{cell}-{'all' if len(options) > 1 else next(iter(options))}", marks=marks)


CASES = [case(cell, options) for cell in CELLS for options in told(cell)]


@pytest.mark.parametrize(("cell", "options"), CASES)
def test_every_option_inside_does_what_it_does_outside(cell: str, options: dict[str, Any]) -> None:
    inner, outer = wrapped(CELLS[cell], options), outside(CELLS[cell], options)
    assert inner.weights.keys() == {inside_name(name) for name in outer.weights}
    for name in (name for name in outer.weights if np.unique(outer.weights[name]).size <= 2):  # filled, not drawn
        np.testing.assert_array_equal(inner.weights[inside_name(name)], outer.weights[name], err_msg=name)
    inner.set_weights({inside_name(name): array for name, array in outer.weights.items()})
    before = {name: array.copy() for name, array in outer.weights.items()}
    if options.get("trainable", True):
        np.testing.assert_allclose(twice(inner), twice(outer), 1e-12)
        assert any((outer.weights[name] != array).any() for name, array in before.items())
    assert {p.name: p.trainable for p in inner.graph.parameters} == {
        inside_name(p.name): p.trainable for p in outer.graph.parameters}
    for name, array in outer.weights.items():
        np.testing.assert_allclose(inner.weights[inside_name(name)], array, 1e-12, 1e-14, err_msg=name)
    for name, array in outer.predict(X).items():
        np.testing.assert_allclose(inner.predict(X)[name], array, 1e-12, 1e-14, err_msg=name)


@pytest.mark.parametrize("cell", CELLS)
def test_the_sweep_knows_every_argument(cell: str) -> None:
    assert arguments(cell) <= OPTIONS.keys() | REFUSED.keys()


def test_frozen_inside_is_frozen() -> None:
    net = wrapped(L.LSTM, {"trainable": False})
    assert not any(p.trainable for p in net.graph.parameters)
    assert net.predict(X)["y0"].shape == (3, 3)


@pytest.mark.parametrize(("options", "text"), [
    ({"name": "inner"}, "it must have no name, which would stand nowhere: say Bidirectional(…, name='inner')"),
    ({"stateful": True}, "it must be neither stateful nor go_backwards"),
    ({"go_backwards": True}, "it must be neither stateful nor go_backwards")])
def test_what_cannot_be_honoured_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        L.Bidirectional(L.GRU(3, **options))


def test_the_same_thing_said_twice_must_be_the_same() -> None:
    L.Bidirectional(L.GRU(3, kernel_regularizer="l2"), kernel_regularizer="l2")
    with pytest.raises(ArgumentError, match=re.escape(
            "Bidirectional: kernel_regularizer is L1(l1=0.01), but the layer inside says L2(l2=0.01): say it in one "
            "place")):
        L.Bidirectional(L.GRU(3, kernel_regularizer="l2"), kernel_regularizer="l1")
    with pytest.raises(ArgumentError, match=r"learning_rate_multiplier is 2\.0, but the layer inside says 0\.5"):
        L.Bidirectional(L.GRU(3, learning_rate_multiplier=0.5), learning_rate_multiplier=2)


def test_what_the_layer_inside_is_told_before_the_call_counts() -> None:
    x = gn.Input((4, 2), name="x")
    inner = L.GRU(3)
    both = L.Bidirectional(inner)
    inner.trainable = False
    assert not any(p.trainable for p in gn.Model(x, both(x)).graph.parameters)
    inner, other = L.GRU(3), L.GRU(3)
    both = L.Bidirectional(inner)
    inner.stateful = True
    with pytest.raises(ArgumentError, match="it must be neither stateful nor go_backwards"):
        both(x)
    inner.stateful, inner.name = False, "x"
    with pytest.raises(ArgumentError, match="it must have no name"):
        both(x)
    both.layer = other
    both.trainable = False
    assert not any(p.trainable for p in gn.Model(x, both(x)).graph.parameters)
    assert both(x).shape == ("N", 6)


def test_both_may_regularize_their_activities() -> None:
    x = gn.Input((4, 2), name="x")
    both = L.Bidirectional(L.GRU(3, activity_regularizer=gn.regularizers.L2(0.5)), "sum", name="both",
                           activity_regularizer=gn.regularizers.L2(0.25))
    net = gn.compile(gn.Model(x, both(x)), "mse", dtype="float64")
    assert [penalty.name for penalty in net.graph.penalties] == ["both:activity", "both:activity_1", "both:activity_2"]
    ways = outside(L.GRU, {})
    ways.set_weights({name: net.weights[inside_name(name)] for name in ways.weights})
    first, second = ways.predict(X).values()
    penalty = 0.5 * (first**2).sum() / 3 + 0.5 * (second**2).sum() / 3 + 0.25 * ((first + second)**2).sum() / 3
    assert net.evaluate(X, first + second)["loss"] == pytest.approx(penalty, rel=1e-12)


def test_these_are_all_layers_that_take_a_layer() -> None:
    taking = {name: {argument for argument, p in inspect.signature(getattr(L, name).__init__).parameters.items()
                     if "Layer" in str(p.annotation)} for name in L.__all__}
    assert {name: found for name, found in taking.items() if found} == {
        "Bidirectional": {"layer"}, "Conv1D": {"activation"}, "Conv2D": {"activation"}, "Dense": {"activation"},
        "ConvTranspose2D": {"activation"}, "DepthwiseConv2D": {"activation"}}


@pytest.mark.parametrize("name", ACTIVATION_CASES)
def test_an_activation_inside_does_what_it_does_outside(name: str) -> None:
    x = gn.Input((4, 5), name="x")
    make = ACTIVATION_CASES[name].make
    for inside, bare in ((L.Dense(3, make()), L.Dense(3)), (L.Conv1D(3, 2, activation=make()), L.Conv1D(3, 2))):
        nets = [gn.compile(gn.Model(x, {"y": y}), dtype="float64") for y in (inside(x), make()(bare(x)))]
        samples = np.random.default_rng(0).normal(0, 2, (3, 4, 5))
        nets[1].set_weights(nets[0].weights)
        np.testing.assert_array_equal(nets[0].predict(samples), nets[1].predict(samples))


def test_an_activation_inside_has_no_name() -> None:
    with pytest.raises(ArgumentError, match=re.escape(
            "Dense: activation is ReLU(name='r'), but inside Dense it has no name of its own: leave the name out, or "
            "place the activation behind the layer")):
        L.Dense(3, activation=L.ReLU(name="r"))


def test_a_wrapper_may_be_called_again_whatever_the_layer_inside_is_used_for_meanwhile() -> None:
    x, inner = gn.Input((4, 3)), L.GRU(2)
    both = L.Bidirectional(inner)
    first, between, second = both(x), inner(x), both(x)
    model = gn.Model(x, {"first": first, "between": between, "second": second})
    assert sum(p.name.startswith("gru/") for p in model.graph.parameters) == 4
    assert len(model.graph.parameters) == 12


def test_what_is_said_and_taken_back_before_the_call_is_not_said() -> None:
    x, inner = gn.Input((4, 3)), L.GRU(2, trainable=False)
    both = L.Bidirectional(inner)
    inner.trainable = True
    assert all(p.trainable for p in gn.Model(x, both(x)).graph.parameters)
