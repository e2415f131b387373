import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphnet as gn
from graphnet.data import make_tales
from graphnet.runs.text_sampling import write_text

SMALL = ("--set", "text=tales.txt", "--set", "units=16", "--set", "cell=gru", "--epochs", 1, "--batch-size", 4)


@pytest.fixture
def written(run: Callable[..., Any], elsewhere: Path) -> Any:
    """The result of a short training on a text of one's own, in the run directory `r`."""
    (elsewhere / "tales.txt").write_text(make_tales(6000, seed=1))
    result = run("train", "char_rnn", *SMALL, "--run-dir", "r")
    assert result.code == 0, result.err
    return result


def test_options_reach_the_model_and_the_data(written: Any, elsewhere: Path) -> None:
    figures = json.loads((elsewhere / "r" / "metrics.json").read_text())
    assert figures["options"] == {"cell": "gru", "units": 16, "text": "tales.txt"}
    assert (figures["dataset"], figures["data_source"]) == ("tales.txt", "the text tales.txt")
    assert (figures["train_samples"], figures["test_samples"], figures["steps"]) == (104, 8, 26)
    assert gn.load("r/model.gnet").weights["reader/recurrent_weight"].shape == (16, 48)
    assert "options: {'cell': 'gru', 'units': 16, 'text': 'tales.txt'}\n" in (elsewhere / "r" / "log.txt").read_text()


def test_after_each_epoch_the_model_writes(written: Any, elsewhere: Path) -> None:
    lines = written.out.splitlines()
    assert lines[1].startswith("epoch 1/1  loss ")
    assert all(line.startswith("    ") for line in lines[2:-1])
    assert len(lines[2:-1]) >= 1
    assert (elsewhere / "r" / "log.txt").read_text().endswith(written.out)


def test_the_saved_model_begins_anew_with_any_batch(written: Any) -> None:
    net = gn.load("r/model.gnet")
    assert "reader/hidden" not in net.states
    assert len(net.predict(gn.data.encode_text("Anna was")[None])) == 1


def test_evaluating_the_file_gives_the_figures_of_the_run(
        run: Callable[..., Any], written: Any, elsewhere: Path) -> None:
    figures = json.loads((elsewhere / "r" / "metrics.json").read_text())
    found = json.loads(run("evaluate", "r/model.gnet", "--set", "text=tales.txt", "--batch-size", 4, "--json").out)
    assert found["source"] == "test part of tales.txt from the text tales.txt"
    assert {key: found[key] for key in ("loss", "accuracy", "perplexity")} == {
        key: figures[f"test_{key}"] for key in ("loss", "accuracy", "perplexity")}
    # Without the text it is the tales, cut as the recipe says; the network knows them a little.
    found = json.loads(run("evaluate", "r/model.gnet", "--json").out)
    assert (found["samples"], found["source"]) == (224, "test part of tales from graphnet's own tales")


def test_sample_writes_after_the_prompt(run: Callable[..., Any], written: Any) -> None:
    net = gn.load("r/model.gnet")
    assert run("sample", "r/model.gnet", "--length", 30).out == f"{write_text(net, 30, temperature=0.8)}\n"
    wanted = write_text(net, 12, prompt="Anna", temperature=0.3, seed=5)
    result = run("sample", "r/model.gnet", "--prompt", "Anna", "--length", 12, "--temperature", 0.3, "--seed", 5)
    assert (result.code, result.out, result.err) == (0, f"Anna{wanted}\n", "")


def test_what_cannot_write_says_so(run: Callable[..., Any], written: Any, trained: Path) -> None:
    result = run("sample", trained / "model.gnet")
    assert result.code == 1
    assert result.err.startswith("graphnet: 'lenet' makes float32 (N, 10) of float32 (N, 1, 28, 28), but to write text")
    assert run("sample", "r/model.gnet", "--prompt", "").code == 2
    assert "argument --temperature: it must be a number ≥ 0" in run("sample", "r/model.gnet", "--temperature", -1).err


@pytest.mark.parametrize(("arguments", "code", "message"), [
    (["--set", "cell"], 2, "argument --set: it must be OPTION=VALUE, not 'cell'"),
    (["--set", "=gru"], 2, "argument --set: it must be OPTION=VALUE, not '=gru'"),
    (["--set", "cell=transformer"], 2, "--set: cell is 'transformer', but it must be one of simple, lstm, gru"),
    (["--set", "layers=2"], 2, "--set: OPTION is 'layers', but it must be one of cell, units, text"),
    (["--set", "text=nowhere.txt"], 2, "nowhere.txt: cannot be read: No such file or directory"),
    (["--data-dir", "."], 2, "char_rnn: --data-dir is '.', but it learns from one text: give its path with --set"),
    (["--batch-size", "500"], 1, "a sequence of 11,999 is too short for 500 streams of 50 steps"),
], ids=lambda value: "-".join(value) if isinstance(value, list) else "")
def test_misuse_leaves_no_directory(run: Callable[..., Any], elsewhere: Path, arguments: list[str], code: int,
                                    message: str) -> None:
    result = run("train", "char_rnn", *arguments, "--run-dir", "r")
    assert result.code == code
    assert message in result.err
    assert not (elsewhere / "r").exists()


def test_models_without_options_say_so(run: Callable[..., Any]) -> None:
    assert run("train", "lenet", "--set", "cell=gru").err == (
        "graphnet: --set: OPTION is 'cell', but there is nothing to set here\n")


def test_the_models_are_listed_with_what_they_are(run: Callable[..., Any]) -> None:
    text = run("train", "-h").out
    assert re.search(r"^  lenet +LeNet-5 for handwritten digits \(LeCun", text, re.MULTILINE)
    assert re.search(r"^ +--set units=N: size of its hidden state \(default: 64\)$", text, re.MULTILINE)
