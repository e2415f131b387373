"""A small network, and files that say which backend trained it."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.engine import backends
from graphnet.engine.checkpoints import FIT
from graphnet.runtime.gnet import dumps, load_gnet
from graphnet.saving.saving import contents_of

X, Y = np.random.default_rng(5).random((48, 6), np.float32), np.arange(48) % 3


def has_llvmlite() -> bool:
    """Whether there is one at all."""
    return find_spec("llvmlite") is not None


needs_llvmlite = pytest.mark.skipif(not has_llvmlite(), reason="llvmlite is not installed")


def without_llvmlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on llvmlite is not found."""
    monkeypatch.setattr(backends, "find_spec", lambda name: None)


def small(**options: Any) -> gn.Network:
    """A classifier that has not been trained."""
    x = gn.Input((6,), name="x")
    h = gn.layers.Dense(8, activation="tanh")(x)
    return gn.compile(gn.Model(x, gn.layers.Dense(3)(h), name="small"), "softmax_cross_entropy", "adam", ["accuracy"],
                      **options)


def fit(network: gn.Network, **options: Any) -> gn.History:
    """Trains for six steps."""
    return network.fit(X, Y, batch_size=16, epochs=2, verbose=0, **options)


def trained_by(backend: Any, path: Path, **train: Any) -> Path:
    """A file of a trained network that says that this backend did it, which need not be there; `train` goes on top."""
    network = small(backend="numpy")
    fit(network)
    contents = contents_of(network)
    path.write_bytes(dumps(replace(contents, train=contents.train | {"backend": backend} | train)))
    return path


class Cut(gn.Callback):
    """Ends a training after a step. It keeps nothing, so that a resumed training can go on without it."""

    def __init__(self, step: int | None = None) -> None:
        self.step = step

    def on_step_end(self, network: object, step: int, logs: dict[str, float]) -> None:
        """Stands for the moment at which a process dies."""
        if step == self.step:
            raise KeyboardInterrupt


def cut(network: gn.Network, path: Path) -> Path:
    """A checkpoint of step 4 of 6."""
    with pytest.raises(KeyboardInterrupt):
        fit(network, checkpoint=gn.Checkpoint(path, 2), callbacks=[Cut(5)])
    return path


def cut_by(backend: str, path: Path) -> Path:
    """A checkpoint of step 4 of 6 that says that this backend did it, which need not be there."""
    contents = load_gnet(cut(small(backend="numpy"), path))
    if backend == "numpy":
        return path
    state = {name: value for name, value in contents.train[FIT].items() if name != "blas"}
    path.write_bytes(dumps(replace(contents, train=contents.train | {"backend": backend, FIT: state})))
    return path


def resume(network: gn.Network, **options: Any) -> gn.History:
    """Goes on with such a training."""
    return fit(network, callbacks=[Cut()], resume=True, **options)
