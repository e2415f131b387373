"""The models are what their docstrings say: layers, shapes, sizes; and what is optimised computes the same."""

import subprocess
import sys

import numpy as np
import pytest

import graphnet as gn
from graphnet.compiler import ops
from graphnet.compiler.types import BATCH
from graphnet.inspect.random_samples import random_samples
from graphnet.models import char_rnn, mlp, resnet, row_rnn, vgg
from graphnet.runs import load_recipe, model_names

SIZES = {"mlp": 784 * 256 + 256 + 256 * 128 + 128 + 1290,
         "vgg": 9 * (8 + 8 * 8 + 8 * 16 + 16 * 16 + 16 * 32 + 32 * 32) + 2 * 2 * (8 + 16 + 32) + 288 * 64 + 64 + 650,
         "resnet": 9 * (16 + 4 * 16 * 16 + 16 * 32 + 3 * 32 * 32) + 16 * 32 + 2 * (5 * 16 + 5 * 32) + 330,
         "row_rnn": 4 * 64 * (28 + 64 + 1) + 650,
         "char_rnn": 256 * 32 + 4 * 128 * (32 + 128 + 1) + 129 * 256}

STATISTICS = {"vgg": 2 * 2 * (8 + 16 + 32), "resnet": 2 * (5 * 16 + 5 * 32)}  # a mean and a variance of each channel


@pytest.mark.parametrize("name", SIZES)
def test_parameters(name: str) -> None:
    summary = load_recipe(name).model().summary()
    assert (summary.trainable, summary.statistics) == (SIZES[name], STATISTICS.get(name, 0))
    assert summary.parameters == summary.trainable + summary.statistics


def shapes(model: gn.Model) -> dict[str, tuple[int | str, ...]]:
    graph = model.graph
    return {graph.origins[v].layer: graph.types[v].shape for node in graph.nodes for v in node.outputs[:1]}


def test_vgg_halves_the_image_after_each_pair_of_convolutions() -> None:
    found = shapes(vgg.model())
    assert [found[f"pool{n}"] for n in (1, 2, 3)] == [(BATCH, 8, 14, 14), (BATCH, 16, 7, 7), (BATCH, 32, 3, 3)]


def test_resnet_has_identity_shortcuts_wherever_shapes_allow() -> None:
    graph = resnet.model().graph
    added = [node for node in graph.nodes if isinstance(node.op, ops.Add)]
    sources = [graph.origins[node.inputs[1]].layer for node in added]
    assert sources == ["stem_pool", "stage1a_relu2", "stage2a_shortcut_norm", "stage2a_relu2"]
    assert shapes(resnet.model())["pool"] == (BATCH, 32)


@pytest.mark.parametrize(("cell", "gates", "extra"), [("simple", 1, 0), ("lstm", 4, 0), ("gru", 3, 1)])
def test_recurrent_models_take_every_cell_and_size(cell: str, gates: int, extra: int) -> None:
    units = 24
    rows = row_rnn.model(cell=cell, units=units).graph  # type: ignore[arg-type]
    text = char_rnn.model(cell=cell, units=units).graph  # type: ignore[arg-type]
    for graph, features in ((rows, 28), (text, 32)):
        found = {p.name: graph.types[p.value].shape for p in graph.parameters if p.name.startswith("reader/")}
        wanted = {"reader/weight": (features, gates * units), "reader/recurrent_weight": (units, gates * units),
                  "reader/bias": (gates * units,)} | ({"reader/recurrent_bias": (units,)} if extra else {})
        assert found == wanted


def test_only_the_character_model_is_stateful() -> None:
    stateful = [name for name in model_names() if gn.compile(load_recipe(name).model()).stateful]
    assert stateful == [name for name in model_names() if load_recipe(name).stream_steps is not None] == ["char_rnn"]


def test_dropout_is_gone_outside_training() -> None:
    net = gn.compile(mlp.model(), load_recipe("mlp").loss, "adam")
    assert not any(isinstance(node.op, ops.RandomMask) for node in net.stages("predict")[-1].after.nodes)


@pytest.mark.parametrize("name", model_names())
def test_optimised_and_plain_compute_the_same(name: str) -> None:
    recipe = load_recipe(name)
    fast, plain = (gn.compile(recipe.model(), recipe.loss, recipe.optimizer, recipe.metrics, dtype="float64",
                              optimize=optimize) for optimize in (True, False))
    x, y = random_samples(fast, 4, dims={"T": 6} if fast.stateful else {})
    for _ in range(3):
        np.testing.assert_allclose(fast.train_on_batch(x, y)["loss"], plain.train_on_batch(x, y)["loss"], rtol=1e-10)
    for weight, array in plain.weights.items():
        np.testing.assert_allclose(fast.weights[weight], array, rtol=1e-7, atol=1e-9, err_msg=weight)
    np.testing.assert_allclose(fast.predict(x), plain.predict(x), rtol=1e-7, atol=1e-8)
    assert fast.evaluate(x, y, 4) == pytest.approx(plain.evaluate(x, y, 4), rel=1e-8)


@pytest.mark.parametrize("name", [name for name in model_names() if name != "lenet"])
def test_it_runs_by_itself_with_the_same_options(name: str) -> None:
    done = subprocess.run([sys.executable, "-m", f"graphnet.models.{name}", "--epochs", "0"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2
    assert "graphnet train: error: argument --epochs: it must be a whole number ≥ 1, not '0'" in done.stderr
