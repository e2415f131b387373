import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.random_samples import random_samples


@pytest.mark.parametrize("batch", [1, 3, 8])
@pytest.mark.parametrize("make", small_networks.MODELS)
def test_predicted_memory_is_what_a_run_takes(make: Callable[[], gn.Model], batch: int) -> None:
    sizes = {"T": 6} if make is small_networks.sequence_model else {}
    for mode, act in (("train", gn.Network.train_on_batch), ("gradients", gn.Network.loss_and_gradients),
                      ("predict", lambda net, x, y: net.predict(x))):
        net = gn.compile(make(), **small_networks.TRAINED)
        report = net.memory(mode, batch, **sizes)
        x, y = random_samples(net, batch, dims=sizes)
        act(net, x, y)
        (run,) = net._programs._executables.values()
        assert {name: run.buffers.sizes[name] for name in run.program.buffers} == dict(run.program.buffers)
        assert report.total == sum(run.program.buffers.values())
        assert report.arena == run.buffers.sizes["arena"]


def test_looking_at_a_network_changes_nothing() -> None:
    looked, plain = (small_networks.image_network() for _ in range(2))
    x, y = random_samples(looked, 4)
    looked.explain("train"), looked.memory("train", 4), looked.program("train", 4), looked.stages("train")
    looked.profile(x, y, steps=1), looked.gradcheck(x, y, samples=1)
    assert looked.train_on_batch(x, y) == plain.train_on_batch(x, y)
    for name, weight in plain.weights.items():
        np.testing.assert_array_equal(looked.weights[name], weight)


def test_what_a_purpose_needs() -> None:
    net = gn.compile(small_networks.image_model())
    with pytest.raises(gn.GraphError, match=r"give gn\.compile a loss"):
        net.explain("train")
    with pytest.raises(gn.GraphError, match="mode is 'nonsense', but it must be one of predict, evaluate, train"):
        net.memory("nonsense")
    with pytest.raises(gn.ArgumentError, match="program: batch is 0, but it must be a whole number ≥ 1"):
        net.memory("predict", 0)


def test_a_free_dim_must_have_a_number() -> None:
    net = gn.compile(small_networks.sequence_model())
    with pytest.raises(gn.ShapeError, match="is not fully known"):
        net.memory("predict", 2)


def test_views_are_not_imported_before_they_are_asked_for() -> None:
    code = ("import sys, graphnet as gn; x = gn.Input((3,)); net = gn.compile(gn.Model(x, gn.layers.Dense(2)(x)));"
            "print(sorted(m for m in sys.modules if m.startswith(('matplotlib', 'networkx', 'graphnet.views', "
            "'graphnet.compiler.explain', 'graphnet.compiler.verify', 'graphnet.runtime.profiling')) or m == 'json'))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
