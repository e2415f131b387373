import os

import pytest

from graphnet.compiler.errors import DataError
from graphnet.data.files.staging import place, staging


def test_moved_files_stay_and_the_rest_goes(tmp_path):
    target = tmp_path / "a" / "b"
    with staging(target) as temporary:
        assert temporary.parent == target
        (temporary / "kept").write_bytes(b"1")
        (temporary / "dropped").write_bytes(b"2")
        os.replace(temporary / "kept", target / "kept")
    assert [path.name for path in target.iterdir()] == ["kept"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, DataError])
def test_nothing_is_left_of_a_block_that_fails(tmp_path, error):
    def fail_half_way():
        with staging(tmp_path / "a" / "b") as temporary:
            (temporary / "half").write_bytes(b"1")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


def test_directories_that_were_there_before_survive_a_failure(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(RuntimeError), staging(tmp_path / "a" / "b"):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert list((tmp_path / "a").iterdir()) == []


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(DataError, match=r"file.sub: cannot be written to: "),
        staging(tmp_path / "file" / "sub"),
    ):
        pytest.fail("the block must not run")


def test_place_replaces_a_file_in_one_step(tmp_path):
    place(tmp_path / "new" / "a", b"one")
    place(tmp_path / "new" / "a", b"two")
    assert (tmp_path / "new" / "a").read_bytes() == b"two"
    assert len(list((tmp_path / "new").iterdir())) == 1


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
