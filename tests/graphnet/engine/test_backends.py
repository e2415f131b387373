"""Which backend a network gets, and what is said where it cannot have the one that is asked for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from backend_files import has_llvmlite, needs_llvmlite, small, without_llvmlite

import graphnet as gn
from graphnet.engine import backends
from graphnet.engine.backends import LLVMLITE, why_not_native

INSTALL = 'pip install "llvmlite>=0.45,<0.51"'


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the tests are run with."""
    monkeypatch.delenv("GRAPHNET_BACKEND", raising=False)


def test_the_default_is_native_where_it_can_be() -> None:
    assert small().backend == small(backend="auto").backend == ("native" if has_llvmlite() else "numpy")
    assert small(backend="numpy").backend == "numpy"


@needs_llvmlite
def test_native_is_there() -> None:
    assert why_not_native() == ""
    assert small(backend="native").backend == "native"


@pytest.mark.parametrize("options", [{"dtype": "float64"}, {"optimize": False}])
def test_float64_and_what_is_not_optimised_are_numpys(options: Any) -> None:
    assert small(**options).backend == "numpy"
    assert small(**options, backend="auto").backend == "numpy"
    assert small(**options, backend="numpy").backend == "numpy"


@needs_llvmlite
@pytest.mark.parametrize(("options", "problem"), [({"dtype": "float64"}, "does not compute in float64"),
                                                  ({"optimize": False}, "is not used without optimisation")])
def test_native_is_refused_for_what_it_does_not_run(options: Any, problem: str, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"backend is 'native', but that {problem}; 'auto' takes NumPy where it has to"
    with pytest.raises(gn.ArgumentError, match=f"^compile: {text}$"):
        small(**options, backend="native")
    small(**options).save(tmp_path / "a.gnet")
    with pytest.raises(gn.ArgumentError, match=f"^load: {text}$"):
        gn.load(tmp_path / "a.gnet", backend="native")
    monkeypatch.setenv("GRAPHNET_BACKEND", "native")
    assert small(**options).backend == gn.load(tmp_path / "a.gnet").backend == "numpy"
    with pytest.raises(gn.GraphNetError, match=f"no code of its own to show; the native backend {problem}$"):
        small(**options).machine_code()


def test_the_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNET_BACKEND", "numpy")
    assert small().backend == "numpy"
    monkeypatch.setenv("GRAPHNET_BACKEND", "")
    assert small().backend == small(backend="auto").backend


@needs_llvmlite
def test_an_argument_wins_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNET_BACKEND", "numpy")
    assert small(backend="native").backend == small(backend="auto").backend == "native"


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNET_BACKEND", "Native")
    with pytest.raises(gn.ArgumentError) as caught:
        small()
    assert str(caught.value).startswith(
        "environment: GRAPHNET_BACKEND is 'Native', but it must be one of 'auto', 'native', 'native-direct', 'numpy'")
    assert small(backend="numpy").backend == "numpy", "it is not looked at"


def test_without_llvmlite_auto_is_numpy_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    without_llvmlite(monkeypatch)
    assert small().backend == small(backend="auto").backend == "numpy"


def test_without_llvmlite_native_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    without_llvmlite(monkeypatch)
    with pytest.raises(gn.ArgumentError) as caught:
        small(backend="native")
    assert str(caught.value) == ("compile: backend is 'native', but that needs llvmlite, which is not installed: "
                                 f"{INSTALL}; 'auto' takes NumPy where it has to")
    monkeypatch.setenv("GRAPHNET_BACKEND", "native")
    with pytest.raises(gn.ArgumentError, match="environment: GRAPHNET_BACKEND is 'native', but that needs llvmlite, "):
        small()


@pytest.mark.parametrize("version", ["0.44.0", "0.51.0", "0.9.1", "1.0", "0.51.0rc1", "unknown"])
def test_another_llvmlite_is_refused(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: name)
    monkeypatch.setattr(backends, "import_module", lambda name: SimpleNamespace(__version__=version))
    assert why_not_native() == f"needs another llvmlite than {version}, which is installed: {INSTALL}"
    assert small().backend == "numpy"
    with pytest.raises(gn.ArgumentError, match="backend is 'native', but that needs another llvmlite than"):
        small(backend="native")


@pytest.mark.parametrize("version", ["0.45.0", "0.45.1", "0.50.0", "0.50.1rc1"])
def test_versions_that_were_tried(version: str) -> None:
    assert LLVMLITE[0] <= backends._leading(version) < LLVMLITE[1]


@pytest.mark.parametrize("error", [ImportError("no library"), AttributeError("__version__")])
def test_a_broken_llvmlite_is_refused(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise error

    monkeypatch.setattr(backends, "find_spec", lambda name: name)
    monkeypatch.setattr(backends, "import_module", broken)
    assert why_not_native() == f"needs llvmlite, and the one that is installed does not work ({error}): {INSTALL}"
    assert small().backend == "numpy"


def test_threads_are_those_of_what_computes() -> None:
    assert small(backend="numpy", threads=3).threads == 1
    assert small(backend="numpy", blas_threads=2).threads == 2
    assert small(backend="numpy", blas_threads=None).threads is None


@needs_llvmlite
def test_threads_of_the_native_backend() -> None:
    from graphnet.runtime.native.workers import available_cores

    assert small(backend="native", threads=3).threads == 3
    assert small(backend="native").threads == available_cores()


@pytest.mark.parametrize("name", ["backend", "threads"])
def test_they_cannot_be_set_afterwards(name: str) -> None:
    net = small()
    with pytest.raises(gn.FrozenError) as caught:
        setattr(net, name, getattr(net, name))
    text = str(caught.value)
    assert text.startswith(f"Network: {name} cannot be set; compile the model again, gn.compile(model, …, {name}=…),")
    assert text.endswith(f", or load its file with gn.load(path, {name}=…)")
