"""One Program serves all sizes of batch: a second size costs nothing."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import graphnet as gn
from graphnet.compiler.errors import GraphNetError

SHAPES = {"lenet": (1, 12, 12), "mlp": (12,), "lstm": (5, 6)}


def network(kind: str, made: Counter[str]) -> gn.Network:
    """A small model of a kind, which counts the Programs that are made for it by purpose."""
    layers = gn.layers
    x = h = gn.Input(SHAPES[kind], name="x")
    if kind == "lenet":
        h = layers.Flatten()(layers.MaxPool2D(2)(layers.Conv2D(4, 5, activation="relu")(h)))
    elif kind == "lstm":
        h = layers.LSTM(8)(h)
    h = layers.Dense(8, activation="relu")(h)
    net = gn.compile(gn.Model(x, layers.Dense(3)(h)), "softmax_cross_entropy", "adam", ["accuracy"], backend="native",
                     threads=1)
    net._runner.programs.on_made = lambda purpose, stages, program: made.update([purpose])
    return net


@pytest.mark.parametrize("kind", SHAPES)
def test_no_second_program_is_made(kind: str) -> None:
    """Neither for the rest of an epoch, nor for batches of other sizes, nor for those that a `batch_size` asks for."""
    made: Counter[str] = Counter()
    net = network(kind, made)
    x, y = np.random.default_rng(0).random((331, *SHAPES[kind]), np.float32), np.arange(331) % 3
    net.fit(x[:150], y[:150], batch_size=64, epochs=2, verbose=0, validation_data=(x, y))
    for size in (64, 63, 41):
        net.train_on_batch(x[:size], y[:size])
    for size in (256, 100, 77):
        net.evaluate(x, y, batch_size=size)
        assert len(net.predict(x, batch_size=size)) == 331
    assert made == {"train": 1, "evaluate": 1, "predict": 1}


def test_a_run_without_samples_is_refused() -> None:
    net = network("mlp", Counter())
    run = net._runner.executable(net._runner.purpose("predict"), {"N": 3})
    with pytest.raises(GraphNetError, match="no samples were taken for x; call take before run"):
        run.run()
    run.take({"x": np.ones((3, 12), np.float32)}, slice(0, 3))
    run.run()
    np.testing.assert_array_equal(next(iter(run.outputs.values())),
                                  net.predict(np.ones((3, 12), np.float32)))
