"""Padding is invisible: a batch of sequences of different lengths does what each of them does alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphnet as gn

L = gn.layers
FEATURES, UNITS, STEPS = 4, 3, 7
LENGTHS = np.array([0, 3, STEPS, 1, 5])
BATCH = len(LENGTHS)
CELLS: dict[str, tuple[Callable[..., L.Layer], int]] = {
    "rnn": (lambda **o: L.SimpleRNN(UNITS, **o), 1), "relu": (lambda **o: L.SimpleRNN(UNITS, "relu", **o), 1),
    "lstm": (lambda **o: L.LSTM(UNITS, **o), 2), "gru": (lambda **o: L.GRU(UNITS, **o), 1),
    "cho": (lambda **o: L.GRU(UNITS, reset_after=False, **o), 1),
}
Arrays = dict[str, np.ndarray]


def network(cell: str, way: str, truncate: int | None, initial: bool, **options: Any) -> tuple[gn.Network, int]:
    """Results `y` and last states `h0`, `h1`, … of one layer; how many states it has."""
    make, states = CELLS[cell]
    layer = make(return_sequences=True, return_state=True, truncate=truncate, go_backwards=way == "backwards")
    if way == "both":
        layer, states = L.Bidirectional(layer), 2 * states
    x, lengths = gn.Input((None, FEATURES), name="x"), gn.Input((), dtype="int64", name="lengths")
    first = [gn.Input((UNITS,), name=f"first{i}") for i in range(states)] if initial else []
    y, *last = layer(x, initial_state=first or None, lengths=lengths)
    model = gn.Model([x, lengths, *first], {"y": y, **{f"h{i}": h for i, h in enumerate(last)}})
    net = gn.compile(model, loss=gn.losses.MeanSquaredError(reduction="sum"), dtype="float64", **options)
    rng = np.random.default_rng(1)
    net.set_weights({name: rng.uniform(-1, 1, w.shape) for name, w in net.weights.items()})
    return net, states


def row(arrays: Arrays, index: int) -> Arrays:
    """One sequence without its padding."""
    return {name: a[index:index + 1, :LENGTHS[index]] if name in ("x", "y") else a[index:index + 1]
            for name, a in arrays.items()}


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("initial", [False, True], ids=["from zeros", "from states"])
@pytest.mark.parametrize("truncate", [None, 1, 2])
@pytest.mark.parametrize("way", ["forwards", "backwards", "both"])
@pytest.mark.parametrize("cell", CELLS)
def test_each_sequence_is_as_if_alone(cell: str, way: str, truncate: int | None, initial: bool, optimize: bool) -> None:
    """Results, states, and gradients, those of the states too: cuts count from a sequence's own first step."""
    net, states = network(cell, way, truncate, initial, optimize=optimize)
    rng = np.random.default_rng(2)
    feeds = {"x": rng.normal(0, 1, (BATCH, STEPS, FEATURES)), "lengths": LENGTHS}
    if initial:
        feeds |= {f"first{i}": rng.normal(0, 1, (BATCH, UNITS)) for i in range(states)}
    targets = {name: rng.normal(0, 1, made.shape) for name, made in net.predict(feeds).items()}
    targets["y"][np.arange(STEPS) >= LENGTHS[:, None]] = 0
    results, (loss, gradients) = net.predict(feeds), net.loss_and_gradients(feeds, targets, inputs=True)
    total, sums = 0.0, dict.fromkeys(net.weights, 0.0)
    for index, length in enumerate(LENGTHS):
        alone = row(feeds, index)
        for name, made in net.predict(alone).items():
            np.testing.assert_allclose(row(results, index)[name], made, 0, 1e-13, err_msg=name)
        part, found = net.loss_and_gradients(alone, row(targets, index), inputs=True)
        total += part
        sums = {name: value + found[name] for name, value in sums.items()}
        for name in found.keys() - sums.keys():
            np.testing.assert_allclose(row(gradients, index)[name], found[name], 0, 1e-11, err_msg=name)
        assert not results["y"][index, length:].any()
        assert not gradients["x"][index, length:].any()
    assert loss == pytest.approx(total, rel=1e-12)
    for name, value in sums.items():
        np.testing.assert_allclose(gradients[name], value, 0, 1e-10, err_msg=name)


def test_the_last_state_of_a_short_sequence_learns_through_truncation() -> None:
    """The cuts behind its end used to take all of its gradient."""
    x, lengths = gn.Input((9, FEATURES), name="x"), gn.Input((), dtype="int64", name="lengths")
    net = gn.compile(gn.Model([x, lengths], L.LSTM(UNITS, truncate=4)(x, lengths=lengths)), loss="mse")
    feeds = {"x": np.ones((1, 9, FEATURES)), "lengths": np.array([2])}
    _, gradients = net.loss_and_gradients(feeds, np.ones((1, UNITS)))
    assert all(gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_stateful_pieces_with_lengths_of_their_own_are_the_whole(cell: str, optimize: bool) -> None:
    def made(**options: Any) -> gn.Network:
        x, lengths = gn.Input((None, FEATURES), name="x"), gn.Input((), dtype="int64", name="lengths")
        layer = CELLS[cell][0](return_sequences=True, name="r", **options)
        return gn.compile(gn.Model([x, lengths], layer(x, lengths=lengths)), optimize=optimize)

    pieces, whole = made(stateful=True), made()
    pieces.set_weights(dict(whole.weights))
    x = np.random.default_rng(0).normal(0, 1, (BATCH, STEPS, FEATURES)).astype("float32")
    found = [pieces.predict({"x": x[:, :4], "lengths": np.minimum(LENGTHS, 4)}),
             pieces.predict({"x": x[:, 4:], "lengths": np.maximum(LENGTHS - 4, 0)})]
    np.testing.assert_array_equal(np.concatenate(found, 1), whole.predict({"x": x, "lengths": LENGTHS}))


@pytest.mark.parametrize("make", [lambda: L.LSTM(1), lambda: L.GRU(1), lambda: L.Bidirectional(L.SimpleRNN(1))])
@pytest.mark.parametrize("dtype", ["int64", "int32", "float32"])
def test_lengths_with_a_dim_of_their_own_are_named_as_lengths(make: Callable[[], Any], dtype: str) -> None:
    """(N, 1) of floats would pass for the initial state of a layer with a single unit."""
    x, lengths = gn.Input((5, 3), name="x"), gn.Input((1,), dtype=dtype, name="lengths")
    with pytest.raises(gn.ShapeError) as caught:
        make()(x, lengths=lengths)
    text = str(caught.value)
    assert f"takes lengths (N,), one whole number for each sequence, got {dtype} (N, 1)" in text
    assert 'fix: declare them as gn.Input((), dtype="int64"), without a dim' in text
    assert text.count("test_padded_sequences.py:") == 2
