import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import small_networks

import graphnet as gn

pytestmark = pytest.mark.numpy_backend  # whose Programs are for one size each
X, Y = np.zeros((2, 1, 8, 8), np.float32), np.array([0, 2])


def dumped(folder: Path) -> gn.Network:
    net = small_networks.image_network(dump=folder)
    net.train_on_batch(X, Y)
    net.predict(X)
    return net


def test_a_folder_for_each_program_and_an_index(tmp_path: Path) -> None:
    net = dumped(tmp_path / "dump")
    index = json.loads((tmp_path / "dump" / "index.json").read_text())
    assert index["producer"].startswith("graphnet ")
    assert [(made["mode"], made["dims"]) for made in index["programs"]] == [("train", {"N": 2}), ("predict", {"N": 2})]
    train = index["programs"][0]
    stages = net.stages("train")
    assert [entry["file"] for entry in train["files"]] == [
        "01-train-N=2/00-declared.txt",
        *(f"01-train-N=2/{n:02}-{s.applied.name}.txt" for n, s in enumerate(stages, 1)),
        "01-train-N=2/program.txt"]
    assert [entry["changed"] for entry in train["files"][1:-1]] == [stage.changed for stage in stages]
    texts = [(tmp_path / "dump" / entry["file"]).read_text() for entry in train["files"]]
    assert texts == [stages[0].before.text, *(stage.after.text for stage in stages), net.program("train", 2).text]
    for entry, text in zip(train["files"], texts, strict=True):
        assert entry["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert train["digest"] == net.program("train", 2).digest


def test_nothing_is_written_before_a_program_is_made(tmp_path: Path) -> None:
    small_networks.image_network(dump=tmp_path / "dump")
    assert not (tmp_path / "dump").exists()


def test_an_earlier_dump_is_replaced_and_other_files_stay(tmp_path: Path) -> None:
    dumped(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "02-predict-N=2" / "notes.txt").write_text("mine too")
    small_networks.image_network(dump=str(tmp_path)).predict(X)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "01-predict-N=2", "02-predict-N=2", "index.json", "notes.txt"]
    assert [path.name for path in (tmp_path / "02-predict-N=2").iterdir()] == ["notes.txt"]


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(gn.DataError, match="holds files that no dump wrote; give a new or an empty folder"):
        small_networks.image_network(dump=tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_that_was_changed_is_not_lost(tmp_path: Path) -> None:
    dumped(tmp_path)
    changed = tmp_path / "01-train-N=2" / "program.txt"
    changed.write_text("annotated")
    with pytest.raises(gn.DataError, match=r"program\.txt was changed since it was written; move it away"):
        small_networks.image_network(dump=tmp_path)
    assert changed.read_text() == "annotated"
    assert (tmp_path / "01-train-N=2" / "00-declared.txt").exists()


@pytest.mark.parametrize("index", [
    "[]", "{", '{"producer": "graphnet 0", "programs": [{"files": [{"file": "../x.txt", "sha256": ""}]}]}',
    '{"producer": "another", "programs": []}', '{"producer": "graphnet 0", "programs": [{"files": [3]}]}'])
def test_a_foreign_index_is_refused(tmp_path: Path, index: str) -> None:
    folder = tmp_path / "dump"
    folder.mkdir()
    (folder / "index.json").write_text(index)
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(gn.DataError, match="holds files that no dump wrote"):
        small_networks.image_network(dump=folder)
    assert (tmp_path / "x.txt").exists()


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    net = small_networks.image_network(dump=tmp_path / "dump")
    (tmp_path / "dump" / "01-predict-N=2").mkdir(parents=True)
    (tmp_path / "dump" / "01-predict-N=2" / "00-declared.txt").write_text("mine")
    with pytest.raises(gn.DataError, match="is there already and no dump wrote it; move it away"):
        net.predict(X)
    assert (tmp_path / "dump" / "01-predict-N=2" / "00-declared.txt").read_text() == "mine"


@pytest.mark.parametrize("failing", ["00-declared.txt", "index.json"])
def test_a_disk_that_is_full_leaves_no_half_of_a_file(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    def replace(source: str, target: str, real: Callable[[str, str], None] = os.replace) -> None:
        if target.endswith(failing):
            raise OSError("No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    net = small_networks.image_network(dump=tmp_path)
    with pytest.raises(OSError, match="No space left"):
        net.predict(X)
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in found if path.name == failing or path.suffix not in (".txt", ".json")]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(gn.DataError, match="is a file; give the path of a folder"):
        small_networks.image_network(dump=tmp_path / "file")
    with pytest.raises(gn.ArgumentError, match="compile: dump is 3, but it must be the path of a folder"):
        small_networks.image_network(dump=3)
