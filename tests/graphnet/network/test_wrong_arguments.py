"""What a caller may get wrong about `compile`, `fit`, `predict` and weights: each with the text of its error."""

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest

import graphnet as gn


def make(**arguments: Any) -> gn.Network:
    x = gn.Input((3,), name="x")
    model = gn.Model(x, gn.layers.Dense(2, name="out")(x))
    return gn.compile(model, **({"loss": "mse", "optimizer": "sgd"} | arguments))


@pytest.mark.parametrize(("arguments", "error", "text"), [
    ({"metrics": 3}, gn.ArgumentError, "compile: metrics is 3, but it must be a Metric or one of 'acc', 'accuracy'"),
    ({"metrics": {"out": None}}, gn.ArgumentError, "compile: metrics is None, but it must be a Metric or one of"),
    ({"loss": {}}, gn.GraphError, "loss is given for no output; give one, or None for prediction only"),
])
def test_compile(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        make(**arguments)


@pytest.mark.parametrize(("x", "text"), [
    ([[1, 2, 3], [1, 2]], "x must be one array, but its rows are of different lengths; pad them"),
    ({"x": [[1, 2, 3], [1]]}, "x of 'x' must be one array, but its rows are of different lengths; pad them"),
])
def test_rows_of_different_lengths(x: object, text: str) -> None:
    with pytest.raises(gn.DataError, match=re.escape(text)):
        make().predict(x)


def test_counts_that_differ_are_told_by_what_was_fed() -> None:
    with pytest.raises(gn.DataError, match=re.escape("got x: 4, labels of out: 3, sample weights of out: 2")):
        make().evaluate(np.ones((4, 3)), np.ones((3, 2)), sample_weight=np.ones(2))


@pytest.mark.parametrize(("weights", "error", "text"), [
    (None, gn.DataError, "give each weight by its name, as a dict {name: array}, not as NoneType"),
    ([np.ones(2)], gn.DataError, "give each weight by its name, as a dict {name: array}, not as list"),
    ({"out/bias": [[1], [1, 2]]}, gn.DataError, "weight 'out/bias' must be one array, but its rows"),
    ({"out/weight": np.ones((3, 2)), "out/bias": [1.0, 1e300]}, gn.DataError,
     "weight 'out/bias' has numbers that are too large for float32"),
    ({"out/weight": np.ones((3, 2)), "out/bias": np.ones(1)}, gn.ShapeError,
     "weight 'out/bias' is float32 (2,), got float64 (1,)"),
])
def test_weights_that_cannot_be_set_change_nothing(weights: Any, error: type[Exception], text: str) -> None:
    net = make()
    before = {name: weight.copy() for name, weight in net.weights.items()}
    with pytest.raises(error, match=re.escape(text)):
        net.set_weights(weights)
    for name, weight in net.weights.items():
        np.testing.assert_array_equal(weight, before[name])


@pytest.mark.parametrize("how", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_model_is_not_pickled(how: Any) -> None:
    x = gn.Input((3,))
    with pytest.raises(gn.GraphError, match=r"a Model cannot be pickled or copied.*gn\.compile\(model\)\.save\(path\)"):
        how(gn.Model(x, gn.layers.Dense(1)(x)))


@pytest.mark.parametrize("how", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_network_is_not_pickled(how: Any) -> None:
    with pytest.raises(gn.GraphError, match=r"a Network cannot be pickled or copied.*use net\.save\(path\)"):
        how(make())


@pytest.mark.parametrize(("layer", "text"), [
    (lambda: gn.layers.Conv2D(6, 5, stride=2),
     "Conv2D: stride is 2, but there is no such argument; stride= of PyTorch is strides= here; there are filters, "
     "kernel_size, strides, padding, dilation, "
     "groups, activation, use_bias, kernel_initializer, bias_initializer, name, trainable, activity_regularizer, "),
    (lambda: gn.layers.Dense(6, units_=1), "Dense: units_ is 1, but there is no such argument; did you mean units?; "
                                               "there are units, "),
])
def test_arguments_that_a_layer_does_not_have(layer: Any, text: str) -> None:
    with pytest.raises(gn.ArgumentError, match=re.escape(text)):
        layer()
