import json
import math
from pathlib import Path

import numpy as np
import pytest

from graphnet.compiler.errors import DivergenceError
from graphnet.optimizers import SGD
from graphnet.runs import RunDirectory
from graphnet.runs.log import RunLog
from graphnet.schedules import StepDecay
from graphnet.training.progress import format_figures


class Trained:
    """The part of a network that the log reads."""

    def __init__(self, step: int) -> None:
        self.step, self.rate_factor, self.optimizer = step, 0.5, SGD(StepDecay(1.0, every=2))


def end(log: RunLog, epoch: int, loss: float) -> None:
    log.on_epoch_end(Trained(epoch), epoch, {  # type: ignore[arg-type]
        "loss": loss, "val_loss": 2.0, "val_accuracy": 0.5, "seconds": 1.25})


def test_rows_and_lines_are_on_disk_as_soon_as_an_epoch_ends(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunLog(RunDirectory(tmp_path), 12, "validation") as log:
        log.note("not printed")
        end(log, 1, 0.25)
        assert (tmp_path / "log.csv").read_text() == (
            "epoch,step,learning_rate,loss,validation_loss,validation_accuracy,seconds\n1,1,0.5,0.25,2.0,0.5,1.25\n")
        end(log, 3, 0.125)
        line = "epoch  3/12  loss 0.1250  validation loss 2.0000  validation accuracy 50.00 %  1.2 s\n"
        assert (tmp_path / "log.txt").read_text().endswith(line)
    assert (tmp_path / "log.csv").read_text().splitlines()[2] == "3,3,0.05,0.125,2.0,0.5,1.25"
    assert (tmp_path / "log.txt").read_text().startswith("not printed\nepoch  1/12")
    assert capsys.readouterr().out.splitlines()[1] == line.strip()


def test_a_divergence_is_said_with_its_step(tmp_path: Path) -> None:
    with RunLog(RunDirectory(tmp_path), 3, "test") as log:
        assert not log.diverged
        log.diverge(DivergenceError(math.inf, 1234, 2))
        assert log.diverged
        assert log.state()["diverged"] is True
    assert (tmp_path / "log.txt").read_text() == "epoch 2, step 1,234: the loss is inf\n"


def test_figures_for_people() -> None:
    assert format_figures({"loss": 1 / 3, "accuracy": 0.98765, "test_accuracy": 1.0, "seconds": 12.34}) == (
        "loss 0.3333  accuracy 98.77 %  test accuracy 100.00 %  12.3 s")


def test_arrays_are_lists_in_the_rows_and_left_out_of_the_lines(tmp_path: Path) -> None:
    matrix = np.array([[3, 1], [0, 4]])
    with RunLog(RunDirectory(tmp_path), 1, "test") as log:
        log.on_epoch_end(Trained(1), 1, {"loss": 0.5, "confusion_matrix": matrix})  # type: ignore[arg-type]
    assert (tmp_path / "log.csv").read_text().splitlines()[1] == '1,1,0.5,0.5,"[[3, 1], [0, 4]]"'
    assert (tmp_path / "log.txt").read_text() == "epoch 1/1  loss 0.5000\n"
    RunDirectory(tmp_path, overwrite=True).write_metrics({"confusion_matrix": matrix, "loss": math.nan})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"confusion_matrix": [[3, 1], [0, 4]], "loss": None}
