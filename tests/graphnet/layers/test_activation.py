import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

L = gn.layers
X = np.array([[-2.0, 0.0, 1.0]], np.float64)


@pytest.mark.parametrize(("layer", "expected"), [
    (L.ReLU(), np.maximum(X, 0)), (L.Tanh(), np.tanh(X)), (L.Sigmoid(), 1 / (1 + np.exp(-X))),
    (L.Softmax(), np.exp(X) / np.exp(X).sum()),
])
def test_numbers(run, layer, expected) -> None:
    x = gn.Input((3,), dtype="float64")
    (y,) = run(gn.Model(x, layer(x)), {"input": X}).values()
    np.testing.assert_allclose(y, expected, rtol=1e-14)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "softmax"])
def test_a_name_in_another_layer_is_the_layer_behind_it(run, name: str) -> None:
    x = gn.Input((3,), dtype="float64")
    behind = {"relu": L.ReLU, "sigmoid": L.Sigmoid, "tanh": L.Tanh, "softmax": L.Softmax}[name]()
    inside = run(gn.Model(x, L.Dense(4, activation=name)(x)), {"input": X})
    (outside,) = run(gn.Model(x, behind(L.Dense(4)(x))), {"input": X}).values()
    np.testing.assert_array_equal(inside["dense"], outside)


def test_the_axis_of_softmax() -> None:
    with pytest.raises(ArgumentError, match="Softmax: axis is 0, but it must be a whole number other than 0"):
        L.Softmax(axis=0)
    with pytest.raises(ShapeError, match=re.escape("axis -2 of (N, 3) is the batch, and samples never mix")):
        L.Softmax(axis=-2)(gn.Input((3,)))
    with pytest.raises(ShapeError, match=re.escape(
            "Softmax has axis 2, but its input has 2 dims (axes -2 … 1)")):
        L.Softmax(axis=2)(gn.Input((3,)))
