"""Code that is kept from process to process: right results whatever the folder and the files in it are like."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import graphnet as gn
from graphnet.runtime.native import cache, known
from graphnet.runtime.native.cache import CodeCache

pytest.importorskip("llvmlite")
POSIX = pytest.mark.skipif(os.name == "nt", reason="owners and modes are POSIX's")


@pytest.fixture
def store(tmp_path: Path) -> CodeCache:
    return CodeCache(tmp_path / "own" / "native")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where networks of this process keep code from now on."""
    monkeypatch.setenv("GRAPHNET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "native"


@pytest.fixture(autouse=True)
def forgetful() -> None:
    """What a process knows of kernels is read anew, as by a new one."""
    known._facts.cache_clear()


def predicted() -> bytes:
    """What a network makes of some samples, computed natively by code that is looked for anew."""
    x = gn.Input((5,), name="x")
    net = gn.compile(gn.Model(x, gn.layers.Dense(3, activation="tanh")(x)), "mse", "sgd", backend="native", threads=1)
    rows = np.linspace(-1, 1, 35).reshape(7, 5)
    net.train_on_batch(rows, np.zeros((7, 3)))
    return bytes(net.predict(rows).tobytes())


def one_file(store: CodeCache) -> Path:
    return store.files()[0][0]


def test_what_is_written_is_read(store):
    assert store.read("a") is None
    store.write("a", b"one")
    store.write("b", b"two")
    assert (store.read("a"), store.read("b"), store.read("c")) == (b"one", b"two", None)


@POSIX
def test_the_folder_is_the_users_alone(store):
    store.write("a", b"one")
    assert store.folder.stat().st_mode & 0o777 == 0o700


@POSIX
def test_a_folder_that_others_may_write_to_is_not_used(store):
    store.write("a", b"one")
    store.folder.chmod(0o770)
    assert (store.refusal, store.read("a"), store.clear()) == ("others may write to it", None, 0)
    store.write("b", b"two")
    assert len(store.files()) == 1


@POSIX
def test_a_folder_of_another_user_is_not_used(store, monkeypatch):
    store.write("a", b"one")
    monkeypatch.setattr(os, "geteuid", lambda: store.folder.stat().st_uid + 1)
    assert (store.refusal, store.read("a")) == ("it belongs to another user", None)


@pytest.mark.parametrize("harm", [lambda d: b"", lambda d: d[:-1], lambda d: d[:20], lambda d: d + b"x",
                                  lambda d: d[:-1] + bytes([d[-1] ^ 1]), lambda d: bytes([d[0] ^ 1]) + d[1:]],
                         ids=["empty", "cut", "cut hash", "longer", "changed", "changed hash"])
def test_a_file_that_was_changed_is_as_none(store, harm):
    store.write("a", b"one")
    path = one_file(store)
    path.write_bytes(harm(path.read_bytes()))
    assert store.read("a") is None
    store.write("a", b"one")
    assert store.read("a") == b"one"


def test_a_file_under_another_name_is_as_none(store):
    store.write("a", b"one")
    first = one_file(store)
    store.write("b", b"two")
    first.write_bytes(next(path for path, _ in store.files() if path != first).read_bytes())
    assert (store.read("a"), store.read("b")) == (None, b"two")


def test_what_was_not_used_for_longest_goes(tmp_path):
    store = CodeCache(tmp_path / "native", limit=400)
    for number, key in enumerate("abcd"):
        store.write(key, bytes(68))
        os.utime(store._path(key), (number, number))
    store.read("a")
    store.write("e", bytes(68))
    assert {key for key in "abcde" if store.read(key)} == set("acde")


def test_threads_write_at_once(store):
    threads = [threading.Thread(target=store.write, args=("a", bytes([n]) * 10_000)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.read("a")
    assert len(set(found or b"")) == 1
    assert len(store.files()) == 1


def test_everything_goes(store):
    store.write("a", b"one")
    (store.folder / "mine.txt").write_text("stays")
    assert (store.clear(), store.clear(), store.files()) == (1, 0, [])
    assert [path.name for path in store.folder.iterdir()] == ["mine.txt"]


def test_a_network_keeps_its_code_and_finds_it(place, monkeypatch):
    first = predicted()
    assert place.is_dir()

    def never(*_: object) -> bytes:
        raise AssertionError("compiled again")

    known._facts.cache_clear()
    monkeypatch.setattr(cache, "compile_text", never)
    assert predicted() == first


@pytest.mark.usefixtures("place")
def test_ops_that_differ_in_a_number_have_kernels_of_their_own():
    rows = np.random.default_rng(0).normal(size=(3, 4))
    for slope in (0.1, 0.3, 0.0, -0.0):
        x = gn.Input((4,), name="x")
        model = gn.Model(x, gn.layers.LeakyReLU(slope)(gn.layers.Dense(5)(x)))
        native, plain = (gn.compile(model, "mse", "sgd", seed=0, backend=name).predict(rows)
                         for name in ("native", "numpy"))
        np.testing.assert_allclose(native, plain, 1e-5, 1e-6)
        np.testing.assert_array_equal(np.signbit(native), np.signbit(plain))


def test_other_sources_other_code(place, monkeypatch):
    first = predicted()
    count = len(list(place.iterdir()))
    monkeypatch.setattr(cache, "source_digest", lambda: "another")
    assert predicted() == first
    assert len(list(place.iterdir())) > count


@pytest.mark.parametrize("harm", [lambda d: b"", lambda d: d[:100], lambda d: bytes(len(d)), lambda d: b"\x7fELF" + d])
def test_files_that_were_changed_are_made_anew(place, harm):
    first = predicted()
    sound = {path: path.read_bytes() for path in place.iterdir()}
    for path, data in sound.items():
        path.write_bytes(harm(data))
    known._facts.cache_clear()
    assert predicted() == first
    assert {path: path.read_bytes() for path in place.iterdir()} == sound


def test_without_a_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    found = set()
    for value in ("off", str(tmp_path / "file"), str(tmp_path / "file" / "deeper"), "~nosuchuser/x", "/proc/nothing"):
        monkeypatch.setenv("GRAPHNET_CACHE", value)
        found.add(predicted())
    assert len(found) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_to(place, monkeypatch, number):
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(cache, "replace_file", refuse)
    assert predicted() == predicted()
    assert list(place.iterdir()) == []


def test_two_processes_at_once(place):
    program = ("import sys; sys.path[:0] = [sys.argv[1], sys.argv[2]]\nimport test_cache\n"
               "print(test_cache.predicted().hex())")
    root = str(Path(__file__).parents[3])
    running = [subprocess.Popen([sys.executable, "-c", program, root, str(Path(__file__).parent)], cwd=root, text=True,
                                stdout=subprocess.PIPE) for _ in range(3)]
    assert {process.communicate()[0].strip() for process in running} == {predicted().hex()}
