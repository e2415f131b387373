import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.data import Dataset
from graphnet.models import lenet
from graphnet.runs import SCHEDULES
from graphnet.schedules import Schedule


@dataclass(frozen=True)
class Leap(Schedule):
    """No training at all, and then far too much."""

    still: int

    def rate_after(self, t: int) -> float:
        return 1e-30 if t < self.still else 1e20


QUICK = ("--epochs", "1", "--batch-size", "64")
FILES = ["curves.png", "log.csv", "log.txt", "metrics.json", "model.gnet"]


def test_a_run_leaves_its_files(trained: Path) -> None:
    assert sorted(os.listdir(trained)) == FILES
    assert (trained / "curves.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_metrics_json_holds_the_figures_of_the_run(trained: Path, sample: Dataset) -> None:
    figures = json.loads((trained / "metrics.json").read_text())
    wanted = {"model": "lenet", "dataset": "mnist-like", "train_samples": 800, "test_samples": 200, "epochs": 4,
              "batch_size": 32, "steps": 100, "optimizer": "adam", "learning_rate": 0.003, "schedule": "one_cycle",
              "seed": 0, "dtype": "float32", "validation": 0.0, "parameters": 61_706}
    assert {key: figures[key] for key in wanted} == wanted
    assert figures["train_seconds"] > 0
    net = gn.load(trained / "model.gnet", expect_sha256=figures["model_sha256"])
    tested = net.evaluate(sample.x_test[:200], sample.y_test[:200])
    assert {"loss": figures["test_loss"], "accuracy": figures["test_accuracy"]} == tested
    assert figures["test_accuracy"] > 0.7  # 800 digits, seen four times; guessing gives 0.1
    assert (net.step, net.epoch) == (100, 4)


def test_log_csv_has_a_row_for_each_epoch(trained: Path) -> None:
    with (trained / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert ",".join(rows[0]) == "epoch,step,learning_rate,loss,accuracy,test_loss,test_accuracy,seconds"
    assert [(row["epoch"], row["step"]) for row in rows] == [("1", "25"), ("2", "50"), ("3", "75"), ("4", "100")]
    figures = json.loads((trained / "metrics.json").read_text())
    assert float(rows[-1]["loss"]) == figures["train_loss"]
    assert float(rows[-1]["test_accuracy"]) == figures["test_accuracy"]
    assert float(rows[0]["loss"]) > float(rows[-1]["loss"])
    assert float(rows[-1]["learning_rate"]) == pytest.approx(0.003 / 25 / 1e4)


def test_log_txt_holds_the_settings_the_layers_and_what_was_printed(
        run: Callable[..., Any], digits: Path, elsewhere: Path) -> None:
    result = run("train", "lenet", *QUICK, "--data-dir", digits, "--run-dir", "r")
    assert result.code == 0
    text = (elsewhere / "r" / "log.txt").read_text()
    assert text.endswith(result.out)
    assert "batch_size: 64\n" in text
    assert str(lenet.model().summary()) in text
    assert result.err == ""  # no progress bar: this is no terminal


def test_progress_is_a_line_an_epoch_and_ends_with_the_test_accuracy(
        run: Callable[..., Any], digits: Path) -> None:
    result = run("train", "lenet", "--epochs", 2, "--batch-size", 64, "--data-dir", digits, "--run-dir", "r")
    lines = result.out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("lenet: 61,706 parameters; mnist-like: 800 training and 200 test samples from IDX files")
    for number, line in enumerate(lines[1:3], 1):
        assert re.fullmatch(rf"epoch {number}/2  loss \d\.\d{{4}}  accuracy \d+\.\d\d %  test loss \d\.\d{{4}}  "
                            r"test accuracy \d+\.\d\d %  \d+\.\d+ s", line)
    assert re.fullmatch(r"test loss \d\.\d{4}  test accuracy \d+\.\d\d %  in \d+\.\d s  →  r", lines[3])


def test_without_a_run_directory_each_run_gets_a_new_one(
        run: Callable[..., Any], digits: Path, elsewhere: Path) -> None:
    for _ in range(2):
        assert run("train", "lenet", *QUICK, "--data-dir", digits).code == 0
    names = os.listdir(elsewhere / "runs")
    assert len(names) == 2
    assert all(re.fullmatch(r"lenet-\d{8}-\d{6}(-2)?", name) for name in names)


def test_the_same_seed_gives_the_same_file_and_another_one_does_not(
        run: Callable[..., Any], digits: Path, elsewhere: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert run("train", "lenet", *QUICK, "--data-dir", digits, "--run-dir", name, "--seed", seed).code == 0
    files = [(elsewhere / name / "model.gnet").read_bytes() for name in "abc"]
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_every_option_reaches_the_training(run: Callable[..., Any], digits: Path, elsewhere: Path) -> None:
    result = run("train", "lenet", "--epochs", 2, "--batch-size", 100, "--optimizer", "momentum", "--lr", 0.02,
                 "--schedule", "cosine", "--seed", 3, "--dtype", "float64", "--validation", 0.25,
                 "--data-dir", digits, "--run-dir", "r")
    assert result.code == 0
    assert "validation accuracy" in result.out
    figures = json.loads((elsewhere / "r" / "metrics.json").read_text())
    wanted = {"train_samples": 600, "epochs": 2, "batch_size": 100, "steps": 12, "optimizer": "momentum",
              "learning_rate": 0.02, "schedule": "cosine", "seed": 3, "dtype": "float64", "validation": 0.25}
    assert {key: figures[key] for key in wanted} == wanted
    net = gn.load(elsewhere / "r" / "model.gnet")
    assert net.optimizer == gn.optimizers.Momentum(gn.schedules.CosineDecay(0.02, 12))
    assert net.weights["conv1/weight"].dtype == np.float64
    assert net.seed == 3


def test_another_optimizer_comes_with_its_own_rate(run: Callable[..., Any], digits: Path, elsewhere: Path) -> None:
    assert run("train", "lenet", *QUICK, "--optimizer", "sgd", "--data-dir", digits, "--run-dir", "r").code == 0
    figures = json.loads((elsewhere / "r" / "metrics.json").read_text())
    assert figures["learning_rate"] == gn.optimizers.SGD().learning_rate


def test_a_directory_with_files_is_refused_and_stays_as_it_is(
        run: Callable[..., Any], digits: Path, elsewhere: Path) -> None:
    (elsewhere / "r").mkdir()
    (elsewhere / "r" / "model.gnet").write_text("precious")
    result = run("train", "lenet", *QUICK, "--data-dir", digits, "--run-dir", "r")
    assert result.code == 2
    assert result.err == ("graphnet: train: --run-dir is 'r', but it is not empty (model.gnet); choose another, "
                          "or allow it with --overwrite\n")
    assert (elsewhere / "r" / "model.gnet").read_text() == "precious"
    assert os.listdir(elsewhere / "r") == ["model.gnet"]


def test_overwriting_replaces_the_run_and_nothing_else(run: Callable[..., Any], digits: Path, elsewhere: Path) -> None:
    (elsewhere / "r").mkdir()
    for name in ("model.gnet", "notes.md"):
        (elsewhere / "r" / name).write_text("old")
    assert run("train", "lenet", *QUICK, "--data-dir", digits, "--run-dir", "r", "--overwrite").code == 0
    assert sorted(os.listdir(elsewhere / "r")) == sorted([*FILES, "notes.md"])
    assert (elsewhere / "r" / "notes.md").read_text() == "old"
    assert gn.load(elsewhere / "r" / "model.gnet").epoch == 1


def test_nothing_is_overwritten_before_the_data_is_known_to_be_good(run: Callable[..., Any], elsewhere: Path) -> None:
    (elsewhere / "r").mkdir()
    (elsewhere / "r" / "model.gnet").write_text("precious")
    result = run("train", "lenet", "--data-dir", "nowhere", "--run-dir", "r", "--overwrite")
    assert (result.code, result.err) == (2, "graphnet: nowhere: cannot be listed: No such file or directory\n")
    assert (elsewhere / "r" / "model.gnet").read_text() == "precious"


def test_a_share_that_holds_out_nothing_is_refused(run: Callable[..., Any], digits: Path, elsewhere: Path) -> None:
    result = run("train", "lenet", "--data-dir", digits, "--validation", 0.0001, "--run-dir", "r")
    assert result.code == 2
    assert "train: --validation is 0.0001, but that holds out 0 of 800 training samples" in result.err
    assert not (elsewhere / "r").exists()


def test_a_training_that_diverges_fails_and_keeps_its_logs(
        run: Callable[..., Any], digits: Path, elsewhere: Path) -> None:
    result = run("train", "lenet", "--epochs", 3, "--lr", 1e9, "--schedule", "constant", "--optimizer", "sgd",
                 "--data-dir", digits, "--run-dir", "r")
    assert result.code == 1
    step = re.search(r"^epoch 1, step (\d): the loss is nan$", result.out, re.MULTILINE)  # of 13 in an epoch
    assert step
    assert result.err == (f"graphnet: the loss is no longer finite after {step[1]} steps, so the training has "
                          "diverged: try a smaller learning rate; the logs are in r\n")
    assert sorted(os.listdir(elsewhere / "r")) == ["log.csv", "log.txt"]
    assert (elsewhere / "r" / "log.txt").read_text().endswith(f"{step[0]}\n")


def test_a_training_that_diverges_later_keeps_the_epochs_before(
        run: Callable[..., Any], digits: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEDULES, "cosine", lambda rate, steps: Leap(steps // 2))
    result = run("train", "lenet", "--epochs", 2, "--schedule", "cosine", "--optimizer", "sgd", "--lr", 1e-30,
                 "--data-dir", digits, "--run-dir", "r")
    assert result.code == 1
    assert "\nepoch 2, step " in result.out
    assert sorted(os.listdir(elsewhere / "r")) == ["curves.png", "log.csv", "log.txt"]
    with (elsewhere / "r" / "log.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1"]


def test_a_terminal_sees_a_progress_bar(digits: Path, elsewhere: Path) -> None:
    """Only standard error is a terminal here; the lines on standard output stay whole."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [sys.executable, "-m", "graphnet", "train", "lenet", *QUICK, "--data-dir", str(digits), "--run-dir", "r"]
    shown = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # Linux's way of saying that a terminal was closed
            while chunk := os.read(ours, 4096):
                shown += chunk
        out, _ = process.communicate()
    os.close(ours)
    assert process.returncode == 0
    assert shown.startswith(b"\repoch 1/1   0%|")
    assert shown.rstrip(b" \r").count(b"\n") == 0
    assert out.count("\nepoch 1/1  loss ") == 1
    assert (elsewhere / "r" / "log.txt").read_text().endswith(out)


def test_what_was_logged_survives_an_interrupted_run(digits: Path, elsewhere: Path) -> None:
    """A real Ctrl-C: SIGINT once the second row is on disk."""
    command = [sys.executable, "-m", "graphnet", "train", "lenet", "--epochs", "500", "--data-dir", str(digits),
               "--run-dir", "r"]
    log = elsewhere / "r" / "log.csv"
    def heed() -> None:
        """A job in the background of a shell begins with SIGINT ignored."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          preexec_fn=heed) as process:
        while process.poll() is None and not (log.exists() and len(log.read_text().splitlines()) >= 3):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert err == "graphnet: interrupted\n"
    assert re.search(r"interrupted after [\d,]+ steps; to go on: graphnet train --resume r\n$", out)
    assert (elsewhere / "r" / "log.txt").read_text().endswith(out)
    with log.open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)][:2] == ["1", "2"]


@pytest.mark.parametrize("option", ["--run-dir", "--resume", "--data-dir"])
def test_an_empty_path_is_refused(option: str, run: Callable[..., Any], elsewhere: Path) -> None:
    result = run("train", "lenet", option, "")
    assert result.code == 2
    assert result.err.endswith(f"error: argument {option}: it must not be empty\n")
    assert not any(elsewhere.iterdir())
