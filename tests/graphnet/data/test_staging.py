import os
import stat

import pytest

from graphnet.compiler.errors import DataError
from graphnet.data.files.staging import making, place


def test_what_the_block_places_stays(tmp_path):
    target = tmp_path / "a" / "b"
    with making(target):
        place(target / "kept", b"1")
    assert [path.name for path in target.iterdir()] == ["kept"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, DataError])
def test_nothing_is_left_of_a_block_that_fails(tmp_path, error):
    with pytest.raises(error), making(tmp_path / "a" / "b"):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_directories_that_were_there_before_survive_a_failure(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(RuntimeError), making(tmp_path / "a" / "b"):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert list((tmp_path / "a").iterdir()) == []


def test_directories_that_hold_something_survive_a_failure(tmp_path):
    def fail_after_a_file():
        with making(tmp_path / "a" / "b"):
            place(tmp_path / "a" / "kept", b"1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_a_file()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["kept"]


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(DataError, match=r"file.sub: cannot be written to: "),
        making(tmp_path / "file" / "sub"),
    ):
        pytest.fail("the block must not run")


def test_a_directory_that_takes_no_files_is_found_out_before_the_block(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    with (
        pytest.raises(DataError, match=r"a: cannot be written to: .*Permission denied"),
        making(tmp_path / "a"),
    ):
        pytest.fail("the block must not run")
    assert list(tmp_path.iterdir()) == []


def test_place_replaces_a_file_in_one_step(tmp_path):
    place(tmp_path / "new" / "a", b"one")
    place(tmp_path / "new" / "a", b"two")
    assert (tmp_path / "new" / "a").read_bytes() == b"two"
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_place_keeps_the_mode_of_a_file(tmp_path):
    place(tmp_path / "a", b"one")
    (tmp_path / "a").chmod(0o600)
    place(tmp_path / "a", b"two")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_place_keeps_the_old_file_when_the_disk_refuses(tmp_path, monkeypatch):
    def refuse(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    place(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(DataError, match=r"cannot be written to: .*No space left on device"):
        place(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_place_refuses_a_directory(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="cannot be written to: "):
        place(tmp_path / "a", b"new")
