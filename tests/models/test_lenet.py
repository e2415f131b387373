"""The accuracies that the recipe of LeNet promises, by the command that users type."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import graphnet as gn
from graphnet.cli import main
from graphnet.models import lenet

FULL_SET = os.environ.get("GRAPHNET_MNIST", "")


def test_the_graph_is_lenet_5() -> None:
    graph = lenet.model().graph
    shapes = {p.name: graph.types[p.value].shape for p in graph.parameters if p.name.endswith("/weight")}
    assert shapes == {"conv1/weight": (6, 1, 5, 5), "conv2/weight": (16, 6, 5, 5), "dense1/weight": (400, 120),
                      "dense2/weight": (120, 84), "logits/weight": (84, 10)}
    assert lenet.model().summary().parameters == 61_706  # LeCun et al. 1998, table of later uses


def accuracy(run_dir: Path, *arguments: str) -> float:
    assert main(["train", "lenet", "--run-dir", str(run_dir), *arguments]) == 0
    return float(json.loads((run_dir / "metrics.json").read_text())["test_accuracy"])


def check_job(folder: Path, wanted: float, epochs: int, *arguments: str) -> None:
    """The job reaches an accuracy, and its model says how far it was trained."""
    assert accuracy(folder, *arguments) >= wanted
    net = gn.load(folder / "model.gnet")
    assert (net.step, net.epoch, net.graph.name) == (157 * epochs, epochs, "lenet")


def test_three_epochs_of_the_main_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNET_CACHE", str(tmp_path / "no-cache"))
    check_job(tmp_path / "run", 0.95, 3, "--epochs", "3")


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_the_main_job_reaches_its_accuracy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: str) -> None:
    monkeypatch.setenv("GRAPHNET_CACHE", str(tmp_path / "no-cache"))
    check_job(tmp_path / "run", 0.975, 10, "--seed", seed)


@pytest.mark.slow
@pytest.mark.skipif(not FULL_SET, reason="GRAPHNET_MNIST does not name a directory with the full MNIST")
@pytest.mark.parametrize("seed", ["0"])
def test_five_epochs_of_the_full_set(tmp_path: Path, seed: str) -> None:
    assert accuracy(tmp_path / "run", "--data-dir", FULL_SET, "--epochs", "5", "--seed", seed) >= 0.989


@pytest.mark.parametrize("command", [["-m", "graphnet.models.lenet"], [lenet.__file__ or ""]], ids=["module", "file"])
def test_it_runs_by_itself_with_the_same_options(tmp_path: Path, command: list[str]) -> None:
    done = subprocess.run([sys.executable, *command, "--data-dir", "nowhere"], capture_output=True, text=True,
                          check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "graphnet: nowhere: cannot be listed: No such file or directory\n")
