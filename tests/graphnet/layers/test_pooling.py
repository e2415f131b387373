import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError

MaxPool2D = gn.layers.MaxPool2D


@pytest.mark.parametrize(("arguments", "shape"), [
    ({}, ("N", 3, 3, 4)),
    ({"pool_size": (3, 2)}, ("N", 3, 2, 4)),
    ({"pool_size": 3, "strides": 1}, ("N", 3, 5, 7)),
    ({"pool_size": 3, "strides": 2, "padding": "same"}, ("N", 3, 4, 5)),
    ({"pool_size": 3, "strides": 2, "padding": 1}, ("N", 3, 4, 5)),
])
def test_shapes(arguments, shape) -> None:
    assert MaxPool2D(**arguments)(gn.Input((3, 7, 9))).shape == shape


def test_padding_never_wins(run) -> None:
    x = gn.Input((1, 2, 3))
    model = gn.Model(x, MaxPool2D(2, padding="same")(x))
    values = run(model, {"input": -np.arange(1, 7, dtype=np.float32).reshape(1, 1, 2, 3)})
    np.testing.assert_array_equal(values["max_pool2d"], [[[[-1, -3]]]])


@pytest.mark.parametrize(("arguments", "text"), [
    ({"pool_size": 0}, "MaxPool2D: pool_size is 0, but it must be a whole number ≥ 1"),
    ({"strides": (1, 0)}, "MaxPool2D: strides is (1, 0), but it must be a whole number ≥ 1"),
    ({"padding": 2}, "MaxPool2D: padding is 2, but each side must be less than pool_size=(2, 2), "
                     "so that no window lies in the padding alone"),
])
def test_bad_arguments(arguments, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        MaxPool2D(**arguments)
