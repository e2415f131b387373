"""`--backend`, `--threads` and `--backend-change`: what runs say of them, and what is said where they cannot be had."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from backend_files import needs_llvmlite, without_llvmlite
from digit_files import write_digits

import graphnet as gn
from graphnet.data import Dataset
from graphnet.runtime.gnet import load_gnet, save_gnet
from graphnet.runtime.native import workers
from graphnet.training import loop

COMPUTING = ("train", "evaluate", "predict", "sample", "explain", "memory", "profile", "gradcheck")
Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the tests are run with."""
    monkeypatch.delenv("GRAPHNET_BACKEND", raising=False)


@pytest.fixture(scope="module")
def few(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with 200 training and 40 test digits."""
    folder = tmp_path_factory.mktemp("few")
    write_digits(folder, sample, 200, 40)
    return folder


def words(few: Path, *more: object) -> tuple[object, ...]:
    """A short training into the directory r."""
    return ("train", "mlp", "--epochs", 2, "--batch-size", 50, "--data-dir", few, "--run-dir", "r", *more)


def cut(run: Run, few: Path, *more: object, epoch: int = 1) -> Path:
    """A run that dies after so many epochs."""
    real = loop.Loop.epoch

    def dying(self: Any) -> None:
        if self.begun == epoch:
            raise SystemError
        real(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Loop, "epoch", dying)
        with pytest.raises(SystemError):
            run(*words(few, *more))
    return Path("r/checkpoint.gnet")


def say_trained_by(backend: str, path: Path) -> None:
    """Makes a checkpoint say that another backend, which need not be there, has done its steps."""
    contents = load_gnet(path)
    state = {name: value for name, value in contents.train["fit"].items() if name != "blas"}
    save_gnet(path, replace(contents, train=contents.train | {"backend": backend, "fit": state}))


@pytest.mark.parametrize("command", COMPUTING)
def test_each_command_that_computes_has_them(command: str, run: Run) -> None:
    text = " ".join(run(command, "-h").out.split())
    usual = "auto" if command == "train" else "what the file was trained on, else auto"
    assert "--backend {auto,native,native-direct,numpy} what computes: native compiles to machine code and" in text
    assert f"(default: {usual} or what GRAPHNET_BACKEND says)" in text
    assert "--threads N threads of the native backend; they have no say in any bit (default: the cores that" in text


@pytest.mark.parametrize("backend", ["numpy", pytest.param("native", marks=needs_llvmlite)])
def test_a_run_names_backend_and_threads(backend: str, few: Path, run: Run) -> None:
    assert run(*words(few, "--backend", backend, "--threads", 2)).code == 0
    figures = json.loads(Path("r/metrics.json").read_text())
    threads = 2 if backend == "native" else 1
    assert (figures["backend"], figures["threads"]) == (backend, threads)
    assert ("llvmlite" in figures["versions"]) == (backend == "native")
    assert f"\nbackend: {backend}\nthreads: {threads}\n" in Path("r/log.txt").read_text()
    assert gn.load("r/model.gnet").backend == backend
    result = run("evaluate", "r/model.gnet", "--data-dir", few, "--backend", "auto", "--threads", 1)
    assert (result.code, result.err) == (0, "")


@needs_llvmlite
def test_without_threads_there_are_as_many_as_cores(few: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "available_cores", lambda: 3)
    assert run(*words(few, "--backend", "native")).code == 0
    assert json.loads(Path("r/metrics.json").read_text())["threads"] == 3


@pytest.mark.parametrize(("given", "text"), [
    (("--backend", "cuda"), "argument --backend: invalid choice: 'cuda' (choose from"),
    (("--threads", 0), "argument --threads: it must be a whole number from 1 to 1024, not '0'")])
def test_what_is_none_is_refused(given: tuple[object, ...], text: str, few: Path, run: Run) -> None:
    result = run(*words(few, *given))
    assert result.code == 2
    assert text in result.err


def test_native_where_it_is_not(few: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    without_llvmlite(monkeypatch)
    result = run(*words(few, "--backend", "native"))
    assert result.code == 2
    assert result.err == ("graphnet: compile: --backend is 'native', but that needs llvmlite, which is not installed: "
                          "pip install \"llvmlite>=0.45,<0.51\"; 'auto' takes NumPy where it has to\n")
    assert not Path("r").exists()
    monkeypatch.setenv("GRAPHNET_BACKEND", "nativ")
    result = run(*words(few))
    assert result.code == 2
    assert result.err.startswith("graphnet: environment: GRAPHNET_BACKEND is 'nativ', but it must be one of 'auto',")


@pytest.mark.filterwarnings("always::UserWarning")
def test_a_file_of_a_backend_that_is_not_there(few: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says it, without Python's own words around it."""
    assert run(*words(few, "--backend", "numpy")).code == 0
    contents = load_gnet("r/model.gnet")
    save_gnet("r/model.gnet", replace(contents, train=contents.train | {"backend": "native"}))
    without_llvmlite(monkeypatch)
    result = run("evaluate", "r/model.gnet", "--data-dir", few)
    assert result.code == 0
    assert result.err.startswith("graphnet: r/model.gnet was trained on the native backend, and that needs llvmlite")
    assert result.err.count("\n") == 1
    assert run("evaluate", "r/model.gnet", "--data-dir", few, "--backend", "numpy").err == ""


@needs_llvmlite
@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_a_resumed_run_keeps_its_backend(backend: str, few: Path, run: Run) -> None:
    assert run(*words(few, "--backend", backend)).code == 0
    whole = Path("r/model.gnet").read_bytes()
    cut(run, few, "--backend", backend, "--threads", 2, "--overwrite")
    result = run("train", "--resume", "r")
    assert (result.code, result.out.splitlines()[0]) == (0, "resumed after 4 of 8 steps")
    assert Path("r/model.gnet").read_bytes() == whole
    figures = json.loads(Path("r/metrics.json").read_text())
    assert (figures["backend"], figures["threads"]) == (backend, 2 if backend == "native" else 1)


@needs_llvmlite
def test_another_backend_has_to_be_allowed(few: Path, run: Run) -> None:
    before = cut(run, few, "--backend", "native").read_bytes()
    result = run("train", "--resume", "r", "--backend", "numpy")
    assert result.code == 2
    assert result.err == ("graphnet: train: --backend is 'numpy', but the run in r was trained on 'native'; leave it "
                          "out to go on. --backend-change goes on all the same, with other last bits\n")
    assert Path("r/checkpoint.gnet").read_bytes() == before
    result = run("train", "--resume", "r", "--backend", "numpy", "--backend-change")
    assert result.code == 0
    assert result.out.splitlines()[0] == "resumed after 4 of 8 steps (backend native → numpy: the last bits may differ)"
    assert json.loads(Path("r/metrics.json").read_text())["backend"] == gn.load("r/model.gnet").backend == "numpy"


def test_a_run_whose_backend_is_not_there(few: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    say_trained_by("native", cut(run, few, "--backend", "numpy"))
    without_llvmlite(monkeypatch)
    result = run("train", "--resume", "r")
    assert result.code == 2
    assert result.err == ("graphnet: train: --backend is 'numpy', but the run in r was trained on 'native', and that "
                          "needs llvmlite, which is not installed: pip install \"llvmlite>=0.45,<0.51\". "
                          "--backend-change goes on all the same, with other last bits\n")
    assert run("train", "--resume", "r", "--backend-change").code == 0


def test_a_run_without_a_step_is_begun_on_what_was_asked_for(few: Path, run: Run) -> None:
    cut(run, few, "--backend", "numpy", epoch=0)
    assert run("train", "--resume", "r").code == 0
    assert json.loads(Path("r/metrics.json").read_text())["backend"] == "numpy"


@pytest.mark.parametrize(("key", "value", "text"), [
    ("backend", "cuda", "meta.run.settings.backend: it must be one of auto, native, native-direct, numpy, not 'cuda'"),
    ("threads", 0, "meta.run.settings.threads: it must be nil or from 1 to 1024")])
def test_nonsense_in_a_checkpoint_is_refused(key: str, value: Any, text: str, few: Path, run: Run) -> None:
    path = cut(run, few, "--backend", "numpy")
    contents = load_gnet(path)
    contents.meta["run"]["settings"][key] = value
    save_gnet(path, contents)
    result = run("train", "--resume", "r")
    assert result.code == 1
    assert text in result.err


def test_a_checkpoint_from_before_there_were_backends(few: Path, run: Run) -> None:
    path = cut(run, few, "--backend", "numpy")
    contents = load_gnet(path)
    for name in ("backend", "threads"):
        del contents.meta["run"]["settings"][name]
    save_gnet(path, contents)
    assert run("train", "--resume", "r").code == 0
    assert gn.load("r/model.gnet").backend == "numpy"
