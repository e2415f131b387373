"""The pool of threads: interrupts, forks, and several networks at once leave it whole, and all bits are the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupting import interrupted_after

pytest.importorskip("llvmlite")

import graphnet as gn
from graphnet.compiler.errors import DivergenceError
from graphnet.runtime.native import sharing, workers

FOLDER = Path(workers.__file__).parent
SCRIPT = Path(__file__).parents[2] / "support" / "fork_and_train.py"
RNG = np.random.default_rng(4)
X, Y = RNG.standard_normal((40, 20), np.float32), RNG.integers(0, 3, 40)
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
DATA = "import numpy; X, Y = numpy.ones((40, 20), 'float32'), numpy.zeros(40, int)\n"
POOLED = "from graphnet.runtime.native import sharing; sharing.THREAD_FLOPS = 1\n"
NETWORK = (POOLED + "import graphnet as gn, threading; x = gn.Input((20,))\n"
           "model = gn.Model(x, gn.layers.Dense(3)(gn.layers.Dense(64, activation='tanh')(x)))\n"
           "net = gn.compile(model, 'softmax_cross_entropy', 'adam', backend='native', threads=3)\n")


@pytest.fixture(autouse=True)
def small_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is shared too, however busy the machine is."""
    for limit, value in (("THREAD_FLOPS", 1), ("SMALL_FLOPS", 0), ("SMALL_BYTES", 0)):
        monkeypatch.setattr(sharing, limit, value)
    monkeypatch.setattr(workers, "PATIENCE_NS", 2**62)


def make(threads: int = 3, seed: int = 0) -> gn.Network:
    x = gn.Input((20,))
    h = gn.layers.Dropout(0.2)(gn.layers.BatchNorm()(gn.layers.Dense(64, activation="relu")(x)))
    return gn.compile(gn.Model(x, gn.layers.Dense(3)(h)), "softmax_cross_entropy", "adam", seed=seed, backend="native",
                      threads=threads)


def test_an_interrupt_anywhere_leaves_the_pool_free_and_nobody_waiting() -> None:
    net = make()
    expected = net.predict(X)
    with interrupted_after(-1, FOLDER) as count:
        net.predict(X)
    for opcodes in range(1, count[0], 7):
        with pytest.raises(KeyboardInterrupt), interrupted_after(opcodes, FOLDER):
            net.predict(X)
        assert workers._pool()._free == [None]
        np.testing.assert_array_equal(net.predict(X), expected)


def test_what_an_interrupt_kept_from_being_prepared_is_prepared_by_the_next_run() -> None:
    net, twin = make(), make()
    for one in (net, twin):
        one.predict(X)
        one.train_on_batch(X, Y)
    with interrupted_after(-1, FOLDER) as count:
        twin.predict(X)
    expected = twin.predict(X)
    for opcodes in range(1, count[0], 9):
        net.set_weights(net.weights)
        with suppress(KeyboardInterrupt), interrupted_after(opcodes, FOLDER):
            net.predict(X)
        np.testing.assert_array_equal(net.predict(X), expected)


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8])
def test_bits_are_those_of_one_thread(threads: int) -> None:
    one, other = make(1), make(threads)
    for net in (one, other):
        net.fit(X, Y, batch_size=15, epochs=2, verbose=0)
    np.testing.assert_array_equal(other.predict(X), one.predict(X))
    for name, weight in one.weights.items():
        np.testing.assert_array_equal(other.weights[name], weight)


@pytest.mark.parametrize("threads", [2, 3])
def test_small_instructions_of_one_thread(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "SMALL_FLOPS", 10**6)
    monkeypatch.setattr(sharing, "SMALL_BYTES", 10**6)
    test_bits_are_those_of_one_thread(threads)


@pytest.mark.parametrize("threads", [2, 3])
def test_nobody_waits_for_threads_that_do_not_come(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where threads meet within a kernel, as they do for masks."""
    started: list[int] = []
    monkeypatch.setattr(workers, "_pools", {})
    monkeypatch.setattr(workers._Pool, "_start", lambda pool, count: started.append(count) or True)
    test_bits_are_those_of_one_thread(threads)
    assert set(started) == {threads - 1}


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_steps_end_behind_a_loss_that_is_not_finite(threads: int) -> None:
    net = make(threads)
    net.allow_nonfinite = True
    data = np.where(np.arange(len(X))[:, None] == 33, np.float32(np.inf), X)
    with pytest.raises(DivergenceError):
        net.fit(data, Y, batch_size=10, epochs=1, shuffle=False, verbose=0)
    assert net.step == 4


def test_one_thread_less_while_several_get_nothing_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE_NS", 10**8)
    pool = workers.Workers(4)
    for _ in range(50):
        pool._note(10**9, 2 * 10**9, 0.3)
    assert pool._rested == 0
    pool._note(10**9, 10**9, 0.5)  # they have one core between them
    assert pool._rested > 0
    pool._rested = 2**62
    assert pool._now() == 3


def test_eight_threads_with_networks_of_their_own_get_right_bits() -> None:
    def trained(seed: int) -> list[Any]:
        net = make(seed=seed % 3)
        net.fit(X, Y, batch_size=15, epochs=5, verbose=0)
        return [net.predict(X[:5]), *net.weights.values()]

    expected = [trained(seed) for seed in range(3)]
    with ThreadPoolExecutor(8) as pool:
        for seed, found in enumerate(pool.map(trained, range(8))):
            for one, other in zip(found, expected[seed % 3], strict=True):
                np.testing.assert_array_equal(one, other)


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", NETWORK + DATA + code], capture_output=True, text=True, check=False,
                          timeout=60, env=os.environ | environment)


def test_first_calls_of_several_threads_share_one_pool() -> None:
    done = run("from graphnet.runtime.native import workers\nnets = [net, *[gn.compile(model, backend='native', "
               "threads=2) for _ in range(3)]]\nthreads = [threading.Thread(target=lambda n=n: n.predict(X)) for n in "
               "nets]\n[t.start() for t in threads]; [t.join() for t in threads]\nprint(len(workers._pools))")
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)


@pytest.mark.parametrize("code", ["net.predict(X)", "net.fit(X, Y, verbose=0)"])
def test_a_process_ends_well_while_threads_watch_or_sleep(code: str) -> None:
    done = run(code)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@FORKS
def test_a_fork_finds_no_threads_and_both_processes_go_on() -> None:
    seen: list[int] = []
    net = make()
    expected = net.predict(X)
    before = {thread for thread in threading.enumerate() if thread.name.startswith(workers.NAME)}
    assert before
    workers._before_fork()
    assert not any(thread.is_alive() for thread in before)
    child = os.fork()
    if not child:
        signal.alarm(20)
        os._exit(0 if np.array_equal(net.predict(X), expected) else 1)
    seen.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    np.testing.assert_array_equal(net.predict(X), expected)
    assert seen == [0]


@FORKS
def test_forks_while_the_pool_runs() -> None:
    code = f"{POOLED}import runpy, sys; sys.argv = ['', '6']; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env=os.environ | {"GRAPHNET_BACKEND": "native"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "child 0\n" * 6


def test_weights_that_a_program_makes_itself_are_prepared_once_they_are_there() -> None:
    """The bias of such a GRU is made in the Program, which is not of blocks."""
    x = gn.Input((None, 3))
    model = gn.Model(x, gn.layers.GRU(5, reset_after=False, return_sequences=True, stateful=True)(x))
    native, plain = (gn.compile(model, seed=3, backend=backend) for backend in ("native", "numpy"))
    data = RNG.standard_normal((4, 6, 3), np.float32)
    for first, last in ((0, 3), (3, 4), (4, 6)):
        np.testing.assert_allclose(native.predict(data[:, first:last]), plain.predict(data[:, first:last]), 0, 1e-6)
