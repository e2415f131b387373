"""A few real digits as IDX files, a network trained on them by the command line, and a way to run commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from digit_files import write_digits
from run_files import without_pictures

from graphnet.cli import main
from graphnet.data import Dataset, load_mnist


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the code of native Programs is kept, from test to test. Nothing else ever is."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test works in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAPHNET_CACHE", str(cache))
    return tmp_path


@pytest.fixture
def own_cache(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test has a cache of its own, `elsewhere / "cache"`, which is not there yet."""
    monkeypatch.setenv("GRAPHNET_CACHE", str(elsewhere / "cache"))


@pytest.fixture(autouse=True)
def no_pictures() -> Iterator[None]:
    """No test looks at curves but at those of `trained`, whose scope is wider than this."""
    with without_pictures():
        yield


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The sample in the package."""
    return load_mnist(cache_dir=tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="session")
def digits(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with 800 training and 200 test digits."""
    directory = tmp_path_factory.mktemp("digits")
    write_digits(directory, sample, 800, 200)
    return directory


@dataclass(frozen=True)
class Result:
    """What a command left."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """`run("train", "lenet", …)` runs a command in this process."""
    def command(*arguments: object) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())
    return command


@pytest.fixture(scope="session")
def trained(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a short training."""
    directory = tmp_path_factory.mktemp("trained") / "run"
    assert main(["train", "lenet", "--data-dir", str(digits), "--epochs", "4", "--batch-size", "32", "--lr", "0.003",
                 "--run-dir", str(directory)]) == 0
    return directory
