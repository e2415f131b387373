import os

import pytest

from graphnet.compiler.errors import DataError
from graphnet.data.files.files import regular_file


def test_a_plain_file_passes_and_comes_back_as_a_path(tmp_path):
    (tmp_path / "a").touch()
    assert regular_file(str(tmp_path / "a")) == tmp_path / "a"


def test_refuses_what_is_not_there(tmp_path):
    with pytest.raises(DataError, match="a: cannot be read: No such file or directory"):
        regular_file(tmp_path / "a")


def test_refuses_a_directory(tmp_path):
    with pytest.raises(DataError, match="expected a regular file, found a directory"):
        regular_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_refuses_a_pipe_instead_of_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="expected a regular file, found a pipe or a device"):
        regular_file(tmp_path / "pipe")
