"""How much work threads get, and that bits do not depend on how many there are, for whole Programs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("llvmlite")

import graphnet as gn
from graphnet.runtime.native.sharing import useful_threads
from tests.benchmarks.workloads import INPUTS, graphnet_model

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("name", ["lenet", "mlp", *(pytest.param(name, marks=pytest.mark.slow)
                                                    for name in ("rnn", "lstm", "vgg", "vggbn"))])
def test_bits_of_networks(name: str) -> None:
    x, y = RNG.standard_normal((70, *INPUTS[name]), np.float32), RNG.integers(0, 10, 70)
    found: list[list[NDArray[np.float32]]] = []
    for threads in (1, 2, 3, 4, 8):
        net = gn.compile(graphnet_model(name), "softmax_cross_entropy", "adam", seed=0, backend="native",
                         threads=threads)
        net.fit(x, y, batch_size=40, epochs=1, verbose=0)
        net.train_on_batch(x[:37], y[:37])
        found.append([net.predict(x), net.predict(x[:1]), *net.weights.values()])
    for other in found[1:]:
        for one, another in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize(("name", "samples", "least", "most"), [("lenet", 1, 1, 1), ("mlp", 1, 2, 4),
                                                                ("lenet", 64, 4, 64)])
def test_as_many_threads_as_there_is_work_for(name: str, samples: int, least: int, most: int) -> None:
    net = gn.compile(graphnet_model(name), backend="native", threads=1)
    assert least <= useful_threads(net.program("predict", samples), samples) <= most
