"""Initializers, regularizers and constraints of a user's own, registered as their bases' docstrings say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import graphnet as gn
from graphnet.compiler import ops
from graphnet.compiler.types import Array, Shape


@dataclass(frozen=True)
class Ramp(gn.initializers.Initializer):
    step: float = 1.0

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return self.step * np.arange(np.prod(shape)).reshape(shape)


@dataclass(frozen=True)
class Heavy(gn.regularizers.Regularizer):
    @property
    def shares(self) -> tuple[float, float]:
        return 0.0, 10.0


@dataclass(frozen=True)
class NoLess(gn.constraints.Constraint):
    def op(self, shape: Shape) -> ops.Constraint:
        return ops.NonNegative()


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry, cls in ((gn.initializers.INITIALIZERS, Ramp), (gn.regularizers.REGULARIZERS, Heavy),
                          (gn.constraints.CONSTRAINTS, NoLess)):
        monkeypatch.setattr(registry, "_classes", dict(registry._classes))
        monkeypatch.setattr(registry, "_names", dict(registry._names))
        registry.register()(cls)


def test_layers_and_files_take_them(tmp_path: Path) -> None:
    x = gn.Input((3,))
    y = gn.layers.Dense(1, kernel_initializer=Ramp(2), kernel_regularizer="heavy", kernel_constraint="no_less",
                        name="d")(x)
    net = gn.compile(gn.Model(x, y), loss="mse", optimizer=gn.optimizers.SGD(1.0))
    assert net.weights["d/weight"].ravel().tolist() == [0, 2, 4]
    assert net.evaluate([[0, 0, 0]], [[0]]) == {"loss": 10.0 * (4 + 16)}
    net.train_on_batch([[0, 0, 0]], [[0]])
    assert net.weights["d/weight"].ravel().tolist() == [0, 0, 0]
    net.save(tmp_path / "own.gnet")
    assert gn.load(tmp_path / "own.gnet").predict([[1, 1, 1]]).tolist() == net.predict([[1, 1, 1]]).tolist()
