import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.data import Dataset


def test_the_test_samples_of_the_networks_own_model(run: Callable[..., Any], trained: Path, digits: Path) -> None:
    result = run("evaluate", trained / "model.gnet", "--data-dir", digits)
    figures = json.loads((trained / "metrics.json").read_text())
    assert result.code == 0
    assert result.out == (f"loss {figures['test_loss']:.4f}  accuracy {figures['test_accuracy']:.2%}  on 200 samples: "
                          f"test part of mnist-like from IDX files in {digits} (checksums differ from MNIST's)\n"
                          ).replace("%", " %")


def test_json(run: Callable[..., Any], trained: Path, digits: Path) -> None:
    found = json.loads(run("evaluate", trained / "model.gnet", "--data-dir", digits, "--json", "--batch-size", 7).out)
    figures = json.loads((trained / "metrics.json").read_text())
    assert found["loss"] == pytest.approx(figures["test_loss"], rel=1e-6)
    assert (found["accuracy"], found["samples"]) == (figures["test_accuracy"], 200)


def test_samples_of_ones_own(run: Callable[..., Any], trained: Path, sample: Dataset, elsewhere: Path) -> None:
    np.save("x.npy", (sample.x_test[:30] * 255).round().astype(np.uint8))
    np.save("y.npy", sample.y_test[:30])
    found = json.loads(run("evaluate", trained / "model.gnet", "--x", "x.npy", "--y", "y.npy", "--json").out)
    wanted = gn.load(trained / "model.gnet").evaluate(sample.x_test[:30], sample.y_test[:30])
    assert found == wanted | {"samples": 30, "source": "x.npy"}


def test_x_and_y_belong_together(run: Callable[..., Any], trained: Path) -> None:
    result = run("evaluate", trained / "model.gnet", "--x", "x.npy")
    assert (result.code, result.err) == (
        2, "graphnet: evaluate: --x is 'x.npy', but --x and --y belong together: give both\n")


def test_a_network_of_an_unknown_name_needs_to_be_told_its_data(
        run: Callable[..., Any], digits: Path, elsewhere: Path) -> None:
    x = gn.Input((1, 28, 28), name="x")
    model = gn.Model(x, gn.layers.Dense(10)(gn.layers.Flatten()(x)), name="mine")
    gn.compile(model, loss="softmax_cross_entropy").save("mine.gnet")
    result = run("evaluate", "mine.gnet")
    assert result.code == 2
    assert "the network is called 'mine', and no data set is known by that name; give --model (one of " in result.err
    assert run("evaluate", "mine.gnet", "--model", "lenet", "--data-dir", digits).out.startswith("loss 2.")


@pytest.mark.parametrize(("content", "text"), [
    (None, r"graphnet: bad\.gnet: No such file or directory\n"),
    (b"", r"graphnet: bad\.gnet: .*cut short\n"),
    (b"x" * 200, r"graphnet: bad\.gnet: preamble.*\n"),
])
def test_bad_files_fail_with_one_line(run: Callable[..., Any], content: bytes | None, text: str) -> None:
    if content is not None:
        Path("bad.gnet").write_bytes(content)
    for command in (["evaluate", "bad.gnet"], ["predict", "bad.gnet", "x.png"]):
        result = run(*command)
        assert result.code == (2 if content is None else 1)
        assert re.fullmatch(text, result.err)
        assert result.out == ""


def test_a_damaged_file_is_found_out(run: Callable[..., Any], trained: Path) -> None:
    content = bytearray((trained / "model.gnet").read_bytes())
    content[-1] ^= 1
    Path("bad.gnet").write_bytes(content)
    result = run("evaluate", "bad.gnet")
    assert result.code == 1
    assert result.err.startswith("graphnet: bad.gnet: ")


def test_a_network_for_prediction_only_cannot_be_evaluated(run: Callable[..., Any], digits: Path) -> None:
    from graphnet.models import lenet

    gn.compile(lenet.model()).save("a.gnet")
    result = run("evaluate", "a.gnet", "--data-dir", digits)
    assert result.code == 1
    assert "this network was compiled for prediction only" in result.err


@pytest.mark.parametrize(("labels", "problem"), [
    (np.zeros(3, np.int64), "all arrays must have as many samples as one another, got image: 2, labels of logits: 3"),
    (np.full(2, 17), "label 0 is 17, but the model has 10 classes"),
    (np.zeros((2, 2, 2)), "labels fed do not fit the output "),
], ids=["count", "class", "shape"])
def test_labels_that_do_not_fit_are_named_by_their_file(labels: Any, problem: str, run: Callable[..., Any],
                                                        trained: Path, sample: Dataset, elsewhere: Path) -> None:
    np.save("x.npy", sample.x_test[:2])
    np.save("y.npy", labels)
    result = run("evaluate", trained / "model.gnet", "--x", "x.npy", "--y", "y.npy")
    assert result.code == 1
    assert result.err.startswith(f"graphnet: y.npy: {problem}")
