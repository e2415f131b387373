"""What lies behind the samples has no share in any result, whatever was in the memory before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import graphnet as gn
from graphnet.declare.tensor import SymbolicTensor

L = gn.layers


def recurrent(cell: type[gn.Layer], sequences: bool) -> Callable[[SymbolicTensor], SymbolicTensor]:
    """Rows of an image as steps of a stateful layer."""
    def apply(h: SymbolicTensor) -> SymbolicTensor:
        h = L.Reshape((4, 12))(L.Conv2D(3, 3, padding="same")(h))
        return L.Flatten()(cell(3, stateful=True, return_sequences=sequences)(h))
    return apply


def normalized(h: SymbolicTensor) -> SymbolicTensor:
    """Convolutions whose samples are mixed by batch normalisation."""
    h = L.MaxPool2D(2)(L.ReLU()(L.BatchNorm()(L.Conv2D(5, 3, padding="same")(h))))
    return L.Flatten()(L.UpSample2D(2)(h))


def joined(h: SymbolicTensor) -> SymbolicTensor:
    """Branches that are padded, pooled and put together."""
    wide = L.BatchNorm()(L.Conv2D(2, 3)(L.ZeroPad2D(1)(h)))
    both = L.Concatenate(axis=1)([wide, L.AvgPool2D(3, strides=1, padding="same")(h)])
    return L.LayerNorm()(L.Dense(6, activation="tanh")(L.Flatten()(both)))


BODIES = {"lstm": recurrent(L.LSTM, False), "gru": recurrent(L.GRU, True), "rnn": recurrent(L.SimpleRNN, True),
          "normalized": normalized, "joined": joined}


@pytest.mark.parametrize("count", [1, 5, 17])
@pytest.mark.parametrize("name", BODIES)
def test_what_was_in_memory_before_does_not_matter(name: str, count: int) -> None:
    nets = []
    for backend in ("native", "numpy"):
        image = gn.Input((1, 4, 4), name="x")
        logits = L.Dense(2)(BODIES[name](image))
        nets.append(gn.compile(gn.Model(image, logits), "softmax_cross_entropy", "sgd", backend=backend, threads=2))
    x = np.random.default_rng(count).standard_normal((count, 1, 4, 4)).astype(np.float32)
    y = np.arange(count) % 2
    nets[0].loss_and_gradients(x, y)
    nets[0]._runner.programs.buffers["arena"].view(np.float32)[:] = np.nan
    for net in nets:
        net.reset_states()
    (loss, gradients), (expected, others) = (net.loss_and_gradients(x, y) for net in nets)
    assert loss == pytest.approx(expected, rel=1e-5)
    for weight, gradient in others.items():
        np.testing.assert_allclose(gradients[weight], gradient, 1e-4, 1e-5, err_msg=weight)
