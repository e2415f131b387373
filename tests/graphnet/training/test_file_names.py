"""Fields in the path of a ModelCheckpoint, and which files it keeps."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.callbacks import ModelCheckpoint
from graphnet.training.file_names import check_template, fill_in

X, Y = np.linspace(-1, 1, 18, dtype=np.float32).reshape(6, 3), np.arange(6) % 2


def network() -> gn.Network:
    x = gn.Input((3,), name="x")
    return gn.compile(gn.Model(x, gn.layers.Dense(2, name="out")(x)), "softmax_cross_entropy", gn.optimizers.SGD(0.5),
                      ["accuracy", gn.metrics.ConfusionMatrix()])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def end_epochs(callback: ModelCheckpoint, figures: list[float], first: int = 1) -> None:
    """Tells a callback of epochs with these figures."""
    net = network()
    for epoch, figure in enumerate(figures, first):
        net.epoch, net.step = epoch, 10 * epoch
        callback.on_epoch_end(net, epoch, {"loss": 9.0, "val_loss": figure})


def test_the_issue_s_own_path(tmp_path: Path) -> None:
    net = network()
    history = net.fit(X, Y, epochs=3, validation_data=(X, Y), callbacks=[
        ModelCheckpoint(tmp_path / "w.{epoch:02d}-{val_loss:.2f}.gnet", best_only=False)])
    wanted = [f"w.{epoch:02d}-{loss:.2f}.gnet" for epoch, loss in enumerate(history.history["val_loss"], 1)]
    assert names(tmp_path) == wanted
    assert [gn.load(tmp_path / name).epoch for name in wanted] == [1, 2, 3]


def test_every_figure_and_the_step_may_stand_in_a_path(tmp_path: Path) -> None:
    history = network().fit(X, Y, batch_size=2, validation_data=(X, Y), callbacks=[ModelCheckpoint(
        tmp_path / "{step}_{epoch}_{loss:.3e}_{val_accuracy:.1%}_{accuracy:+.2f}_{{x}}.gnet", best_only=False)]).history
    assert names(tmp_path) == [f"3_1_{history['loss'][0]:.3e}_{history['val_accuracy'][0]:.1%}"
                               f"_{history['accuracy'][0]:+.2f}_{{x}}.gnet"]


@pytest.mark.parametrize(("path", "text"), [
    ("w{.gnet", "braces stand for figures, such as {epoch:02d}, {step} and {val_loss:.2f}; for braces themselves write "
                "{{ and }}"),
    ("w}.gnet", "braces stand for figures"), ("w{}.gnet", "{} is not the name of a figure"),
    ("w{0}.gnet", "{0} is not the name of a figure"), ("w{epoch[0]}.gnet", "{epoch[0]} is not the name of a figure"),
    ("w{loss!r}.gnet", "{loss} has a format that numbers in names of files cannot have"),
    ("w{loss:{epoch}}.gnet", "{loss} has a format that"), ("w{loss:0999999999f}.gnet", "{loss} has a format that"),
    ("w{epoch:02q}.gnet", "{epoch:02q} cannot be written (Unknown format code 'q'"),
    ("w{val_loss:02d}.gnet", "{val_loss:02d} cannot be written (Unknown format code 'd' for object of type 'float')"),
    ("w{loss:s}.gnet", "{loss:s} cannot be written"), ("w{step:c}.gnet", "{step} has a format that"),
    ("", "it must be the path of a file"),
])
def test_what_no_figure_can_be_is_refused_as_it_is_declared(path: str, text: str) -> None:
    with pytest.raises(gn.ArgumentError, match=re.escape(text)) as caught:
        ModelCheckpoint(path)
    assert str(caught.value).startswith(f"ModelCheckpoint: path is {path!r}, but ")
    callback = ModelCheckpoint("w.gnet")
    with pytest.raises(gn.ArgumentError, match=re.escape(text)):
        callback.path = path


@pytest.mark.parametrize(("path", "text"), [
    ("{epcoh}.gnet", "there is no figure 'epcoh'; there are epoch, step, loss, accuracy, seconds"),
    ("{val_loss:.2f}.gnet", "there is no figure 'val_loss'; there are epoch, step, loss, accuracy, seconds; give fit "
                            "validation_data"),
    ("{confusion_matrix}.gnet", "there is no figure 'confusion_matrix'; there are epoch, step, loss")])
def test_a_figure_that_there_will_not_be_is_refused_before_the_first_step(path: str, text: str, tmp_path: Path) -> None:
    net = network()
    with pytest.raises(gn.ArgumentError, match=re.escape(text)):
        net.fit(X, Y, callbacks=[ModelCheckpoint(tmp_path / path, best_only=False)])
    assert (net.step, names(tmp_path)) == (0, [])


@pytest.mark.parametrize(("path", "figures", "name"), [
    ("a/{epoch:/>3}.gnet", {"epoch": 7}, "a/__7.gnet"), ("{epoch:*>3}", {"epoch": 7}, "__7"),
    ("{a:,.1f}", {"a": 12345.0}, "12,345.0"), ("{a}", {"a": float("nan")}, "nan"), ("{a:.1f}", {"a": -np.inf}, "-inf"),
    ("{a:?>5}|{{}}", {"a": 1.0}, "__1.0|{}"),
    ("{out.1-b_loss:.1f}", {"out.1-b_loss": np.float64(0.25)}, "0.2")])
def test_numbers_become_parts_of_names(path: str, figures: dict[str, Any], name: str) -> None:
    assert fill_in(check_template("test", "path", path), figures) == name


# Which files stay --------------------------------------------------------------------------------------------------

def test_the_best_few_stay(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path / "w{epoch}.gnet", keep=2)
    end_epochs(callback, [5, 3, 4, 6, np.nan, 2, 3])
    assert names(tmp_path) == ["w2.gnet", "w6.gnet"]
    assert (callback.best, callback.saved) == (2, str(tmp_path / "w6.gnet"))


def test_the_best_few_stay_where_larger_is_better(tmp_path: Path) -> None:
    end_epochs(ModelCheckpoint(tmp_path / "w{epoch}.gnet", keep=2, mode="max"), [5, 3, 4, 6, np.nan, 2, 5])
    assert names(tmp_path) == ["w1.gnet", "w4.gnet"]


def test_the_last_few_stay(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path / "w{epoch}.gnet", "nothing", best_only=False, keep=3)
    end_epochs(callback, [5, 3, 4, 6, 1])
    assert names(tmp_path) == ["w3.gnet", "w4.gnet", "w5.gnet"]


def test_one_file_is_the_best_or_the_last(tmp_path: Path) -> None:
    end_epochs(ModelCheckpoint(tmp_path / "best.gnet", keep=1), [5, 3, 4])
    end_epochs(ModelCheckpoint(tmp_path / "last.gnet", best_only=False, keep=1), [5, 3, 4])
    assert [gn.load(tmp_path / name).epoch for name in ("best.gnet", "last.gnet")] == [2, 3]


def test_all_that_were_better_than_ever_stay(tmp_path: Path) -> None:
    end_epochs(ModelCheckpoint(tmp_path / "w{epoch}.gnet"), [5, 3, 4, 2])
    assert names(tmp_path) == ["w1.gnet", "w2.gnet", "w4.gnet"]


def test_a_worse_network_does_not_take_the_file_of_a_better_one(tmp_path: Path) -> None:
    end_epochs(ModelCheckpoint(tmp_path / "w{val_loss:.0f}.gnet", keep=2), [5.0, 3.1, 3.2, 2.9])
    assert names(tmp_path) == ["w3.gnet", "w5.gnet"]
    assert gn.load(tmp_path / "w3.gnet").epoch == 4


def test_files_that_others_wrote_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the working directory is another one by then, and where a file is gone already."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        for epoch in range(9):
            (folder / f"w{epoch}.gnet").write_text("another's")
    monkeypatch.chdir(first)
    callback = ModelCheckpoint("w{epoch}.gnet", best_only=False, keep=1)
    end_epochs(callback, [1, 1])
    assert names(first) == [f"w{epoch}.gnet" for epoch in range(9) if epoch != 1]
    monkeypatch.chdir(second)
    (first / "w2.gnet").unlink()
    end_epochs(callback, [1], first=3)
    assert len(names(second)) == 9
    assert [path.name for path in second.iterdir() if path.read_bytes() != b"another's"] == ["w3.gnet"]


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: ModelCheckpoint("w.gnet", keep=2), "keep is 2, but the path 'w.gnet' is that of a single file; put a "
                                                "field into it, such as {epoch:02d}"),
    (lambda: ModelCheckpoint("w{epoch}.gnet", keep=0), "keep is 0, but it must be a whole number ≥ 1"),
    (lambda: ModelCheckpoint("w{epoch}.gnet", keep=True), "keep is True, but it must be a whole number ≥ 1")])
def test_what_cannot_be_kept(declare: Any, text: str) -> None:
    with pytest.raises(gn.ArgumentError, match=re.escape(text)):
        declare()


class Cut(Exception):  # noqa: N818 - no error, but an end
    """Stands for the moment at which a process dies."""


class CutAfter(gn.Callback):
    """Ends the training after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
        if step == self.step:
            raise Cut


@pytest.mark.parametrize("best_only", [True, False])
@pytest.mark.parametrize("cut", [4, 11])
def test_a_training_that_goes_on_keeps_the_same_files(best_only: bool, cut: int, tmp_path: Path) -> None:
    def fit(net: gn.Network, folder: Path, cut: int, **options: Any) -> ModelCheckpoint:
        folder.mkdir(exist_ok=True)
        keeping = ModelCheckpoint(folder / "w{epoch:02d}-{loss:.4f}.gnet", "loss", best_only=best_only, keep=2)
        net.fit(X, Y, batch_size=2, epochs=5, callbacks=[keeping, CutAfter(cut)], **options)
        return keeping

    fit(network(), tmp_path / "whole", -1)
    with pytest.raises(Cut):
        fit(network(), tmp_path / "cut", cut, checkpoint=gn.Checkpoint(tmp_path / "run.gnet", 2))
    fit(gn.load(tmp_path / "run.gnet"), tmp_path / "cut", -1, resume=True)
    assert names(tmp_path / "cut") == names(tmp_path / "whole")
    assert len(names(tmp_path / "cut")) == 2
    for name in names(tmp_path / "cut"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("path", ["w{epoch}.gnet", "./x/../w{epoch:/>3}{loss}.gnet", "w{epoch}/{step}.gnet"])
def test_a_checkpoint_cannot_have_other_files_deleted(path: str, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from anywhere, and names files: only those that the callback's own path may name are its."""
    monkeypatch.chdir(tmp_path)
    own = [os.path.abspath(fill_in(path, {"epoch": epoch, "step": 1, "loss": 0.5})) for epoch in (1, 2)]
    others = [str(tmp_path / name) for name in ("thesis.txt", "w1.gnet/../thesis.txt", "w/1.gnet", "aw1.gnet",
                                                "w1.gnet.txt", "w1/1/1.gnet")] + ["w1.gnet", "/"]
    callback = ModelCheckpoint(path, "loss", keep=2)
    state = callback.state() | {"_files": [{"path": file, "rank": -9.0} for file in (*others, *own)]}
    callback.set_state(state)
    assert [file["path"] for file in callback._files] == own


def test_a_checkpoint_from_before_there_was_keep_goes_on(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path / "w.gnet")
    state = callback.state()
    state["saved"] = str(tmp_path / "w.gnet")
    del state["_files"], state["arguments"]["keep"]
    callback.set_state(state)
    assert callback.saved == str(tmp_path / "w.gnet")
