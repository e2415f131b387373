import errno
import json
import os
from pathlib import Path

import pytest

from graphnet import ArgumentError
from graphnet.runs import RunDirectory, directory, new_run_path


def test_a_new_directory_is_made_with_its_parents_but_not_before_it_is_claimed(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    with run.claimed():
        assert os.listdir(tmp_path / "a" / "b") == []
        run.begin(Path.touch)
        assert os.listdir(tmp_path / "a" / "b") == ["checkpoint.gnet"]


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".0123-4567.gnet-tmp").touch()  # a process died while it wrote its first file
    RunDirectory(tmp_path).begin(Path.touch)


def test_one_with_files_is_refused(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"file{number}").touch()
    with pytest.raises(ArgumentError, match=r"it is not empty \(file0, file1, file2, file3, file4, …\); choose"):
        RunDirectory(tmp_path)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_directory_is_refused(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("file", "dangling"):
        with pytest.raises(ArgumentError, match="it is no directory; choose another"):
            RunDirectory(tmp_path / name, overwrite)


def test_overwriting_removes_the_files_of_a_run_only(tmp_path: Path) -> None:
    for name in (*directory.FILES, "mine.txt"):
        (tmp_path / name).write_text("old")
    run = RunDirectory(tmp_path, overwrite=True)
    assert len(os.listdir(tmp_path)) == 7
    run.begin(lambda path: path.write_text("new"))
    assert sorted(os.listdir(tmp_path)) == ["checkpoint.gnet", "mine.txt"]
    assert (tmp_path / "checkpoint.gnet").read_text() == "new"


def test_a_run_that_cannot_begin_leaves_the_earlier_one(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in directory.FILES:
        (tmp_path / name).write_text("old")
    with pytest.raises(OSError, match="No space left"):
        RunDirectory(tmp_path, overwrite=True).begin(fail)
    assert sorted(os.listdir(tmp_path)) == sorted(directory.FILES)


def test_two_runs_cannot_have_one_directory(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="the system has no such locks")
    first, second = RunDirectory(tmp_path / "r"), RunDirectory(tmp_path / "r")
    with (first.claimed(), pytest.raises(ArgumentError, match="another run is writing there; wait for it, or choose"),
          second.claimed()):
        pass
    with second.claimed():
        second.begin(Path.touch)
    with first.claimed(), pytest.raises(ArgumentError, match=r"it is not empty \(checkpoint.gnet\)"):
        first.begin(Path.touch)
    assert os.listdir(tmp_path / "r") == ["checkpoint.gnet"]


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl", reason="the system has no such locks")

    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    monkeypatch.setattr(fcntl, "flock", refuse)
    with RunDirectory(tmp_path).claimed():
        pass


def test_metrics_are_strict_json(tmp_path: Path) -> None:
    RunDirectory(tmp_path).write_metrics({"loss": float("nan"), "top": float("inf"), "epochs": 3, "name": "é"})

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert found == {"loss": None, "top": None, "epochs": 3, "name": "é"}


def test_new_paths_are_never_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory.time, "strftime", lambda form: "20300102-030405")
    names = []
    for _ in range(3):
        path = new_run_path("lenet", tmp_path)
        path.mkdir()
        names.append(path.name)
    assert names == ["lenet-20300102-030405", "lenet-20300102-030405-2", "lenet-20300102-030405-3"]
