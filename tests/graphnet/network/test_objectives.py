"""The forms in which `compile` takes losses, metrics and loss weights: one, by name, and by place."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet import losses, metrics

ACCURACY, MAE, MSE = metrics.Accuracy(), metrics.MeanAbsoluteError(), metrics.MeanSquaredError()


def compiled(**options: Any) -> gn.Network:
    """A network with the outputs a, of 3 classes, and b."""
    x = gn.Input((4,), name="x")
    outputs = {"a": gn.layers.Dense(3)(x), "b": gn.layers.Dense(1)(x)}
    return gn.compile(gn.Model(x, outputs), **options)


def objective(**options: Any) -> tuple[dict[str, Any], dict[str, float], dict[str, Any]]:
    made = compiled(**options).objective
    assert made is not None
    return dict(made.losses), dict(made.weights), {name: list(items) for name, items in made.metrics.items()}


@pytest.mark.parametrize("form", ["SoftmaxCrossEntropy", "softmax_cross_entropy", losses.SoftmaxCrossEntropy()])
def test_losses_by_place(form: Any) -> None:
    named = objective(loss={"a": form, "b": "mse"})
    assert objective(loss=[form, "mse"]) == objective(loss=(form, losses.MeanSquaredError())) == named
    assert objective(loss=[None, "mse"]) == objective(loss={"b": "mse"})


@pytest.mark.parametrize(("given", "a", "b"), [
    ("mae", [MAE], [MAE]), (MAE, [MAE], [MAE]), (["mae"], [MAE], [MAE]), (["mae", "MSE"], [MAE, MSE], [MAE, MSE]),
    (None, [], []), ([], [], []), ((), [], []),
    ([["accuracy"], ["mae", MSE]], [ACCURACY], [MAE, MSE]), (["Accuracy", ("mae",)], [ACCURACY], [MAE]),
    ([None, "mae"], None, [MAE]), ([[], ["mae"]], [], [MAE]),
    ({"a": "accuracy", "b": MAE}, [ACCURACY], [MAE]), ({"b": ["mae"]}, None, [MAE]),
])
def test_metrics(given: Any, a: Any, b: Any) -> None:
    wanted = {name: items for name, items in (("a", a), ("b", b)) if items is not None}
    assert objective(loss=["softmax_cross_entropy", "mse"], metrics=given)[2] == wanted


@pytest.mark.parametrize("given", [[2, 0.5], (2.0, 0.5), np.array([2, 0.5]), [np.float32(2), np.array(0.5)],
                                   {"a": 2, "b": 0.5}], ids=["list", "tuple", "array", "numbers", "dict"])
def test_loss_weights(given: Any) -> None:
    assert objective(loss="mse", loss_weights=given)[1] == {"a": 2.0, "b": 0.5}
    assert objective(loss="mse", loss_weights=[None, 0.5])[1] == {"a": 1.0, "b": 0.5}


def test_lists_follow_the_order_of_the_outputs_and_train_alike() -> None:
    x, y = np.linspace(-1, 1, 24).reshape(6, 4), {"a": np.arange(6) % 3, "b": np.ones((6, 1))}
    by_place = compiled(loss=["softmax_cross_entropy", "mse"], metrics=[["accuracy"], None], loss_weights=[1, 0.5],
                        optimizer="Adam")
    by_name = compiled(loss={"a": "softmax_cross_entropy", "b": "mse"}, metrics={"a": ["accuracy"]},
                       loss_weights={"b": 0.5}, optimizer="adam")
    assert by_place.train_on_batch(x, y) == by_name.train_on_batch(x, y)
    row = gn.Input((4,))
    one = gn.compile(gn.Model(row, gn.layers.Dense(3)(row)), ["SoftmaxCrossEntropy"], metrics=[["accuracy"]])
    assert list(one.evaluate(x, y["a"])) == ["loss", "accuracy"]


@pytest.mark.parametrize(("options", "error", "text"), [
    ({"loss": ["mse"]}, gn.ArgumentError, "loss is ['mse'], but it must be a dict by output name, or a list with one "
                                          "for each output, in the order 'a', 'b'"),
    ({"loss": 3}, gn.ArgumentError, "loss is 3, but it must be a Loss such as"),
    ({"loss": []}, gn.ArgumentError, "loss is [], but it must be a dict by output name, or a list with one for each"),
    ({"loss": [None, None]}, gn.GraphError, "loss is given for no output; give one, or None for prediction only"),
    ({"loss": ["mse", ["mse"]]}, gn.ArgumentError, "loss is ['mse'], but it must be a Loss such as"),
    ({"loss": [None, "mse"], "metrics": [["mae"], ["mae"]]}, gn.GraphError,
     "metrics is given for 'a', but it can be given for 'b' only"),
    ({"loss": "mse", "metrics": [["mae"]]}, gn.ArgumentError, "metrics is [['mae']], but it must be a dict by output"),
    ({"loss": "mse", "metrics": [["mae"], [["mae"]]]}, gn.ArgumentError, "metrics is ['mae'], but it must be a Metric"),
    ({"loss": "mse", "loss_weights": np.ones(3)}, gn.ArgumentError, "but it must be a dict by output name, or a list"),
    ({"loss_weights": np.ones(2)}, gn.GraphError, "metrics and loss_weights need a loss; give compile a loss"),
    ({"metrics": "mae"}, gn.GraphError, "metrics and loss_weights need a loss; give compile a loss"),
])
def test_what_is_refused(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        compiled(**options)
