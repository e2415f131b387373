"""A training that was cut goes on with the backend that it was begun with, or with leave on another."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from backend_files import Cut, cut, cut_by, fit, needs_llvmlite, resume, small, without_llvmlite

import graphnet as gn
from graphnet.engine.checkpoints import FIT
from graphnet.runtime import blas
from graphnet.runtime.gnet import load_gnet


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the tests are run with."""
    monkeypatch.delenv("GRAPHNET_BACKEND", raising=False)


@needs_llvmlite
@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_it_ends_with_the_same_bits(backend: str, tmp_path: Path) -> None:
    whole = small(backend=backend)
    fit(whole, callbacks=[Cut()])
    network = gn.load(cut(small(backend=backend), tmp_path / "a.gnet"), threads=1)
    assert (network.backend, network.step) == (backend, 4)
    resume(network)
    for name, weight in whole.weights.items():
        np.testing.assert_array_equal(network.weights[name], weight)


@needs_llvmlite
@pytest.mark.parametrize(("before", "now"), [("native", "numpy"), ("numpy", "native")])
def test_another_backend_is_refused_unless_told(before: str, now: str, tmp_path: Path) -> None:
    network = gn.load(cut(small(backend=before), tmp_path / "a.gnet"), backend=now)
    with pytest.raises(gn.ArgumentError) as caught:
        resume(network)
    assert str(caught.value) == (
        f"fit: backend_change is False, but the checkpoint was trained on {before!r}, and this network runs on "
        f"{now!r}, which gives other last bits. gn.load it with backend={before!r}, or go on all the same with "
        "backend_change=True")
    assert network.step == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of another BLAS nobody need hear
        history = resume(network, backend_change=True, checkpoint=tmp_path / "b.gnet")
    assert (network.step, len(history.epochs)) == (6, 2)
    assert load_gnet(tmp_path / "b.gnet").train.get("backend", "numpy") == now
    assert gn.load(tmp_path / "b.gnet").backend == now


def test_where_the_backend_is_not_there_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cut_by("native", tmp_path / "a.gnet")
    without_llvmlite(monkeypatch)
    with pytest.warns(UserWarning, match="was trained on the native backend, and that needs llvmlite"):
        network = gn.load(path)
    with pytest.raises(gn.ArgumentError, match=re.escape(
            "other last bits: the native backend needs llvmlite, which is not installed: pip install "
            "\"llvmlite>=0.45,<0.51\". gn.load it with backend='native', or go on")):
        resume(network)
    resume(network, backend_change=True)
    assert network.step == 6


def test_before_the_first_step_any_backend_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Begun(gn.Callback):
        def on_step_end(self, network: object, step: int, logs: dict[str, float]) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(small(), checkpoint=tmp_path / "a.gnet", callbacks=[Begun()])
    without_llvmlite(monkeypatch)
    network = gn.load(tmp_path / "a.gnet")
    assert (network.step, network.backend) == (0, "numpy")
    with pytest.raises(KeyboardInterrupt):
        fit(network, resume=True, callbacks=[Begun()])


def test_it_need_not_be_told_without_need(tmp_path: Path) -> None:
    network = gn.load(cut_by("numpy", tmp_path / "a.gnet"))
    resume(network, backend_change=True)
    assert network.step == 6
    with pytest.raises(gn.ArgumentError, match="fit: backend_change is 1, but it must be True or False"):
        fit(network, backend_change=1)


@needs_llvmlite
def test_native_bits_are_those_of_no_blas(tmp_path: Path) -> None:
    """Machines that choose other kernels of BLAS get the same ones."""
    path = cut(small(backend="native"), tmp_path / "a.gnet")
    assert "blas" not in load_gnet(path).train[FIT]
    assert load_gnet(cut(small(backend="numpy"), path)).train[FIT]["blas"] == blas.blas_kind()


@needs_llvmlite
def test_steps_that_need_numpy_too_have_its_blas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphnet.runtime.native.executable import NativeExecutable

    with monkeypatch.context() as patch:
        patch.setattr(NativeExecutable, "uses_blas", True)
        path = cut(small(backend="native"), tmp_path / "a.gnet")
    assert load_gnet(path).train[FIT]["blas"] == blas.blas_kind()
    resume(gn.load(path), checkpoint=tmp_path / "b.gnet")
    assert load_gnet(tmp_path / "b.gnet").train[FIT]["blas"] == blas.blas_kind(), "of the steps before"
