"""Saving and loading with other threads, and where the system gives none."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from gnet_samples import images

from graphnet.compiler.builder import Builder
from graphnet.runtime.gnet import Contents, Tensor, by_name, dumps, load_gnet, save_gnet
from graphnet.runtime.gnet.wire.parallel import Later, for_each


@pytest.fixture(params=["threads", "no threads"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system that gives threads, and one that does not."""
    if request.param == "no threads":
        def refuse(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")
        monkeypatch.setattr(threading.Thread, "start", refuse)
    return request.param


def large() -> Contents:
    """More than one batch of tensors."""
    chance = np.random.default_rng(0)
    return Contents(Builder("").build([]), by_name(
        Tensor(f"t{index}", "const", chance.standard_normal(3 << 20, np.float32)) for index in range(3)))


def test_files_are_saved_and_loaded(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    contents, threads = large(), threading.active_count()
    save_gnet(tmp_path / "a.gnet", contents)
    assert (tmp_path / "a.gnet").read_bytes() == dumps(contents)
    for name, tensor in load_gnet(tmp_path / "a.gnet").tensors.items():
        np.testing.assert_array_equal(tensor.array, contents.tensors[name].array)
    assert threading.active_count() == threads


SCRIPT = """
import {how}, threading
from pathlib import Path
from gnet_samples import images
from graphnet.runtime.gnet import load_gnet, save_gnet

def work():
    save_gnet("late.gnet", images())
    load_gnet("late.gnet")
    Path("done").touch()
{begin}
"""


@pytest.mark.parametrize(("how", "begin"), [
    ("atexit", "atexit.register(work)"),
    ("time", "threading.Thread(target=lambda: (time.sleep(0.3), work())).start()"),
], ids=["at exit", "after the main thread"])
def test_the_last_save_of_a_process(how: str, begin: str, tmp_path: Path) -> None:
    code = f"import sys; sys.path[:0] = {sys.path!r}\n" + SCRIPT.format(how=how, begin=begin)
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.stderr == ""
    assert (tmp_path / "done").exists()
    assert (tmp_path / "late.gnet").read_bytes() == dumps(images())


def test_later_gives_the_result_as_often_as_it_is_asked_for(system: str) -> None:
    made: list[int] = []
    later = Later(lambda: made.append(1) or len(made))
    assert (later.result(), later.result()) == (1, 1)
    later.wait()


def test_later_raises_what_was_raised(system: str) -> None:
    def fail() -> int:
        raise OSError("no")
    later = Later(fail)
    later.wait()
    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            later.result()


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("count", [0, 1, 20])
def test_each_item_is_worked_on_once(count: int, threads: int, system: str) -> None:
    seen: list[int] = []
    for_each(seen.append, range(count), threads)
    assert sorted(seen) == list(range(count))


@pytest.mark.parametrize("threads", [1, 4])
def test_the_error_of_the_first_item_is_raised(threads: int, system: str) -> None:
    def work(number: int) -> None:
        if number in (3, 5, 6):
            raise ValueError(number)
    for _ in range(20):
        with pytest.raises(ValueError, match=r"^3$"):
            for_each(work, range(10), threads)
