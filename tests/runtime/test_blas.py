"""The number of BLAS threads while Programs run, and that bits do not depend on the cores of a machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.runs import model_names
from graphnet.runtime import blas
from graphnet.runtime.blas import BlasThreads, blas_kind

SCRIPT = Path(__file__).parents[1] / "support" / "train_and_hash.py"
ENVIRONMENTS: tuple[dict[str, str], ...] = ({}, {"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "2"})


def hashes(cores: int, first: str, environment: dict[str, str], *arguments: str) -> str:
    plain = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, str(SCRIPT), str(cores), first, *arguments], env=plain | environment,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def threads() -> Iterator[Any]:
    """How many threads BLAS has; 3 at the beginning."""
    get, put = blas._access()
    before = get()
    put(3)
    yield get
    put(before)


def test_inside_it_is_the_number_wanted_and_outside_the_one_of_before(threads: Any) -> None:
    some = threads()
    with BlasThreads(1):
        assert threads() == 1
        with BlasThreads(None):
            assert threads() == 1
        with BlasThreads(1):
            assert threads() == 1
        assert threads() == 1
    assert threads() == some


def test_the_smallest_number_holds_for_all_that_run(threads: Any) -> None:
    some = threads()
    two, one = BlasThreads(2), BlasThreads(1)
    with two:
        with one:
            assert threads() == 1
        assert threads() == min(2, some)
    assert threads() == some
    with one, two:
        assert threads() == 1


def test_an_error_puts_the_number_back(threads: Any) -> None:
    some = threads()
    with pytest.raises(ZeroDivisionError), BlasThreads(1):
        raise ZeroDivisionError
    assert threads() == some


def test_many_threads_put_it_back(threads: Any) -> None:
    some, pin = threads(), BlasThreads(1)

    def work(_: int) -> None:
        for _ in range(300):
            with pin:
                assert threads() == 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert threads() == some


@pytest.mark.parametrize(("wanted", "seen"), [(1, 1), (2, 2), (None, 3)])
def test_a_network_runs_with_its_number_and_keeps_it_in_its_file(
        threads: Any, wanted: int | None, seen: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = min(seen, threads())  # a machine with one core has but one
    x = gn.Input((3,))
    net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", "sgd", blas_threads=wanted)
    net.save(tmp_path / "a.gnet")
    loaded = gn.load(tmp_path / "a.gnet")
    assert loaded.blas_threads == wanted
    numbers: list[int] = []
    run = gn.runtime.session.Executable.run
    monkeypatch.setattr(gn.runtime.session.Executable, "run", lambda self: (numbers.append(threads()), run(self)))
    data = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    loaded.train_on_batch(*data), loaded.fit(*data), loaded.predict(data[0]), loaded.evaluate(*data)
    loaded.loss_and_gradients(*data), loaded.gradcheck(*data, samples=1)
    assert len(numbers) > 5
    assert set(numbers) == {seen}
    assert threads() == threads()


def test_a_file_of_a_network_with_one_thread_does_not_say_so(tmp_path: Path) -> None:
    x = gn.Input((3,))
    net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", "sgd")
    net.save(tmp_path / "a.gnet")
    assert b"blas_threads" not in (tmp_path / "a.gnet").read_bytes()


@pytest.mark.parametrize("wanted", [0, -1, 1.5, True, "2", 10**9])
def test_numbers_that_are_none_are_refused(wanted: Any) -> None:
    x = gn.Input((3,))
    with pytest.raises(gn.ArgumentError, match=r"compile: blas_threads is .*, but it must be a whole number ≥ 1 and"):
        gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), blas_threads=wanted)


def test_the_kind_of_kernels_is_known() -> None:
    assert blas_kind()


@pytest.mark.numpy_backend
def test_a_resume_with_other_kernels_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    entry = gn.Input((3,))
    net = gn.compile(gn.Model(entry, gn.layers.Dense(1)(entry)), "mse", "sgd")
    net.fit(x, y, checkpoint=tmp_path / "a.gnet")
    loaded = gn.load(tmp_path / "a.gnet")
    assert loaded._fit_state is not None
    assert loaded._fit_state.blas == blas_kind()
    loaded.fit(x, y, resume=True)  # on the same one there is nothing to say
    monkeypatch.setattr("graphnet.training.resuming.blas_kind", lambda: "openblas SkylakeX")
    with pytest.warns(UserWarning, match=f"made with {blas_kind()}, and this machine computes with openblas SkylakeX"):
        gn.load(tmp_path / "a.gnet").fit(x, y, resume=True)


def test_one_core_and_two_give_the_same_bits() -> None:
    assert hashes(1, "", {}, "mlp") == hashes(2, "numpy", {"OPENBLAS_NUM_THREADS": "2"}, "mlp")


@pytest.mark.slow
def test_cores_imports_and_environment_do_not_matter_to_any_model() -> None:
    found = {hashes(cores, first, environment, *model_names())
             for cores in (1, 2) for first in ("", "numpy") for environment in ENVIRONMENTS}
    assert len(found) == 1
    assert found.pop().count("\n") == len(model_names())


@pytest.mark.slow
@pytest.mark.parametrize("name", model_names())
def test_cut_on_two_cores_and_resumed_on_one_it_ends_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    path = str(tmp_path / "c.gnet")
    hashes(2, "", {}, "cut", path, name)
    assert hashes(1, "numpy", {}, "resume", path, name) == hashes(2, "", {}, name)
