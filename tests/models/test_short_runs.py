"""Short trainings of every model by the command that users type, on little data."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from run_files import without_pictures

import graphnet as gn
from graphnet.cli import main
from graphnet.data import load_mnist, load_text, make_tales
from graphnet.runs import load_recipe, model_names
from graphnet.runs.samples import test_part as part_for_testing

TEXT_BATCH = 4


def data_options(name: str, digits: Path) -> list[str]:
    """The arguments for little data."""
    if load_recipe(name).stream_steps is None:
        return ["--data-dir", str(digits), "--batch-size", "32"]
    text = digits / "tales.txt"
    text.write_text(make_tales(4_000))
    return ["--set", f"text={text}", "--batch-size", str(TEXT_BATCH)]


def train(name: str, digits: Path, run_dir: Path, *arguments: str) -> None:
    assert main(["train", name, *data_options(name, digits), "--run-dir", str(run_dir), *arguments]) == 0


@pytest.fixture(scope="module", params=model_names())
def learned(request: pytest.FixtureRequest, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A model and the directory of a run of it, with a picture."""
    run_dir = tmp_path_factory.mktemp("learned")
    train(request.param, digits, run_dir, "--epochs", "6")
    return request.param, run_dir


def test_a_run_learns_and_is_complete(learned: tuple[str, Path]) -> None:
    name, run_dir = learned
    assert sorted(os.listdir(run_dir)) == ["curves.png", "log.csv", "log.txt", "metrics.json", "model.gnet"]
    assert (run_dir / "curves.png").read_bytes().startswith(b"\x89PNG\r\n")
    with (run_dir / "log.csv").open(newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 6
    assert losses[-1] < 0.9 * losses[0]
    figures = json.loads((run_dir / "metrics.json").read_text())
    recipe = load_recipe(name)
    assert {"dataset", "epochs", "train_seconds", "test_loss", "seed", "options", "parameters", "model_sha256",
            *(f"test_{metric}" for metric in recipe.metrics)} <= figures.keys()
    assert figures["parameters"] == recipe.model().summary().parameters


def test_the_saved_network_has_the_figures_of_the_run(learned: tuple[str, Path], digits: Path) -> None:
    name, run_dir = learned
    figures = json.loads((run_dir / "metrics.json").read_text())
    recipe = load_recipe(name)
    net = gn.load(run_dir / "model.gnet", expect_sha256=figures["model_sha256"])
    data = load_text(digits / "tales.txt") if net.stateful else load_mnist(digits)
    test = part_for_testing(data, recipe, TEXT_BATCH)
    found = net.evaluate(*test, TEXT_BATCH) if net.stateful else net.evaluate(*test)
    assert {f"test_{key}": value for key, value in found.items()} == {
        f"test_{key}": figures[f"test_{key}"] for key in ("loss", *recipe.metrics)}
    net.reset_states()
    again = gn.load(run_dir / "model.gnet")
    np.testing.assert_array_equal(net.predict(test.x[:TEXT_BATCH]), again.predict(test.x[:TEXT_BATCH]))


@pytest.mark.parametrize("name", [name for name in model_names() if name != "lenet"])
def test_the_seed_settles_every_bit(name: str, digits: Path, tmp_path: Path) -> None:
    with without_pictures():
        for run_dir, seed in (("a", "7"), ("b", "7"), ("c", "8")):
            train(name, digits, tmp_path / run_dir, "--epochs", "1", "--seed", seed)
    files = [(tmp_path / run_dir / "model.gnet").read_bytes() for run_dir in "abc"]
    assert files[0] == files[1]
    assert files[0] != files[2]


@pytest.mark.parametrize("cell", ["simple", "gru"])
@pytest.mark.parametrize("name", ["row_rnn", "char_rnn"])
def test_other_cells_learn_too(name: str, cell: str, digits: Path, tmp_path: Path) -> None:
    with without_pictures():
        train(name, digits, tmp_path, "--epochs", "6", "--set", f"cell={cell}")
    with (tmp_path / "log.csv").open(newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.9 * losses[0]
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["options"]["cell"] == cell
    net = gn.load(tmp_path / "model.gnet")
    assert {"simple": "SimpleRNN", "gru": "GRU"}[cell] in {layer.kind for layer in net.summary().layers}
