import sys
from pathlib import Path

import pytest

from graphnet.compiler.errors import DataError
from graphnet.data.mnist.cache import cache_root


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    for name in ("GRAPHNET_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def test_the_own_variable_comes_first(bare, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(bare / "xdg"))
    monkeypatch.setenv("GRAPHNET_CACHE", str(bare / "own"))
    assert cache_root() == bare / "own"


def test_a_tilde_means_home(bare, monkeypatch):
    monkeypatch.setenv("GRAPHNET_CACHE", "~/own")
    assert cache_root() == bare / "home" / "own"


def test_xdg_comes_second(bare, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(bare / "xdg"))
    assert cache_root() == bare / "xdg" / "graphnet"


@pytest.mark.parametrize("value", ["", "relative/xdg"])
def test_empty_and_relative_xdg_values_are_ignored(bare, monkeypatch, value):
    monkeypatch.setenv("GRAPHNET_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_root() == bare / "home" / ".cache" / "graphnet"


def test_windows_uses_local_app_data(bare, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(bare / "local"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(bare / "xdg"))
    assert cache_root() == bare / "local" / "graphnet"


def test_no_home_directory(monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(DataError, match="no home directory to keep a cache in; set GRAPHNET_CACHE"):
        cache_root()
