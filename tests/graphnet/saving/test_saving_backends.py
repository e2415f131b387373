"""Files say which backend trained them, and are loaded for it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_files import X, fit, has_llvmlite, needs_llvmlite, small, trained_by, without_llvmlite

import graphnet as gn
from graphnet.compiler.errors import GnetFormatError
from graphnet.runtime.gnet import load_gnet

OTHER = {"native": "numpy", "numpy": "native"}


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the tests are run with."""
    monkeypatch.delenv("GRAPHNET_BACKEND", raising=False)


def said(network: gn.Network, path: Path) -> Any:
    """What the network's file says of its backend."""
    network.save(path)
    return load_gnet(path).train.get("backend")


def test_numpy_leaves_files_as_they_were(tmp_path: Path) -> None:
    network = small(backend="numpy")
    assert said(network, tmp_path / "a.gnet") is None
    fit(network)
    assert said(network, tmp_path / "a.gnet") is None
    assert gn.load(tmp_path / "a.gnet").backend == "numpy"


@needs_llvmlite
def test_native_is_said_once_a_step_was_trained(tmp_path: Path) -> None:
    network = small(backend="native")
    assert said(network, tmp_path / "a.gnet") is None
    network.predict(X)
    assert said(network, tmp_path / "a.gnet") is None
    network.train_on_batch(X[:16], np.arange(16) % 3)
    assert said(network, tmp_path / "a.gnet") == "native"
    fit(network)
    assert said(network, tmp_path / "a.gnet") == "native"
    again = gn.load(tmp_path / "a.gnet")
    assert again.backend == "native"
    np.testing.assert_array_equal(again.predict(X), network.predict(X))


@needs_llvmlite
@pytest.mark.parametrize("first", ["native", "numpy"])
def test_the_last_step_decides(first: str, tmp_path: Path) -> None:
    """Loading and saving changes nothing, whatever the network runs on meanwhile; training does."""
    network = small(backend=first)
    fit(network)
    network.save(tmp_path / "a.gnet")
    moved = gn.load(tmp_path / "a.gnet", backend=OTHER[first])
    assert moved.backend == OTHER[first]
    moved.save(tmp_path / "b.gnet")
    assert (tmp_path / "b.gnet").read_bytes() == (tmp_path / "a.gnet").read_bytes()
    fit(moved)
    assert (said(moved, tmp_path / "c.gnet") or "numpy") == OTHER[first]
    assert gn.load(tmp_path / "c.gnet").backend == OTHER[first]


@needs_llvmlite
def test_a_step_that_was_set_counts_as_done_here(tmp_path: Path) -> None:
    network = small(backend="native")
    network.step = 3
    assert said(network, tmp_path / "a.gnet") == "native"
    network.step = 0
    assert said(network, tmp_path / "a.gnet") is None


@needs_llvmlite
def test_training_goes_on_as_if_there_had_been_no_file(tmp_path: Path) -> None:
    network = small(backend="native")
    fit(network)
    network.save(tmp_path / "a.gnet")
    again = gn.load(tmp_path / "a.gnet", threads=1)
    assert again.threads == 1
    fit(network)
    fit(again)
    for name, weight in network.weights.items():
        np.testing.assert_array_equal(again.weights[name], weight)


def test_a_file_without_a_step_gets_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(backend="numpy").save(tmp_path / "a.gnet")
    assert gn.load(tmp_path / "a.gnet").backend == ("native" if has_llvmlite() else "numpy")
    monkeypatch.setenv("GRAPHNET_BACKEND", "numpy")
    assert gn.load(tmp_path / "a.gnet").backend == "numpy"


@needs_llvmlite
def test_a_file_wins_over_the_variable_and_an_argument_over_the_file(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = trained_by("native", tmp_path / "a.gnet")
    monkeypatch.setenv("GRAPHNET_BACKEND", "numpy")
    assert gn.load(path).backend == gn.load(path, backend="auto").backend == "native"
    assert gn.load(path, backend="numpy").backend == "numpy"
    monkeypatch.setenv("GRAPHNET_BACKEND", "native")
    numpy = trained_by("numpy", tmp_path / "b.gnet")
    assert gn.load(numpy).backend == "numpy"
    assert gn.load(numpy, backend="native").backend == "native"


def test_where_it_cannot_be_used_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = trained_by("native", tmp_path / "a.gnet")
    without_llvmlite(monkeypatch)
    with pytest.warns(UserWarning, match="was trained on") as caught:
        network = gn.load(path)
    assert str(caught[0].message) == (
        f"{path} was trained on the native backend, and that needs llvmlite, which is not installed: pip install "
        "\"llvmlite>=0.45,<0.51\". NumPy computes in its place, with other last bits; backend='numpy' says that it is "
        "meant")
    assert caught[0].filename == __file__
    assert network.backend == "numpy"
    network.predict(X)
    assert said(network, tmp_path / "b.gnet") == "native", "no step was trained here"
    fit(network)
    assert said(network, tmp_path / "b.gnet") is None


@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_what_was_asked_for_is_not_warned_of(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = trained_by("native", tmp_path / "a.gnet")
    without_llvmlite(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gn.load(path, backend=backend).backend == "numpy"


def test_what_is_asked_for_and_not_there_is_no_fault_of_the_file(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = trained_by("native", tmp_path / "a.gnet")
    without_llvmlite(monkeypatch)
    with pytest.raises(gn.ArgumentError, match="load: backend is 'native', but that needs llvmlite, which is not in"):
        gn.load(path, backend="native")
    with pytest.raises(gn.ArgumentError, match="load: backend is 'cuda', but it must be one of 'auto', 'native', 'n"):
        gn.load(path, backend="cuda")
    with pytest.raises(gn.ArgumentError, match="load: threads is 0, but it must be a whole number ≥ 1 and ≤ 1024"):
        gn.load(path, threads=0)


def test_a_file_that_no_native_backend_can_have_trained_is_numpys(tmp_path: Path) -> None:
    path = trained_by("native", tmp_path / "a.gnet", optimize=False)
    with pytest.warns(UserWarning, match="on the native backend, and that is not used without optimisation"):
        assert gn.load(path).backend == "numpy"


@pytest.mark.parametrize(("value", "shown"), [
    ("cuda", "'cuda'"), ("", "''"), ("auto", "'auto'"), (1, "1"), (None, "None"), (["native"], ""),
    ("native" * 9000, "")])
def test_nonsense_is_refused_by_field(value: Any, shown: str, tmp_path: Path) -> None:
    path = trained_by(value, tmp_path / "a.gnet")
    with pytest.raises(GnetFormatError) as caught:
        gn.load(path)
    assert caught.value.field == "train.backend"
    assert caught.value.reason.startswith(f"it must be one of native, native-direct, numpy, not {shown}")
    assert len(str(caught.value)) < 500


def test_a_backend_that_trained_nothing_is_refused(tmp_path: Path) -> None:
    path = trained_by("native", tmp_path / "a.gnet", step=0)
    with pytest.raises(GnetFormatError, match="it must not be there, since no step was trained") as caught:
        gn.load(path)
    assert caught.value.field == "train.backend"
