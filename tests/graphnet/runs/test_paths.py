"""Paths in checkpoints: any that a file system has, in any locale."""

import os

import pytest

from graphnet.compiler.errors import GnetFormatError
from graphnet.runs.options import Option
from graphnet.runs.paths import pack_path, unpack_path, with_paths
from graphnet.runs.recipe import Settings

LATIN = os.fsdecode(b"caf\xe9/r")  # no UTF-8, as old archives leave it


@pytest.mark.parametrize("path", ["", "runs/r", "café/r", LATIN, "a b\n", "日本"])
def test_a_path_comes_back(path: str) -> None:
    packed = pack_path(path)
    assert packed.encode("utf-8").decode("utf-8") == packed
    assert unpack_path(packed) == path
    assert (packed == path) == (path != LATIN)  # what earlier files hold is what it always was


def test_the_bytes_are_the_same_in_every_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack_path("café/r")
    with monkeypatch.context() as patch:  # as the C locale has it
        patch.setattr(os, "fsencode", lambda path: path.encode("ascii", "surrogateescape"))
        patch.setattr(os, "fsdecode", lambda raw: raw.decode("ascii", "surrogateescape"))
        here = unpack_path(packed)
        assert here == "caf\udcc3\udca9/r"
        assert pack_path(here) == packed
        assert pack_path(unpack_path(pack_path(LATIN))) == pack_path(LATIN)


@pytest.mark.parametrize("text", ["\0xyz", "\0e", "\000a00", "a\0b"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(GnetFormatError, match="it has a path "):
        unpack_path(text)


def test_all_paths_of_the_settings_and_nothing_else() -> None:
    settings = Settings(1, 1, "adam", 0.1, "constant", data_dir="a", options={"text": "b", "cell": "lstm", "units": 3})
    options = {"text": Option("text", "", is_path=True), "cell": Option("cell", "lstm"), "units": Option("units", 2)}
    changed = with_paths(str.upper, settings, options)
    assert (changed.data_dir, changed.options) == ("A", {"text": "B", "cell": "lstm", "units": 3})
    assert with_paths(str.upper, Settings(1, 1, "adam", 0.1, "constant"), {}).data_dir is None
