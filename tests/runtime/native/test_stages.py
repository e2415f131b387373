"""What is made of weights alone is made of all of them, however many samples a batch has."""

from __future__ import annotations

import numpy as np
import pytest

import graphnet as gn
from graphnet.compiler import ops
from graphnet.compiler.types import known
from graphnet.declare.emitter import Emitter

pytest.importorskip("llvmlite")


class Mixed(gn.layers.Dense):
    """Dense with weights that go through a softmax: it runs before the first block, its gradient after the last."""

    def emit(self, b: Emitter, x: int) -> int:
        t = b.types[x]
        weight = self.weight(b, "weight", t.with_shape((known(t.shape[-1], ""), self.units)), self.kernel_initializer)
        return b.add(ops.MatMul(), x, b.add(ops.Softmax(), weight))


@pytest.mark.parametrize("samples", [1, 3, 40])
def test_a_softmax_of_weights(samples: int) -> None:
    x = gn.Input((20,), name="x")
    rng, losses = np.random.default_rng(0), {}
    rows, labels = rng.normal(size=(samples, 20)), rng.normal(size=(samples, 30))
    for backend in ("numpy", "native"):
        net = gn.compile(gn.Model(x, Mixed(30)(x)), "mse", optimizer=gn.optimizers.SGD(1.0), seed=1, backend=backend,
                         threads=1 if backend == "native" else None)
        losses[backend] = [net.train_on_batch(rows, labels)["loss"] for _ in range(3)]
    np.testing.assert_allclose(losses["native"], losses["numpy"], 1e-5)
