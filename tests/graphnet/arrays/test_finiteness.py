"""NaN, infinities and numbers that overflow are refused where arrays enter, unless they are meant or not looked at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from allocations import SLACK, peak_of

import graphnet as gn
from graphnet.arrays import finiteness
from graphnet.arrays.finiteness import check_finite

L = gn.layers
F32 = np.dtype("float32")
Array = np.ndarray[Any, Any]


def network(**options: Any) -> gn.Network:
    x = gn.Input((3,), name="x")
    return gn.compile(gn.Model(x, L.Dense(2)(x)), loss="mse", optimizer="sgd", **options)


X, Y = np.ones((4, 3)), np.ones((4, 2))
CALLS: dict[str, Callable[[gn.Network, Any], object]] = {
    "predict": lambda net, x: net.predict(x), "evaluate": lambda net, x: net.evaluate(x, Y),
    "train_on_batch": lambda net, x: net.train_on_batch(x, Y), "fit": lambda net, x: net.fit(x, Y),
    "loss_and_gradients": lambda net, x: net.loss_and_gradients(x, Y), "profile": lambda net, x: net.profile(x, Y, 1),
    "gradcheck": lambda net, x: net.gradcheck(x, Y),
    "validation": lambda net, x: net.fit(X, Y, validation_data=(x, Y)),
}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("call", CALLS)
def test_a_bad_number_is_refused_before_anything_changes(call: str, bad: float) -> None:
    if (call, bad) == ("gradcheck", 1e300):
        return  # it computes in float64
    net, x = network(), X.copy()
    x[2, 1] = x[3, 0] = bad
    before = {name: weight.copy() for name, weight in net.weights.items()}
    dtype = " in float32" if bad == 1e300 else ""
    with pytest.raises(gn.DataError) as caught:
        CALLS[call](net, x)
    assert str(caught.value).removeprefix("validation_data: ") == (
        f"input 'x' holds {bad!r} at [2, 1], but what is fed must be finite{dtype}; 2 of 12 are not. If it is meant, "
        "give gn.compile or gn.load allow_nonfinite=True")
    assert net.step == 0
    for name, weight in net.weights.items():
        np.testing.assert_array_equal(weight, before[name])


def test_a_file_gets_no_such_samples(tmp_path: Path) -> None:
    with pytest.raises(gn.DataError, match="input 'x' holds nan"):
        network().save(tmp_path / "net.gnet", samples=np.full((1, 3), np.nan))


def test_what_is_large_in_float32_is_not_in_float64() -> None:
    assert np.isfinite(network(dtype="float64").predict(np.full((1, 3), 1e300))).all()


@pytest.mark.parametrize("value", [3.4028234e38, -3.4028234e38, 1e-46, 0, 2**63])
def test_what_float32_holds_is_taken(value: float) -> None:
    check_finite("input", "x", np.full(5, value, np.float64), F32)


@pytest.mark.parametrize("x", [np.ones((4, 3), bool), np.ones((4, 3), np.uint64) << 63, np.ones((4, 3), np.float16)])
def test_other_dtypes_are_taken(x: Array) -> None:
    network().predict(x)


def test_for_those_who_mean_it(tmp_path: Path) -> None:
    x, net = np.full((1, 3), np.nan), network(allow_nonfinite=True)
    assert np.isnan(net.predict(x)).all()
    net.save(tmp_path / "net.gnet", samples=x)
    assert np.isnan(gn.load(tmp_path / "net.gnet", allow_nonfinite=True).predict(x)).all()
    strict = gn.load(tmp_path / "net.gnet")  # a file with such samples is still a sound one
    assert not strict.allow_nonfinite
    with pytest.raises(gn.DataError, match="input 'x' holds nan"):
        strict.predict(x)
    strict.save(tmp_path / "again.gnet")
    assert (tmp_path / "again.gnet").read_bytes() == (tmp_path / "net.gnet").read_bytes()
    strict.allow_nonfinite = True
    assert np.isnan(strict.predict(x)).all()


@pytest.mark.parametrize("set_it", [
    lambda value: network(allow_nonfinite=value), lambda value: setattr(network(), "allow_nonfinite", value),
    lambda value: gn.load(b"", allow_nonfinite=value)])
def test_it_is_a_flag(set_it: Callable[[object], object]) -> None:
    with pytest.raises(gn.ArgumentError, match="allow_nonfinite is 1, but it must be True or False"):
        set_it(1)


def test_sample_weights() -> None:
    for bad in (np.nan, np.inf, 1e300):
        with pytest.raises(gn.DataError, match="sample weight 1 is "):
            network(allow_nonfinite=True).evaluate(X, Y, sample_weight=[1, bad, 1, 1])


def padded(middle: Callable[[Any], Any] = lambda x: x, **options: Any) -> gn.Network:
    x, lengths = gn.Input((None, 3), name="x"), gn.Input((), dtype="int64", name="lengths")
    y = L.Bidirectional(L.LSTM(4))(middle(x), lengths=lengths)
    return gn.compile(gn.Model([x, lengths], y), loss="mse", optimizer="sgd", **options)


LENGTHS = np.array([0, 2, 5, 1])


def sequences(bad: float, dtype: str = "float32") -> Array:
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(dtype)
    x[np.arange(5) >= LENGTHS[:, None]] = bad
    return x


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("middle", [lambda x: x, L.Dropout(0.5)], ids=["direct", "behind a layer"])
def test_behind_the_lengths_anything_may_stand(bad: float, middle: Callable[[Any], Any]) -> None:
    net, other = padded(middle), padded(middle)
    with np.errstate(all="ignore"):
        net.train_on_batch({"x": sequences(bad, "float64"), "lengths": LENGTHS}, np.ones((4, 8)))
    other.train_on_batch({"x": sequences(7.0, "float64"), "lengths": LENGTHS}, np.ones((4, 8)))
    for name, weight in net.weights.items():
        np.testing.assert_array_equal(weight, other.weights[name])


def test_before_them_it_may_not() -> None:
    x = sequences(np.nan)
    x[2, 4, 1] = np.inf
    with pytest.raises(gn.DataError, match=r"input 'x' holds inf at \[2, 4, 1\], .*; 1 of 60 are not"):
        padded().predict({"x": x, "lengths": LENGTHS})


def test_without_lengths_it_may_not() -> None:
    x = gn.Input((None, 3), name="x")
    with pytest.raises(gn.DataError, match=r"holds nan at \[0, 0, 0\], .*; 36 of 60 are not"):
        gn.compile(gn.Model(x, L.LSTM(4)(x))).predict(sequences(np.nan))


def stateful() -> gn.Network:
    x = gn.Input((None, 3), name="x")
    return gn.compile(gn.Model(x, L.SimpleRNN(2, stateful=True, name="r")(x)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_carried_states(bad: float) -> None:
    net = stateful()
    net.predict(np.ones((2, 4, 3)))
    (name, before), = net.states.items()
    with pytest.raises(gn.DataError, match=rf"^state '{name}' holds {bad!r} at \[0, 1\]".replace("+", r"\+")):
        net.set_states({name: [[0, bad], [0, 0]]})
    np.testing.assert_array_equal(net.states[name], before)


def test_a_file_with_such_states_is_loaded_as_it_is(tmp_path: Path) -> None:
    net = stateful()
    net.predict(np.ones((2, 4, 3)))
    (name,) = net.states
    net.allow_nonfinite = True
    net.set_states({name: [[0, np.nan], [0, 0]]})
    net.save(tmp_path / "net.gnet")
    np.testing.assert_array_equal(gn.load(tmp_path / "net.gnet").states[name], net.states[name])


@pytest.mark.parametrize("place", [0, 1, 6, 7, 8, 50, 98])
def test_every_place_of_every_block_is_looked_at(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    monkeypatch.setattr(finiteness, "BLOCK", 7)
    x = np.zeros((33, 3))
    x.reshape(-1)[place] = 1e300
    with pytest.raises(gn.DataError, match=rf"holds 1e\+300 at \[{place // 3}, {place % 3}\], .*; 1 of 99 are not"):
        check_finite("input", "x", x, F32)


def test_a_check_takes_no_more_memory_than_a_block() -> None:
    for dtype in ("float32", "float64"):
        x = np.ones(40 * finiteness.BLOCK, dtype)
        assert peak_of(lambda x=x: check_finite("input", "x", x, F32)) <= 6 * finiteness.BLOCK + SLACK
