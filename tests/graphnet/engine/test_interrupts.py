"""Interrupts come between steps, wherever they arrive. They are sent at counted opcodes, so nothing depends on time."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import numpy as np
import pytest
from interrupting import Interrupts, interrupted_after

import graphnet as gn
from graphnet.callbacks import EarlyStopping, ReduceOnPlateau
from graphnet.engine import interrupts
from graphnet.engine.interrupts import whole
from graphnet.runtime import blas
from graphnet.training.callback import Callback

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(10, 3)).astype("float32"), RNG.integers(0, 2, 10)
SEQUENCES = RNG.normal(size=(8, 4, 3)).astype("float32")
Weights = dict[str, Any]


def dense() -> gn.Network:
    x = gn.Input((3,))
    h = gn.layers.BatchNorm()(gn.layers.Dense(4, activation="tanh")(x))
    model = gn.Model(x, gn.layers.Dense(2)(gn.layers.Dropout(0.2)(h)))
    return gn.compile(model, "softmax_cross_entropy", "adam", ["accuracy"])


def stateful() -> gn.Network:
    x = gn.Input((None, 3))
    model = gn.Model(x, gn.layers.Dense(2)(gn.layers.GRU(3, stateful=True)(x)))
    return gn.compile(model, "softmax_cross_entropy", "sgd")


class Kept(Callback):
    """Copies all that a network keeps after each step."""

    def __init__(self) -> None:
        self.at: dict[int, Weights] = {}

    def on_train_begin(self, network: gn.Network) -> None:
        self.at[network.step] = kept(network)

    def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
        self.at[step] = kept(network)


def kept(network: gn.Network) -> Weights:
    moments = {f"{m}/{name}": a for m, parts in network.optimizer_state.items() for name, a in parts.items()}
    return {name: array.copy() for name, array in (network.weights | network.states | moments).items()}


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


class Case:
    """A network and how it is fitted, with what it is after each step of a fit that is not interrupted."""

    def __init__(self, make: Callable[[], gn.Network], x: Any, y: Any, batch: int) -> None:
        self.make, self.x, self.y, self.batch = make, x, y, batch
        self.fit(make())  # what is made once in a process is made
        network, kept_at = make(), Kept()
        with interrupted_after(-1) as count:
            self.history = self.fit(network)
        self.opcodes = count[0]
        self.fit(again := make(), kept_at)
        assert same(kept(network), kept(again))
        self.at, self.last = kept_at.at, network.step

    def fit(self, network: gn.Network, *more: Callback, resume: bool = False) -> gn.History:
        callbacks = [*more, ReduceOnPlateau("loss", patience=0), EarlyStopping("val_loss", patience=9)]
        return network.fit(self.x, self.y, batch_size=self.batch, epochs=2, validation_data=(self.x, self.y),
                           callbacks=callbacks, resume=resume)

    def interrupt(self, opcodes: int) -> str:
        """Interrupts a fit, checks where it stands, and goes on to the end; says where it was interrupted."""
        network = self.make()
        try:
            with interrupted_after(opcodes):
                self.fit(network)
            return "afterwards"
        except KeyboardInterrupt:
            pass
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert same(kept(network), self.at[network.step]) or (network.step == 0 and network._fit_state is None)
        if network.step == self.last and network._fit_state is None:
            return "at the end"
        began = network._fit_state is not None
        history = self.fit(network, resume=began)
        assert same(kept(network), self.at[self.last])
        assert network.step == self.last
        assert without_seconds(history) == without_seconds(self.history)
        return "within" if began else "before"


def without_seconds(history: gn.History) -> dict[str, Any]:
    return {name: values for name, values in history.history.items() if name != "seconds"}


CASES: dict[str, Callable[[], Case]] = {"dense": lambda: Case(dense, X, Y, 4),
                                        "stateful": lambda: Case(stateful, SEQUENCES, Y[:8], 4)}


def interrupt_at_many_moments(name: str, moments: int) -> None:
    case = CASES[name]()
    drawn = np.random.default_rng(moments).integers(1, case.opcodes, moments)
    places = [case.interrupt(int(opcodes)) for opcodes in drawn]
    assert places.count("within") > moments // 2


@pytest.mark.parametrize("name", CASES)
def test_an_interrupted_fit_stands_at_a_whole_step_and_can_be_gone_on_with(name: str) -> None:
    interrupt_at_many_moments(name, 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_200_interrupts(name: str) -> None:
    interrupt_at_many_moments(name, 200)


def test_an_interrupted_fit_is_saved_where_it_stands(tmp_path: Any) -> None:
    case = Case(dense, X, Y, 4)
    network = case.make()
    with pytest.raises(KeyboardInterrupt), interrupted_after(case.opcodes // 2):
        network.fit(X, Y, batch_size=4, epochs=2, checkpoint=tmp_path / "c.gnet")
    assert 0 < network.step < 6
    loaded = gn.load(tmp_path / "c.gnet")
    assert loaded.step == network.step
    loaded.fit(X, Y, batch_size=4, epochs=2, resume=True)
    whole_one = dense()
    whole_one.fit(X, Y, batch_size=4, epochs=2)
    assert same(kept(loaded), kept(whole_one))


def test_a_step_of_its_own_ends_before_the_interrupt() -> None:
    network = dense()
    network.train_on_batch(X, Y)
    states = {network.step: kept(network)}
    with interrupted_after(-1) as count:
        network.train_on_batch(X, Y)
    states[network.step] = kept(network)
    for opcodes in np.random.default_rng(0).integers(1, count[0] - 20, 12):
        again = dense()
        again.train_on_batch(X, Y)
        with pytest.raises(KeyboardInterrupt), interrupted_after(int(opcodes)):
            again.train_on_batch(X, Y)
        assert same(kept(again), states[again.step])


def test_weights_are_replaced_whole() -> None:
    network = dense()
    zeros = {name: np.zeros_like(weight) for name, weight in network.weights.items()}
    first = kept(network)
    network.set_weights(zeros)
    with interrupted_after(-1) as count:
        network.set_weights(zeros)
    for opcodes in range(1, count[0] - 20, 29):
        again = dense()
        with pytest.raises(KeyboardInterrupt), interrupted_after(opcodes):
            again.set_weights(zeros)
        assert same(kept(again), first) or same(kept(again), kept(network))


def test_a_second_interrupt_does_not_wait() -> None:
    reached = []

    def work() -> None:
        with whole:
            signal.raise_signal(signal.SIGINT)
            reached.append("first")
            signal.raise_signal(signal.SIGINT)
            reached.append("second")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_blocks_within_a_block_wait_for_its_end() -> None:
    reached = []

    def work() -> None:
        with whole:
            with whole:
                signal.raise_signal(signal.SIGINT)
                whole.may_interrupt()
            reached.append("inner")
            whole.may_interrupt()
            reached.append("outer")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["inner"]


def test_the_handler_of_the_user_is_called_and_is_back_afterwards() -> None:
    calls: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        calls.append(number)

    before = signal.signal(signal.SIGINT, handler)
    try:
        with whole:
            signal.raise_signal(signal.SIGINT)
            assert not calls
        assert calls == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is handler
        with whole:  # a handler set within stays
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        with whole:
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_the_handler_alone() -> None:
    seen: list[Any] = []

    def work() -> None:
        with whole:
            seen.append(signal.getsignal(signal.SIGINT))
            whole.may_interrupt()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


@pytest.mark.parametrize("method", ["predict", "evaluate"])
def test_an_interrupted_run_gives_blas_its_threads_back(method: str) -> None:
    """Real interrupts, at whatever moment: none may leave BLAS with the number of threads of a run."""
    network, more = dense(), [Y] * (method == "evaluate")
    call = partial(getattr(network, method), X, *more)
    call()
    wanted, delays = threading.Semaphore(0), np.random.default_rng(0).random(100) / 500

    def interrupt() -> None:
        for delay in delays:
            wanted.acquire()
            time.sleep(delay)
            os.kill(os.getpid(), signal.SIGINT)

    def run() -> None:
        wanted.release()
        while True:
            call()

    thread = threading.Thread(target=interrupt)
    thread.start()
    for _ in delays:
        with pytest.raises(KeyboardInterrupt):
            run()
        assert (blas._SETTING._wanted, blas._SETTING._now) == ({}, None)
    thread.join()
    assert network._runner.programs.blas_threads._inside.depth == 0


def test_what_handles_interrupts_outside_python_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In R, say, which has Python within it: there is no handler to put back."""
    set_to: list[object] = []
    monkeypatch.setattr(interrupts, "_get", lambda number: None)
    monkeypatch.setattr(interrupts, "_set", lambda number, handler: set_to.append(handler))
    with whole:
        whole.may_interrupt()
    assert not set_to


class InterruptsTheEnd(Callback):
    """An interrupt at the end of the training, once."""

    done = False

    def on_train_end(self, network: gn.Network) -> None:
        if not self.done:
            self.done = True
            signal.raise_signal(signal.SIGINT)


def test_what_a_handler_of_the_user_raises_leaves_a_checkpoint_too(tmp_path: Any) -> None:
    before, network = signal.signal(signal.SIGINT, lambda number, frame: sys.exit(3)), dense()
    try:
        with pytest.raises(SystemExit):
            network.fit(X, Y, batch_size=4, callbacks=[Interrupts(2)], checkpoint=tmp_path / "c.gnet")
    finally:
        signal.signal(signal.SIGINT, before)
    assert network._fit_state is not None
    assert gn.load(tmp_path / "c.gnet").step == network.step == 2


def test_a_fit_interrupted_at_its_end_gives_its_history_when_resumed() -> None:
    network, other = dense(), dense()
    callbacks = [InterruptsTheEnd(), EarlyStopping("loss", patience=5, restore_best=True)]
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, Y, batch_size=4, epochs=2, callbacks=callbacks)
    history = network.fit(X, Y, batch_size=4, epochs=2, callbacks=callbacks, resume=True)
    expected = other.fit(X, Y, batch_size=4, epochs=2, callbacks=callbacks)
    assert without_seconds(history) == without_seconds(expected)
    assert same(kept(network), kept(other))
    assert network._fit_state is None


def test_what_is_refused_when_resumed_can_be_given_again() -> None:
    network = dense()
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, Y, batch_size=4, callbacks=[Interrupts(2), EarlyStopping("loss", patience=5)])
    with pytest.raises(gn.ArgumentError, match="patience is 6"):
        network.fit(X, Y, batch_size=4, callbacks=[Interrupts(0), EarlyStopping("loss", patience=6)], resume=True)
    network.fit(X, Y, batch_size=4, callbacks=[Interrupts(0), EarlyStopping("loss", patience=5)], resume=True)
    assert network.step == 3
