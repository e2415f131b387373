import numpy as np
import pytest

import graphnet as gn
from graphnet.compiler.errors import MemoryLimitError


def vgg() -> gn.Model:
    x = h = gn.Input((3, 16, 16))
    for filters in (8, 16):
        for _ in range(2):
            h = gn.layers.Conv2D(filters, 3, padding="same", activation="relu")(h)
        h = gn.layers.MaxPool2D(2)(h)
    h = gn.layers.Dense(32, activation="tanh")(gn.layers.Flatten()(h))
    return gn.Model(x, gn.layers.Dense(10)(h))


def network(limit: int | None = None) -> gn.Network:
    return gn.compile(vgg(), "softmax_cross_entropy", "adam", memory_limit=limit)


def check_same_weights(free: gn.Network, tight: gn.Network, share: float, image: tuple[int, ...]) -> None:
    """20 steps in at most `share` of the memory end in the same bits."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, *image), np.float32), rng.integers(0, 10, 64)
    for _ in range(20):
        free.train_on_batch(x, y)
        tight.train_on_batch(x, y)
    before, after = free.program("train", 64), tight.program("train", 64)
    assert after.peak <= before.peak * share
    assert len(after.instructions) > len(before.instructions)
    for name, weight in free.weights.items():
        np.testing.assert_array_equal(tight.weights[name], weight, name)


@pytest.mark.parametrize("share", [0.9, 0.8])
def test_same_weights_within_the_limit(share):
    peak = network().program("train", 64).peak
    check_same_weights(network(), network(int(peak * share)), share, (3, 16, 16))


@pytest.mark.slow
def test_small_vgg_in_60_percent():
    from tests.benchmarks.workloads import graphnet_model

    free = gn.compile(graphnet_model("vgg"), "softmax_cross_entropy", "adam")
    limit = int(free.program("train", 64).peak * 0.6)
    tight = gn.compile(graphnet_model("vgg"), "softmax_cross_entropy", "adam", memory_limit=limit)
    check_same_weights(free, tight, 0.6, (3, 32, 32))


def test_refusal_has_the_exact_figures():
    taken = network().program("train", 64).taken
    with pytest.raises(MemoryLimitError) as caught:
        network(1000).program("train", 64)
    text = str(caught.value)
    least = int(text.split("at least ")[1].replace(",", ""))
    assert f"needs {taken:,} bytes of arena, and {least:,} when values are computed again" in text
    assert "memory_limit is 1,000" in text
    assert network(least).program("train", 64).taken == least < taken
    with pytest.raises(MemoryLimitError):
        network(least - 1).program("train", 64)


def test_copies_keep_their_layer_and_line():
    peak = network().program("train", 64).peak
    program = network(int(peak * 0.8)).program("train", 64)
    again = [i for i in program.instructions if i.phase == "backward" and "grad" not in str(i.op) and i.origin.source]
    copied = [i for i in again if i.origin.layer.startswith("conv2d")]
    assert copied
    assert all("test_rematerialization.py:" in i.origin.source for i in copied)
