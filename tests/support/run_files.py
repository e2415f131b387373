"""Short runs by the command line, and whether two of them left the same files.

Drawing the curves takes longer than such a run: where no test looks at the picture, `without_pictures` has a run write
the numbers that it would show.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from graphnet.runs import job

FILES = ["curves.png", "log.csv", "log.txt", "metrics.json", "model.gnet"]


@contextmanager
def without_pictures() -> Iterator[None]:
    """Within the block `curves.png` is a text of all that the picture depends on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "plot_curves", lambda *shown: shown)
        patch.setattr(job, "figure_bytes", lambda shown: repr(shown).encode())
        yield


def arguments(name: str, few: Path) -> list[str]:
    """The command that trains a model on little data."""
    data = (["--set", f"text={few / 'tales.txt'}", "--set", "units=8", "--batch-size", "4"] if name == "char_rnn" else
            ["--data-dir", str(few), "--batch-size", "40"])
    return ["train", name, *data, "--epochs", "2"]


def rows(folder: Path) -> list[dict[str, str]]:
    """The rows of log.csv without what depends on the time of day."""
    with (folder / "log.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def figures(folder: Path) -> dict[str, Any]:
    """metrics.json likewise."""
    found = json.loads((folder / "metrics.json").read_text())
    assert found.pop("train_seconds") > 0
    return found


def lines(folder: Path) -> list[str]:
    """The lines of log.txt likewise, without those that say that the run was resumed or interrupted."""
    text = (folder / "log.txt").read_text().splitlines()
    return [line.rpartition("  ")[0] if line.startswith("epoch") else line.partition("  in ")[0] for line in text
            if not line.startswith("resumed after")]


def check_same(folder: Path, whole: Path) -> None:
    """A run that was cut and resumed has left what the whole one has."""
    assert sorted(os.listdir(folder)) == FILES
    assert (folder / "model.gnet").read_bytes() == (whole / "model.gnet").read_bytes()
    assert (folder / "curves.png").read_bytes() == (whole / "curves.png").read_bytes()
    assert rows(folder) == rows(whole)
    assert figures(folder) == figures(whole)
    assert lines(folder) == lines(whole)
