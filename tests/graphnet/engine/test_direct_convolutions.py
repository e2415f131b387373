"""The backend that takes direct sums in all convolutions."""

from pathlib import Path

import numpy as np
import pytest

import graphnet as gn

pytest.importorskip("llvmlite")


def network(backend: str) -> gn.Network:
    x = gn.Input((32, 12, 12), name="x")
    h = gn.layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    y = gn.layers.Dense(2)(gn.layers.GlobalAveragePool()(h))
    return gn.compile(gn.Model(x, y), "mse", "sgd", seed=1, backend=backend)


def test_it_is_a_backend_of_its_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((16, 32, 12, 12)).astype(np.float32), rng.standard_normal((16, 2)).astype(np.float32)
    direct, native = network("native-direct"), network("native")
    one, other = direct.predict(x), native.predict(x)
    assert not np.array_equal(one, other)
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    assert direct.backend == direct.program("predict", 16).backend == "native-direct"
    direct.train_on_batch(x, y)
    direct.save(tmp_path / "a.gnet")
    assert gn.load(tmp_path / "a.gnet").backend == "native-direct"
    assert network("native-direct").program("predict", 16).digest != native.program("predict", 16).digest
