"""Children of a process that trains, forked or spawned, and threads: none hangs, and all compute the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn

SCRIPT = Path(__file__).parents[2] / "support" / "fork_and_train.py"
RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(12, 5)).astype("float32"), RNG.integers(0, 3, 12)


def make(seed: int = 0) -> gn.Network:
    x = gn.Input((5,))
    h = gn.layers.Dropout(0.3)(gn.layers.Dense(16, activation="gelu")(x))
    return gn.compile(gn.Model(x, gn.layers.Dense(3)(h)), "softmax_cross_entropy", "adam", seed=seed)


def trained(path: str) -> bytes:
    net = gn.load(path)
    net.fit(X, Y, batch_size=4, epochs=2)
    return net.predict(X).tobytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_children_forked_in_a_training_are_free_and_whole() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "10"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "child 0\n" * 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_within_a_callback_goes_on_in_both_processes() -> None:
    ends: list[int] = []

    class Fork(gn.callbacks.Callback):
        def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
            if step == 2 and not os.fork():
                network.train_on_batch(X[8:], Y[8:])
                os._exit(network.step)

        def on_train_end(self, network: gn.Network) -> None:
            ends.append(os.waitstatus_to_exitcode(os.wait()[1]))

    net = make()
    net.fit(X, Y, batch_size=4, callbacks=[Fork()])
    assert (ends, net.step) == ([3], 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_an_interrupt_of_a_child_that_was_forked_within_a_fit_does_not_wait() -> None:
    ends: list[int] = []

    class Fork(gn.callbacks.Callback):
        def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
            child = os.fork()
            if child:
                ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
                return
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                os._exit(7)
            os._exit(1)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        make().fit(X, Y, batch_size=12, callbacks=[Fork()])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert ends == [7]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_threads_that_fork_at_the_same_time_leave_networks_free() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "4", "3"], capture_output=True, text=True, check=False,
                          timeout=40)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n") == ["child 0"] * 12 + [""]


def test_a_spawned_process_ends_with_the_same_bits(tmp_path: Path) -> None:
    path = str(tmp_path / "a.gnet")
    make().save(path)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(trained, (path,)) == trained(path)


def test_eight_threads_with_networks_of_their_own_end_with_the_same_bits() -> None:
    def work(seed: int) -> dict[str, Any]:
        net = make(seed)
        net.fit(X, Y, batch_size=5, epochs=4, validation_data=(X, Y))
        return net.weights

    def each(run: Callable[[Callable[[int], Any], range], Any]) -> list[dict[str, Any]]:
        return list(run(work, range(8)))

    with ThreadPoolExecutor(8) as pool:
        for one, other in zip(each(map), each(pool.map), strict=True):
            assert all(np.array_equal(one[name], other[name]) for name in one)
