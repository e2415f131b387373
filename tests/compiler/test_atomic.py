"""A save replaces the whole file or nothing; what fails on the way leaves the old file and no litter."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest
from gnet_samples import dtypes, images, sample_bytes

from graphnet.compiler import atomic
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ArgumentError
from graphnet.runtime.gnet import Contents, Tensor, by_name, dumps, load_gnet, save_gnet

IMAGES, DTYPES = sample_bytes("images"), sample_bytes("dtypes")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.gnet"
    save_gnet(path, images())
    return path


@pytest.fixture
def calls(monkeypatch):
    """The names of the system calls of a save, in order, without the cleaning before it."""
    recorded = []

    def record(name):
        real = getattr(os, name)

        def call(*args, **kwargs):
            kind = "folder " if name == "fsync" and stat.S_ISDIR(os.fstat(args[0]).st_mode) else ""
            recorded.append(kind + name)
            return real(*args, **kwargs)
        monkeypatch.setattr(os, name, call)
    for name in ("write", "fsync", "replace"):
        record(name)
    return recorded


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_the_order_is_write_sync_replace_sync_folder(path, calls):
    save_gnet(path, dtypes())
    assert set(calls[:-3]) == {"write"}
    assert calls[-3:] == ["fsync", "replace", "folder fsync"]


def test_many_bytes_are_synced_while_their_checksums_are_taken_and_all_of_them_before_the_replacement(path, calls):
    big = Contents(Builder("").build([]), by_name([Tensor("big", "const", np.zeros(3 << 20, np.float32))]))
    save_gnet(path, big)
    assert calls == ["write", "fsync", "write", "fsync", "replace", "folder fsync"]
    assert path.read_bytes() == dumps(big)


@pytest.mark.parametrize("empty", [0, 1, 40])
def test_checksums_with_short_encodings_move_the_tensors(empty, tmp_path):
    """The tensors are written before their checksums are known; that of an empty one is 0, which takes one byte."""
    tensors = [Tensor(f"empty{i}", "const", np.empty((0, 3), np.float32)) for i in range(empty)]
    tensors += [Tensor("full", "const", np.arange(7.0)), Tensor("last", "const", np.empty(0))]
    contents = Contents(Builder("").build([]), by_name(tensors))
    save_gnet(tmp_path / "a.gnet", contents)
    assert (tmp_path / "a.gnet").read_bytes() == dumps(contents)
    np.testing.assert_array_equal(load_gnet(tmp_path / "a.gnet").tensors["full"].array, np.arange(7.0))
    assert names(tmp_path) == ["a.gnet"]


def test_the_file_is_closed_before_it_is_put_in_place(path, monkeypatch):
    descriptors = []
    monkeypatch.setattr(os, "fsync", lambda fd, real=os.fsync: (descriptors.append(fd), real(fd))[1])

    def replace(source, target, real=os.replace):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptors[0])
        real(source, target)
    monkeypatch.setattr(os, "replace", replace)
    save_gnet(path, dtypes())
    assert path.read_bytes() == DTYPES


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "chmod"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_leaves_the_old_file(call, code, path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=os.strerror(code)):
        save_gnet(path, dtypes())
    monkeypatch.undo()
    assert path.read_bytes() == IMAGES
    assert names(path.parent) == ["model.gnet"]
    save_gnet(path, dtypes())
    assert path.read_bytes() == DTYPES


def test_a_disk_that_fills_up_halfway_leaves_the_old_file(path, monkeypatch):
    written = []

    def write(fd, data, real=os.write):
        if sum(written) > 500:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(real(fd, data[:100]))  # a short write, which must be carried on
        return written[-1]
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space left"):
        save_gnet(path, dtypes())
    monkeypatch.undo()
    assert path.read_bytes() == IMAGES
    assert names(path.parent) == ["model.gnet"]


def test_short_writes_are_carried_on(path, monkeypatch):
    monkeypatch.setattr(os, "write", lambda fd, data, real=os.write: real(fd, data[:7]))
    save_gnet(path, dtypes())
    assert path.read_bytes() == DTYPES


def test_an_interrupt_leaves_the_old_file(path, monkeypatch):
    def interrupt(fd):
        raise KeyboardInterrupt
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_gnet(path, dtypes())
    assert path.read_bytes() == IMAGES
    assert names(path.parent) == ["model.gnet"]


def test_a_failing_sync_of_the_folder_is_reported_and_the_new_file_is_there(path, monkeypatch):
    def fsync(fd, real=os.fsync):
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(fd)
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output error"):
        save_gnet(path, dtypes())
    assert path.read_bytes() == DTYPES


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_the_mode_of_the_file_is_kept(mode, path):
    path.chmod(mode)
    save_gnet(path, dtypes())
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_gets_the_mode_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        save_gnet(tmp_path / "new.gnet", images())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.gnet").stat().st_mode) == 0o640


def test_the_temporary_of_a_private_file_is_private(path, monkeypatch):
    path.chmod(0o600)
    modes = []

    def write(fd, data, real=os.write):
        modes.append(os.fstat(fd).st_mode)
        return real(fd, data)
    monkeypatch.setattr(os, "write", write)
    save_gnet(path, dtypes())
    assert {stat.S_IMODE(mode) for mode in modes} == {0o600}


def test_links_are_followed_and_stay_links(path, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = folder / "link.gnet"
    link.symlink_to("../model.gnet")
    save_gnet(link, dtypes())
    assert link.is_symlink()
    assert path.read_bytes() == DTYPES
    assert names(folder) == ["link.gnet"]


def test_a_dangling_link_gets_its_target(tmp_path):
    link = tmp_path / "link.gnet"
    link.symlink_to(tmp_path / "later.gnet")
    save_gnet(link, images())
    assert (tmp_path / "later.gnet").read_bytes() == IMAGES
    assert link.is_symlink()


def test_a_relative_path_and_a_long_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_gnet("a.gnet", images())
    save_gnet("n" * 250 + ".gnet", images())
    assert names(tmp_path) == ["a.gnet", "n" * 250 + ".gnet"]


def leave_temporary(path):
    """What a process leaves that dies in the middle of a save."""
    code = ("import os, sys, signal; from graphnet.runtime.gnet import save_gnet; import gnet_samples as s\n"
            "os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGKILL)\n"
            f"save_gnet({str(path)!r}, s.dtypes())")
    child = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert child.returncode == -9
    (name,) = [name for name in names(path.parent) if name.endswith(".gnet-tmp")]
    return path.parent / name


def test_the_leftover_of_a_dead_process_is_removed_by_the_next_save(path):
    leftover = leave_temporary(path)
    assert path.read_bytes() == IMAGES
    save_gnet(path.parent / "other.gnet", images())
    assert leftover.exists()  # not its target: none of its business
    save_gnet(path, dtypes())
    assert names(path.parent) == ["model.gnet", "other.gnet"]


def test_the_temporary_of_a_living_process_is_left_alone(path, monkeypatch):
    seen = []

    def fsync(fd, real=os.fsync):
        if not seen:
            seen.append(names(path.parent))
            atomic.remove_stale(str(path.parent), atomic._prefix(str(path)))
            assert names(path.parent) == seen[0]
        real(fd)
    monkeypatch.setattr(os, "fsync", fsync)
    save_gnet(path, dtypes())
    assert len(seen[0]) == 2
    assert path.read_bytes() == DTYPES


def test_a_link_in_the_place_of_a_temporary_is_not_followed(path):
    victim = path.parent / "victim"
    victim.write_text("precious")
    name = f"{atomic._prefix(str(path))}{'0' * 16}.gnet-tmp"
    (path.parent / name).symlink_to(victim)
    save_gnet(path, dtypes())
    assert victim.read_text() == "precious"


def test_saves_from_many_threads_leave_one_whole_file(path):
    makers = [images, dtypes] * 3

    def save(make):
        for _ in range(10):
            save_gnet(path, make())
    threads = [threading.Thread(target=save, args=(make,)) for make in makers]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        load_gnet(path)
    for thread in threads:
        thread.join()
    assert path.read_bytes() in (IMAGES, DTYPES)
    assert names(path.parent) == ["model.gnet"]


def test_without_locks_a_save_works_and_removes_what_it_can(path, monkeypatch):
    leftover = path.parent / f"{atomic._prefix(str(path))}{'0' * 16}.gnet-tmp"
    leftover.write_bytes(b"half")
    monkeypatch.setattr(atomic, "fcntl", None)
    save_gnet(path, dtypes())
    assert path.read_bytes() == DTYPES
    assert names(path.parent) == ["model.gnet"]


def test_a_folder_that_takes_no_files_is_named(path, monkeypatch):
    def refuse(name, flags, *rest, real=os.open):
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return real(name, flags, *rest)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError) as caught:
        save_gnet(path, dtypes())
    assert str(caught.value) == f"[Errno 13] Permission denied: '{path.parent}'"


def test_a_folder_that_cannot_be_read_takes_the_file(path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    def open_file(name, flags, *rest, real=os.open):
        return refuse() if os.path.isdir(name) else real(name, flags, *rest)
    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "open", open_file)
    save_gnet(path, dtypes())
    monkeypatch.undo()
    assert path.read_bytes() == DTYPES
    assert names(path.parent) == ["model.gnet"]


def test_a_path_that_ends_as_a_folder_does_is_refused(path):
    for name in (f"{path}{os.sep}", f"{path.parent / 'new'}{os.sep}"):
        with pytest.raises(ArgumentError, match="it must be a file, and this ends as a folder does"):
            save_gnet(name, dtypes())
    assert names(path.parent) == ["model.gnet"]


def test_what_is_there_is_only_replaced_if_it_may_be(path):
    with pytest.raises(FileExistsError) as caught:
        atomic.replace_file(path, [b"new"], overwrite=False)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == IMAGES
    atomic.replace_file(path.parent / "new", [b"one", memoryview(b"two")], overwrite=False)
    assert (path.parent / "new").read_bytes() == b"onetwo"
    assert names(path.parent) == ["model.gnet", "new"]


def test_what_comes_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    def fsync(fd, real=os.fsync):
        (tmp_path / "new").write_bytes(b"theirs")
        real(fd)
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(FileExistsError):
        atomic.replace_file(tmp_path / "new", [b"mine"], overwrite=False)
    assert (tmp_path / "new").read_bytes() == b"theirs"
    assert names(tmp_path) == ["new"]


def test_a_new_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="Input/output error"):
        atomic.replace_file(tmp_path / "new", [b"mine"], overwrite=False)
    assert names(tmp_path) == []


def test_the_refusal_names_its_owner(tmp_path):
    with pytest.raises(ArgumentError, match=r"plot: path is .*, but its folder must exist; create it first"):
        atomic.replace_file(tmp_path / "nowhere" / "a", [b""], owner="plot")
    with pytest.raises(ArgumentError, match=r"save: path is .*, but only a regular file can be replaced"):
        atomic.replace_file(tmp_path, [b""])


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "chmod"])
def test_a_full_disk_names_the_file_that_was_asked_for(call, path, monkeypatch):
    """And neither none nor the temporary one, of which nobody knows."""
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *args[:call in ("replace", "chmod")])
    monkeypatch.chdir(path.parent)
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=r"No space left on device: 'model\.gnet'") as caught:
        save_gnet("model.gnet", dtypes())
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "model.gnet")


def end_saver(path, before=""):
    """Runs a process that is sent a SIGTERM in the middle of a save."""
    code = ("import os, sys, signal; from graphnet.runtime.gnet import save_gnet; import gnet_samples as s\n"
            "os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGTERM)\n"
            f"{before}\nsave_gnet({str(path)!r}, s.dtypes())\nprint('went on')")
    return subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                          capture_output=True, text=True)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM to answer")
def test_a_process_that_is_asked_to_end_leaves_the_old_file_and_no_litter(path):
    child = end_saver(path)
    assert (child.returncode, child.stdout) == (-signal.SIGTERM, "")
    assert path.read_bytes() == IMAGES
    assert names(path.parent) == ["model.gnet"]


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM to answer")
def test_who_answers_a_request_to_end_is_not_disturbed(path):
    child = end_saver(path, "signal.signal(signal.SIGTERM, lambda *_: print('asked'))")
    assert (child.returncode, child.stdout.split()) == (0, ["asked", "asked", "went", "on"])  # twice: a folder too
    assert path.read_bytes() == DTYPES
    assert names(path.parent) == ["model.gnet"]


def test_a_save_leaves_the_answer_to_a_request_to_end_as_it_was(path):
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    save_gnet(path, dtypes())
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
