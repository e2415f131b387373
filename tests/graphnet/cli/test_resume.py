"""`graphnet train --resume`: what is complete afterwards, and what is refused."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from digit_files import write_digits
from run_files import FILES, arguments, check_same, rows, without_pictures

import graphnet as gn
from graphnet.cli import main
from graphnet.data import Dataset, make_tales
from graphnet.runs import RunDirectory, directory, job, resume
from graphnet.training import loop as fitting


class Cut(BaseException):
    """Stands for the moment at which a process dies: nothing catches it."""


@contextmanager
def dying_in(step: int) -> Iterator[None]:
    """Within the block a training dies in this step, before anything of it was saved, and nobody minds."""
    real = fitting.Batches.train

    def train(batches: Any, order: Any, scores: Any, *_: Any) -> tuple[int, float]:
        if batches.network.step + 1 == step:
            raise Cut
        return real(batches, order, scores)  # one step, never several at once

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting.Batches, "train", train)
        with pytest.raises(Cut):
            yield


@pytest.fixture(scope="module")
def few(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with 200 training and 40 test digits, and a text."""
    folder = tmp_path_factory.mktemp("few")
    write_digits(folder, sample, 200, 40)
    (folder / "tales.txt").write_text(make_tales(3_000))
    return folder


@pytest.fixture(scope="module", params=["lenet", "char_rnn"])
def whole(request: pytest.FixtureRequest, few: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A model and a run of it that was never cut."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with without_pictures():
        assert main([*arguments(request.param, few), "--run-dir", str(folder)]) == 0
    return request.param, folder


@pytest.mark.parametrize(("step", "every", "resumed"), [(1, [], 0), (2, ["--checkpoint-every", "1"], 1),
                                                        (8, ["--checkpoint-every", "3"], 6)])
def test_a_resumed_run_leaves_what_a_whole_one_does(
        whole: tuple[str, Path], few: Path, run: Callable[..., Any], step: int, every: list[str],
        resumed: int) -> None:
    name, expected = whole
    with dying_in(step):
        run(*arguments(name, few), "--run-dir", "r", *every)
    assert sorted(os.listdir("r")) == ["checkpoint.gnet", "log.csv", "log.txt"]
    result = run("train", "--resume", "r")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0].startswith(f"resumed after {resumed} of ")
    check_same(Path("r"), expected)


def test_a_run_that_died_before_its_first_step_is_begun_again(
        whole: tuple[str, Path], few: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any) -> None:
        raise Cut

    name, expected = whole
    with monkeypatch.context() as patch:
        patch.setattr(job, "begin", die)
        with pytest.raises(Cut):
            run(*arguments(name, few), "--run-dir", "r")
    assert os.listdir("r") == ["checkpoint.gnet"]
    result = run("train", "--resume", "r")
    assert (result.code, result.err) == (0, "")
    check_same(Path("r"), expected)


def test_what_was_to_be_replaced_is_gone_when_the_run_is_begun_again(
        few: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run over an older one, killed before it removed the older one's files; then it diverges."""
    assert run(*arguments("lenet", few), "--run-dir", "r").code == 0
    diverging = ("--lr", "1e9", "--optimizer", "sgd", "--schedule", "constant")

    def die(_: RunDirectory) -> None:
        raise Cut
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "clear", die)
        with pytest.raises(Cut):
            run(*arguments("lenet", few), "--run-dir", "r", *diverging, "--overwrite")
    assert {"checkpoint.gnet", "model.gnet", "metrics.json"} <= set(os.listdir("r"))
    assert "has diverged" in run("train", "--resume", "r").err
    assert not {"checkpoint.gnet", "model.gnet", "metrics.json"} & set(os.listdir("r"))
    assert run("train", "--resume", "r").code == 1


def test_a_run_can_be_gone_on_with_from_another_folder(
        whole: tuple[str, Path], few: Path, run: Callable[..., Any], elsewhere: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    name, expected = whole
    given = [text.replace(f"{few}/", "data/").replace(str(few), "data") for text in arguments(name, few)]
    shutil.copytree(few, elsewhere / "data")
    with dying_in(2):
        run(*given, "--run-dir", "r")
    (elsewhere / "sub").mkdir()
    monkeypatch.chdir(elsewhere / "sub")
    assert run("train", "--resume", "../r").code == 0
    assert (elsewhere / "r" / "model.gnet").read_bytes() == (expected / "model.gnet").read_bytes()


def test_a_text_that_moved_can_be_given(few: Path, run: Callable[..., Any], elsewhere: Path) -> None:
    with dying_in(3):
        run(*arguments("char_rnn", few), "--run-dir", "r", "--set", f"text={shutil.copy(few / 'tales.txt', 'old.txt')}")
    (elsewhere / "old.txt").rename("new.txt")
    assert "old.txt: " in run("train", "--resume", "r").err
    (elsewhere / "wrong.txt").write_text("something else" * 500)
    assert "the samples are not those" in run("train", "--resume", "r", "--set", "text=wrong.txt").err
    assert run("train", "--resume", "r", "--set", "text=new.txt").code == 0


@pytest.fixture(scope="module")
def cut_once(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run of 2 epochs of 5 steps that was cut in step 8."""
    folder = tmp_path_factory.mktemp("cut") / "r"
    with dying_in(8):
        main([*arguments("lenet", few), "--run-dir", str(folder)])
    return folder


@pytest.fixture
def cut(cut_once: Path, elsewhere: Path) -> Path:
    """A copy of it, to go on with."""
    return Path(shutil.copytree(cut_once, elsewhere / "r"))


def contents(folder: Path) -> dict[str, bytes]:
    """Everything in a directory."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("given", "text"), [
    (["vgg"], "train: MODEL is 'vgg', but the run in r was begun with 'lenet'; leave it out to go on"),
    (["--epochs", "3"], "train: --epochs is 3, but the run in r was begun with 2; leave it out to go on, or "),
    (["--batch-size", "41"], "train: --batch-size is 41, but the run in r was begun with 40"),
    (["--optimizer", "sgd"], "train: --optimizer is 'sgd', but the run in r was begun with 'adam'"),
    (["--lr", "0.5"], "train: --lr is 0.5, but the run in r was begun with 0.005"),
    (["--schedule", "cosine"], "train: --schedule is 'cosine', but the run in r was begun with 'one_cycle'"),
    (["--seed", "1"], "train: --seed is 1, but the run in r was begun with 0"),
    (["--dtype", "float64"], "train: --dtype is 'float64', but the run in r was begun with 'float32'"),
    (["--validation", "0.5"], "train: --validation is 0.5, but the run in r was begun with 0.0"),
    (["--set", "units=3"], "--set: OPTION is 'units', but there is nothing to set here"),
    (["--run-dir", "s"], "train: --run-dir is 's', but a resumed run stays in its directory; leave it out"),
    (["--overwrite"], "train: --overwrite is given, but a resumed run stays in its directory; leave it out"),
])
def test_other_settings_are_refused_and_nothing_is_lost(
        cut: Path, run: Callable[..., Any], given: list[str], text: str) -> None:
    before = contents(cut)
    result = run("train", *given, "--resume", "r")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"graphnet: {text}")
    assert contents(cut) == before


def test_the_same_settings_are_taken(cut: Path, run: Callable[..., Any]) -> None:
    result = run("train", "lenet", "--resume", "r", "--epochs", 2, "--seed", 0, "--lr", 0.005, "--checkpoint-every", 2)
    assert (result.code, result.err) == (0, "")
    assert sorted(os.listdir(cut)) == FILES


def test_other_samples_are_refused_and_nothing_is_lost(
        cut: Path, few: Path, sample: Dataset, run: Callable[..., Any], elsewhere: Path) -> None:
    before = contents(cut)
    others = replace(sample, x_train=sample.x_train[::-1])
    for name, data, counts, text in (
            ("fewer", sample, (199, 40), "image was float32 (200, 1, 28, 28) and is float32 (199, 1, 28, 28)"),
            ("others", others, (200, 40), "image holds other numbers"),
            ("tests", sample, (200, 39), "validation image was float32 (40, 1, 28, 28) and is")):
        (elsewhere / name).mkdir()
        write_digits(elsewhere / name, data, *counts)
        result = run("train", "--resume", "r", "--data-dir", name)
        assert (result.code, result.out) == (1, "")
        assert f"the samples are not those that the training was begun with: {text}" in result.err
        assert contents(cut) == before


def test_the_data_may_have_moved(few: Path, run: Callable[..., Any], elsewhere: Path) -> None:
    with dying_in(8):
        run(*arguments("lenet", few), "--run-dir", "r")
    shutil.copytree(few, elsewhere / "moved")
    assert run("train", "--resume", "r", "--data-dir", "moved").code == 0
    assert json.loads((elsewhere / "r" / "metrics.json").read_text())["data_dir"] == "moved"


def test_a_finished_run_says_so(cut: Path, run: Callable[..., Any]) -> None:
    assert run("train", "--resume", "r").code == 0
    before = contents(cut)
    result = run("train", "--resume", "r")
    assert (result.code, result.out, result.err) == (0, "r: the run is finished, there is nothing to resume\n", "")
    assert contents(cut) == before


def test_a_log_that_was_lost_is_there_again(cut: Path, run: Callable[..., Any]) -> None:
    for name in ("log.csv", "log.txt"):
        (cut / name).unlink()
    assert run("train", "--resume", "r").code == 0
    assert [row["epoch"] for row in rows(cut)] == ["1", "2"]
    assert (cut / "log.txt").read_text().startswith("model: lenet\n")


@pytest.mark.parametrize(("prepare", "code", "text"), [
    (lambda folder: shutil.rmtree(folder), 2, "train: --resume is 'r', but there is no such directory"),
    (lambda folder: (folder / "checkpoint.gnet").unlink(), 1,
     "r has no checkpoint.gnet, so there is nothing to go on from: a run diverged, or "
     "was never there; train anew, with --overwrite if there are files"),
    (lambda folder: (folder / "checkpoint.gnet").write_bytes((folder / "checkpoint.gnet").read_bytes()[:-1]), 1,
     "r/checkpoint.gnet: preamble.file_length at byte 20: the file should have "),
    (lambda folder: (folder / "checkpoint.gnet").write_bytes(b""), 1,
     "r/checkpoint.gnet: preamble at byte 0: the file ends after 0 bytes"),
    (lambda folder: gn.load(folder / "checkpoint.gnet").save(folder / "checkpoint.gnet"), 1,
     "r/checkpoint.gnet: meta: it is no checkpoint of a run: graphnet train writes them"),
])
def test_without_a_sound_checkpoint_there_is_an_error(
        cut: Path, run: Callable[..., Any], prepare: Callable[[Path], None], code: int, text: str) -> None:
    prepare(cut)
    before = contents(cut) if cut.exists() else {}
    result = run("train", "--resume", "r")
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(f"graphnet: {text}")
    assert not before or contents(cut) == before


@pytest.mark.parametrize(("change", "text"), [
    (lambda notes: notes.pop("model"), "meta.run: the key 'model' is missing"),
    (lambda notes: notes["settings"].__setitem__("epochs", "2"),
     "meta.run.settings.epochs: it must be of type int, not str"),
    (lambda notes: notes["settings"].__setitem__("batch_size", 0),
     "meta.run.settings.batch_size: it must be at least 1, not 0"),
    (lambda notes: notes["settings"].__setitem__("options", {"text": 3}),
     "meta.run.settings.options.text: the key 'text' is not known here"),
    (lambda notes: notes["settings"].__setitem__("seed", -1), "meta.run.settings.seed: it must be at least 0, not -1"),
    (lambda notes: notes["settings"].__setitem__("validation", float("nan")),
     "meta.run.settings.validation: it must be at least 0 and below 1, not nan"),
    (lambda notes: notes.__setitem__("checkpoint_every", 0), "meta.run.checkpoint_every: it must be nil or at least 1"),
    (lambda notes: notes.pop("folder"), "meta.run: the key 'folder' is missing"),
    (lambda notes: notes.__setitem__("model", "../x"), "models: name is '../x', but it must be one of"),
])
def test_a_checkpoint_with_bad_notes_is_refused(
        cut: Path, run: Callable[..., Any], change: Callable[[dict[str, Any]], None], text: str) -> None:
    from graphnet.runtime.gnet import load_gnet, save_gnet

    found = load_gnet(cut / "checkpoint.gnet")
    change(found.meta["run"])
    save_gnet(cut / "checkpoint.gnet", found)
    result = run("train", "--resume", "r")
    assert result.code in (1, 2)
    assert text in result.err


def test_other_versions_are_named(cut: Path, run: Callable[..., Any]) -> None:
    from graphnet.runtime.gnet import load_gnet, save_gnet

    found = load_gnet(cut / "checkpoint.gnet")
    now = found.meta["run"]["versions"]["numpy"]
    found.meta["run"]["versions"]["numpy"] = "1.0"
    save_gnet(cut / "checkpoint.gnet", found)
    result = run("train", "--resume", "r")
    assert result.code == 0
    assert result.out.splitlines()[0] == f"resumed after 5 of 10 steps (numpy 1.0 → {now}: the last bits may differ)"


def test_overwriting_begins_anew(cut: Path, few: Path, run: Callable[..., Any], whole: tuple[str, Path]) -> None:
    name, expected = whole
    assert run(*arguments(name, few), "--run-dir", "r", "--overwrite").code == 0
    check_same(cut, expected)


def test_a_run_that_diverged_cannot_be_resumed(few: Path, run: Callable[..., Any]) -> None:
    diverging = ("--lr", "1e9", "--optimizer", "sgd", "--schedule", "constant")
    assert run(*arguments("lenet", few), "--run-dir", "r", *diverging).code == 1
    assert run("train", "--resume", "r").err.startswith("graphnet: r has no checkpoint.gnet, so there is nothing to")


def test_a_model_or_a_run_must_be_given(run: Callable[..., Any]) -> None:
    result = run("train", "--epochs", 2)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("graphnet: train: MODEL is not given, but it must be one of char_rnn, lenet, ")
    assert result.err.endswith(", unless --resume RUN_DIR is given\n")


def test_an_unknown_setting_is_refused(cut: Path) -> None:
    with pytest.raises(gn.ArgumentError, match="train: settings is 'pace', but it must be one of batch_size, data_dir"):
        resume(cut, {"pace": 1})


def test_the_checkpoint_belongs_to_the_files_of_a_run() -> None:
    assert directory.CHECKPOINT in directory.FILES


def test_a_run_that_goes_on_elsewhere_is_left_alone(few: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    pytest.importorskip("fcntl", reason="the system has no such locks")
    folder = tmp_path / "r"
    with dying_in(1):
        main([*arguments("lenet", few), "--run-dir", str(folder)])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with RunDirectory(folder, overwrite=True).claimed():
        result = run("train", "--resume", str(folder))
    assert (result.code, result.err) == (2, f"graphnet: train: --run-dir is {str(folder)!r}, but another run is "
                                            "writing there; wait for it, or choose another\n")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


PLAIN = ("import sys; from run_files import without_pictures; from graphnet.cli import main\n"
         "with without_pictures(): sys.exit(main())")
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
            "PYTHONPATH": str(Path(__file__).parents[2] / "support")}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="its file systems have no such names")
@pytest.mark.parametrize("name", ["lenet", "char_rnn"])
def test_names_that_are_no_utf8(name: str, few: Path, run: Callable[..., Any], elsewhere: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that the run is begun in, that of the data and the run's own; one is gone on with in the C locale."""
    odd = os.fsdecode(b"caf\xe9")
    folder = Path(f"r{odd}")
    shutil.copytree(few, elsewhere / odd / odd)
    monkeypatch.chdir(elsewhere / odd)
    with dying_in(3):
        run(*arguments(name, Path(odd)), "--run-dir", folder, "--checkpoint-every", "1")
    if name == "lenet":
        assert run("train", "--resume", folder).code == 0
    else:
        done = subprocess.run([sys.executable, "-c", PLAIN, "train", "--resume", os.fsencode(folder)], check=False,
                              capture_output=True, env=os.environ | C_LOCALE)
        assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(os.listdir(folder)) == FILES
    assert (folder / "log.txt").read_text("utf-8").splitlines()[-1].endswith("→  rcaf\\udce9")
    assert run(*arguments(name, Path(odd)), "--run-dir", "whole").code == 0
    assert (folder / "model.gnet").read_bytes() == (Path("whole") / "model.gnet").read_bytes()
