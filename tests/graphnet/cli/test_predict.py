import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import graphnet as gn
from graphnet.cli.common.inputs import probabilities
from graphnet.data import Dataset


@pytest.fixture
def picture(sample: Dataset, elsewhere: Path) -> Path:
    """A test digit as a picture."""
    path = elsewhere / "digit.png"
    Image.fromarray((sample.x_test[3, 0] * 255).round().astype(np.uint8)).save(path)
    return path


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum(-1, keepdims=True)


def test_an_image(run: Callable[..., Any], trained: Path, picture: Path, sample: Dataset) -> None:
    result = run("predict", trained / "model.gnet", picture)
    assert result.code == 0
    first, *rows = result.out.splitlines()
    shares = softmax(gn.load(trained / "model.gnet").predict(sample.x_test[3:4]))[0]
    assert first == f"{picture}: class {shares.argmax()} ({shares.max():.2%})"
    found = [(int(row.split()[0]), row.split()[1]) for row in rows]
    assert found == [(label, f"{shares[label]:.4%}") for label in np.argsort(-shares)]
    assert len(found) == 10


def test_top_limits_what_is_shown(run: Callable[..., Any], trained: Path, picture: Path) -> None:
    assert len(run("predict", trained / "model.gnet", picture, "--top", 3).out.splitlines()) == 4


def test_an_array_of_several_samples(run: Callable[..., Any], trained: Path, sample: Dataset) -> None:
    np.save("x.npy", sample.x_test[:5])
    out = run("predict", trained / "model.gnet", "x.npy", "--top", 1, "--batch-size", 2).out
    classes = gn.load(trained / "model.gnet").predict(sample.x_test[:5]).argmax(-1)
    assert [int(label) for label in re.findall(r"^x\.npy\[\d\]: class (\d) ", out, re.MULTILINE)] == classes.tolist()


def test_json(run: Callable[..., Any], trained: Path, sample: Dataset) -> None:
    np.save("x.npy", sample.x_test[:2])
    found = json.loads(run("predict", trained / "model.gnet", "x.npy", "--json").out)
    shares = softmax(gn.load(trained / "model.gnet").predict(sample.x_test[:2]))
    assert [row["class"] for row in found] == shares.argmax(-1).tolist()
    np.testing.assert_allclose([row["probabilities"] for row in found], shares, rtol=1e-12)


def test_ink_on_paper_is_inverted(run: Callable[..., Any], trained: Path, picture: Path, elsewhere: Path) -> None:
    pixels = np.asarray(Image.open(picture))
    Image.fromarray(255 - pixels).save(elsewhere / "paper.png")
    plain = json.loads(run("predict", trained / "model.gnet", picture, "--json").out)
    turned = json.loads(run("predict", trained / "model.gnet", "paper.png", "--invert", "--json").out)
    np.testing.assert_allclose(turned[0]["probabilities"], plain[0]["probabilities"], rtol=1e-4)


def test_a_network_that_predicts_numbers_shows_numbers(run: Callable[..., Any]) -> None:
    x = gn.Input((3,), name="x")
    net = gn.compile(gn.Model(x, gn.layers.Dense(2)(x)), loss="mse")
    net.save("a.gnet")
    np.save("x.npy", np.array([[1, 2, 3]], np.float32))
    wanted = net.predict(np.array([[1, 2, 3]], np.float32))
    assert run("predict", "a.gnet", "x.npy").out == f"x.npy: {wanted[0, 0]:.6g} {wanted[0, 1]:.6g}\n"
    assert json.loads(run("predict", "a.gnet", "x.npy", "--json").out) == [{"output": wanted[0].tolist()}]


def test_rows_that_are_probabilities_are_taken_as_such() -> None:
    x = gn.Input((3,), name="x")
    net = gn.compile(gn.Model(x, gn.layers.Dense(2, activation="softmax")(x)))
    rows = np.array([[0.25, 0.75], [1, 0]], np.float32)
    np.testing.assert_array_equal(probabilities(net, rows), rows)
    assert probabilities(net, np.array([[0.5, 0.6]], np.float32)) is None
    assert probabilities(net, np.array([[1.5, -0.5]], np.float32)) is None
    assert probabilities(net, np.ones((2, 1), np.float32)) is None


def test_huge_logits_do_not_overflow(trained: Path) -> None:
    shares = probabilities(gn.load(trained / "model.gnet"), np.array([[1e30, 0.0, -1e30]], np.float32))
    np.testing.assert_array_equal(shares, [[1, 0, 0]])


def test_networks_with_several_inputs_are_refused(run: Callable[..., Any]) -> None:
    a, b = gn.Input((3,), name="a"), gn.Input((3,), name="b")
    gn.compile(gn.Model([a, b], gn.layers.Add()([a, b]), name="two")).save("two.gnet")
    result = run("predict", "two.gnet", "x.npy")
    assert result.code == 2
    assert "it takes networks with one input and one output; this has 2 and 1. Use gn.load in Python" in result.err


def test_images_that_do_not_fit_are_refused(run: Callable[..., Any], trained: Path) -> None:
    result = run("predict", trained / "model.gnet", trained / "curves.png")
    assert result.code == 1
    assert "expected 28 x 28 pixels (width x height), found 1248 x 480" in result.err
    assert run("predict", trained / "model.gnet", "nowhere.png").err == (
        "graphnet: nowhere.png: cannot be read: No such file or directory\n")
