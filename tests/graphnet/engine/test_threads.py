"""Threads that share a network wait for one another: every one gets its own result."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import graphnet as gn

COUNTS = (1, 5, 64, 300)


@pytest.fixture
def eager() -> Iterator[None]:
    """Lets the interpreter change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def make() -> gn.Network:
    x = gn.Input((3,))
    return gn.compile(gn.Model(x, gn.layers.Dense(2)(gn.layers.Dense(16, activation="tanh")(x))), "mse", "adam")


def together(works: list[Callable[[], object]]) -> None:
    with ThreadPoolExecutor(len(works)) as pool:
        for future in [pool.submit(work) for work in works]:
            future.result()


def test_each_thread_gets_its_own_predictions(eager: None) -> None:
    net, rng = make(), np.random.default_rng(0)
    samples = [rng.standard_normal((count, 3)) for count in COUNTS * 2]
    expected = [net.predict(x) for x in samples]

    def predict(number: int) -> None:
        for _ in range(60):
            np.testing.assert_array_equal(net.predict(samples[number]), expected[number])

    together([lambda number=number: predict(number) for number in range(len(samples))])


def test_predictions_do_not_disturb_a_training(eager: None) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 3)), rng.standard_normal((60, 2))
    alone, shared = make(), make()
    alone.fit(x, y, batch_size=4, epochs=8)

    def predict() -> None:
        for count in COUNTS * 10:
            assert np.isfinite(shared.predict(np.ones((count, 3)))).all()

    together([lambda: shared.fit(x, y, batch_size=4, epochs=8), predict, predict])
    for name, weight in alone.weights.items():
        np.testing.assert_array_equal(shared.weights[name], weight)


@pytest.mark.parametrize("call", [
    lambda net: net.predict(np.ones((2, 3))),
    lambda net: net.evaluate(np.ones((2, 3)), np.ones((2, 2))),
    lambda net: net.train_on_batch(np.ones((2, 3)), np.ones((2, 2))),
    lambda net: net.loss_and_gradients(np.ones((2, 3)), np.ones((2, 2))),
    lambda net: net.fit(np.ones((2, 3)), np.ones((2, 2))),
    lambda net: net.set_weights({}),
], ids=["predict", "evaluate", "train_on_batch", "loss_and_gradients", "fit", "set_weights"])
def test_a_call_waits_for_the_lock(call: Callable[[gn.Network], object]) -> None:
    net, done = make(), threading.Event()
    thread = threading.Thread(target=lambda: (call(net), done.set()))
    with net._lock:
        thread.start()
        assert not done.wait(0.05)
    thread.join(30)
    assert done.is_set()


def test_a_callback_may_call_the_network() -> None:
    class Look(gn.Callback):
        def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
            seen = threading.Thread(target=network.predict, args=(np.ones((2, 3)),))
            seen.start()
            seen.join(30)
            assert not seen.is_alive()

    make().fit(np.ones((4, 3)), np.ones((4, 2)), callbacks=[Look()])
