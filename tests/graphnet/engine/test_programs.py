"""The Programs of one network: compiled once for each purpose and batch size, in one arena."""

import numpy as np
import pytest

import graphnet as gn
from graphnet.compiler.errors import GraphError, MemoryLimitError
from graphnet.compiler.planning.program import ARENA
from graphnet.training.loop import shuffled


def network(**options) -> gn.Network:
    x = gn.Input((6,), name="x")
    h = gn.layers.Dense(8, activation="tanh", name="hidden")(x)
    model = gn.Model(x, gn.layers.Dense(3, name="out")(h))
    return gn.compile(model, loss="softmax_cross_entropy", optimizer="adam", metrics=["accuracy"], **options)


def samples(count: int):
    rng = np.random.default_rng(0)
    return rng.standard_normal((count, 6)), rng.integers(0, 3, count)


def test_programs_are_kept_for_each_batch_size_and_purpose():
    net = network(backend="numpy")
    assert net.program("train", 4) is net.program("train", 4)
    assert net.program("train", 4) is not net.program("train", 5)
    assert net.program("train", 4) is not net.program("evaluate", 4)
    assert net.program("train", 4).dims == {"N": 4}


def test_fit_compiles_a_program_for_full_batches_and_one_for_the_last(monkeypatch):
    import graphnet.compiler.planning.policy as programs

    compiled = []
    lower = programs.lower
    monkeypatch.setattr(programs, "lower", lambda graph, dims, *rest: compiled.append(dict(dims)) or lower(
        graph, dims, *rest))
    net = network(backend="numpy")
    net.fit(*samples(22), batch_size=8, epochs=1, verbose=False)
    assert {dims["N"] for dims in compiled} == {6, 8}
    compiled.clear()
    net.fit(*samples(22), batch_size=8, epochs=2, verbose=False)
    assert compiled == []


def test_last_partial_batch_trains_on_what_is_left():
    x, y = samples(22)
    net, twin = network(), network()
    net.fit(x, y, batch_size=8, epochs=1, verbose=False)
    order = shuffled(22, seed=0, epoch=1)
    for start in (0, 8, 16):
        chosen = order[start:start + 8]
        twin.train_on_batch(x[chosen], y[chosen])
    assert net.step == twin.step == 3
    for name, weight in net.weights.items():
        np.testing.assert_array_equal(weight, twin.weights[name])


def test_batch_larger_than_the_set():
    net = network()
    history = net.fit(*samples(5), batch_size=64, epochs=2, verbose=False)
    assert net.step == 2
    assert len(history.history["loss"]) == 2


def test_growing_arena_in_the_midst_of_training():
    """A larger evaluation batch moves the arena; the weights stay and training goes on as if nothing was."""
    x, y = samples(24_000)
    net, twin = network(backend="numpy"), network(backend="numpy")
    for count in (6_000, 12_000, 24_000):
        net.train_on_batch(x[:4], y[:4])
        twin.train_on_batch(x[:4], y[:4])
        before = len(net._runner.programs.buffers[ARENA])
        net.evaluate(x[:count], y[:count], batch_size=count)
        assert len(net._runner.programs.buffers[ARENA]) > before
    for name, weight in net.weights.items():
        np.testing.assert_array_equal(weight, twin.weights[name])


def test_arena_has_the_size_of_the_largest_program():
    net = network()
    x, y = samples(40)
    net.train_on_batch(x[:8], y[:8])
    net.evaluate(x, y, batch_size=16)
    net.predict(x, batch_size=32)
    peaks = [net.program("train", 8).peak, *(net.program("evaluate", n).peak for n in (16, 8)),
             *(net.program("predict", n).peak for n in (32, 8))]
    assert len(net._runner.programs.buffers[ARENA]) == max(peaks)


def test_weights_are_one_memory_for_all_programs():
    net = network()
    weight = net.weights["hidden/weight"]
    before = weight.copy()
    net.fit(*samples(20), batch_size=4, epochs=1, verbose=False)
    assert (weight != before).any()
    assert np.shares_memory(weight, net.weights["hidden/weight"])
    with pytest.raises(ValueError, match="read-only"):
        weight[...] = 0


def test_memory_limit_refuses_before_anything_runs():
    net = network(memory_limit=100)
    with pytest.raises(MemoryLimitError, match="memory_limit is 100; use smaller batches, or a limit of at least"):
        net.train_on_batch(*samples(8))
    assert net.step == 0


def test_unknown_purpose():
    with pytest.raises(GraphError, match="mode is 'fly', but it must be one of predict, evaluate, train, gradients"):
        network().program("fly")


def test_purposes_that_need_more_than_a_model():
    x = gn.Input((2,), name="x")
    net = gn.compile(gn.Model(x, gn.layers.Dense(2)(x)))
    with pytest.raises(GraphError, match=r"compiled for prediction only; to train or evaluate it give .* a loss"):
        net.program("evaluate")
    net = gn.compile(gn.Model(x, gn.layers.Dense(2)(x)), loss="mse")
    with pytest.raises(GraphError, match=r"compiled without an optimizer; to train it give .* one"):
        net.program("train")
