"""Memory over the life of a network, and of many: arenas that are too small go, and so do networks that nobody uses."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.common.recent import Recent
from graphnet.compiler.planning.program import ARENA
from graphnet.engine import programs
from graphnet.runtime import session

SCRIPT = Path(__file__).parents[2] / "support" / "many_cycles.py"


def network() -> gn.Network:
    x = gn.Input((None, 3))
    model = gn.Model(x, gn.layers.Dense(2)(gn.layers.LSTM(4)(x)))
    return gn.compile(model, "softmax_cross_entropy", "adam", ["accuracy"])


def train(net: gn.Network, count: int, steps: int = 3) -> None:
    net.train_on_batch(np.ones((count, steps, 3), "float32"), np.zeros(count, int))


def test_the_old_arena_is_gone_before_the_larger_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, weakref.ref[Any]]] = []
    alive: list[int] = []
    allocate = session.aligned_bytes

    def allocating(size: int) -> Any:
        alive.append(sum(old for old, array in made if array() is not None))
        array = allocate(size)
        made.append((size, weakref.ref(array)))
        return array

    gc.disable()
    try:
        net = network()
        train(net, 2)
        monkeypatch.setattr(session, "aligned_bytes", allocating)
        for count, steps in ((200, 5), (9, 7), (500, 8), (3, 40), (1000, 11), (1001, 11)):
            train(net, count, steps)
            net.predict(np.ones((count, steps, 3), "float32"))
        assert len(made) >= 4
        assert alive == [0] * len(made)
        assert net._runner.programs.buffers.sizes[ARENA] == max(size for size, _ in made)
    finally:
        gc.enable()


def test_a_stateful_network_gives_back_the_states_of_other_batches() -> None:
    x = gn.Input((3, 2))
    net = gn.compile(gn.Model(x, gn.layers.LSTM(3, stateful=True)(x)))
    for count in (4, 2, 9, 1, 5):
        net.predict(np.ones((count, 3, 2), "float32"))
        net.reset_states()
    assert not any(run.stale for run in net._runner.programs._executables.values())


def test_a_network_that_nobody_uses_goes_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        net = network()
        train(net, 3)
        net.fit(np.ones((6, 2, 3), "float32"), np.zeros(6, int), validation_data=(np.ones((2, 2, 3)), np.zeros(2, int)))
        net.predict(np.ones((5, 4, 3), "float32"))
        memory = weakref.ref(net._runner.programs.buffers[ARENA])
        seen = weakref.ref(net)
        del net
        assert seen() is None
        assert memory() is None
    finally:
        gc.enable()


def test_no_more_programs_are_kept_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_BOUND", 3)
    monkeypatch.setattr(programs, "_MADE", 5)
    net = network()
    expected = {steps: net.predict(np.ones((2, steps, 3), "float32")) for steps in range(8, 0, -1)}
    assert len(net._runner.programs._executables) == 3
    assert len(net._runner.programs._made) == 5
    for steps, values in expected.items():
        np.testing.assert_array_equal(net.predict(np.ones((2, steps, 3), "float32")), values)


def test_what_was_used_last_stays() -> None:
    recent = Recent[str, int](2)
    recent.put("a", 1), recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert (recent.get("b"), recent.values()) == (None, [1, 3])
    recent.put("a", 4)
    assert recent.values() == [3, 4]
    recent.keep(lambda value: value > 3)
    assert recent.values() == [4]


def check_growth(cycles: int) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), str(cycles)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, most, arena = map(int, done.stdout.split())
    assert most - first <= 1.2 * arena + 50e6


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not say how much is resident")
def test_memory_does_not_grow_from_cycle_to_cycle() -> None:
    check_growth(12)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not say how much is resident")
def test_memory_does_not_grow_in_300_cycles() -> None:
    check_growth(300)
