"""Networks with every optimizer, regularizers, constraints and options of losses go through a file unchanged."""

from pathlib import Path

import numpy as np
import pytest

import graphnet as gn
from graphnet.optimizers import OPTIMIZERS

X = np.random.default_rng(0).normal(0, 1, (9, 4)).astype("float32")
Y = np.arange(9) % 3
WEIGHTS = np.linspace(0.5, 2, 9)


def network(name: str) -> gn.Network:
    cls = type(OPTIMIZERS.resolve("test", "name", name))
    x = gn.Input((4,), name="x")
    h = gn.layers.Dense(5, activation="tanh", kernel_regularizer="l1_l2", activity_regularizer="l2",
                        kernel_constraint=gn.constraints.MaxNorm(0.8), learning_rate_multiplier=0.5, name="h")(x)
    model = gn.Model(x, gn.layers.Dense(3, activation="softmax", bias_constraint="non_negative", name="y")(h))
    loss = gn.losses.CrossEntropy(0.1, (1.0, 2.0, 0.5), reduction="sum")
    metrics = ["confusion_matrix", gn.metrics.TopKAccuracy(2), gn.metrics.F1("macro")]
    return gn.compile(model, loss=loss, optimizer=cls(0.05, global_clip_norm=0.5), metrics=metrics, regularizer="l2")


@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_training_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    net = network(name)
    for _ in range(3):
        net.train_on_batch(X, Y, sample_weight=WEIGHTS)
    net.save(tmp_path / "net.gnet")
    other = gn.load(tmp_path / "net.gnet")
    assert (other.optimizer, other.objective) == (net.optimizer, net.objective)
    for _ in range(3):
        found = other.train_on_batch(X, Y, sample_weight=WEIGHTS)
        expected = net.train_on_batch(X, Y, sample_weight=WEIGHTS)
        assert found["loss"] == expected["loss"]
        np.testing.assert_array_equal(found["confusion_matrix"], expected["confusion_matrix"])
    for weight, array in net.weights.items():
        np.testing.assert_array_equal(other.weights[weight], array)
