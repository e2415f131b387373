import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError

Conv2D = gn.layers.Conv2D


@pytest.mark.parametrize(("arguments", "shape"), [
    ({"kernel_size": 5}, ("N", 6, 24, 16)),
    ({"kernel_size": 5, "padding": "same"}, ("N", 6, 28, 20)),
    ({"kernel_size": (4, 2), "padding": "same"}, ("N", 6, 28, 20)),
    ({"kernel_size": (4, 3), "padding": "same", "strides": (3, 2)}, ("N", 6, 10, 10)),
    ({"kernel_size": 3, "padding": 1}, ("N", 6, 28, 20)),
    ({"kernel_size": 3, "padding": (0, 2)}, ("N", 6, 26, 22)),
    ({"kernel_size": 3, "padding": ((1, 0), (2, 3))}, ("N", 6, 27, 23)),
    ({"kernel_size": 3, "dilation": (3, 4)}, ("N", 6, 22, 12)),
    ({"kernel_size": 3, "dilation": 2, "padding": "same"}, ("N", 6, 28, 20)),
    ({"kernel_size": 3, "groups": 2}, ("N", 6, 26, 18)),
])
def test_shapes(arguments, shape) -> None:
    assert Conv2D(6, **arguments)(gn.Input((4, 28, 20))).shape == shape


def test_weights() -> None:
    x = gn.Input((4, 9, 9))
    model = gn.Model(x, Conv2D(6, (3, 2), groups=2, use_bias=False)(x))
    assert {p.name: model.graph.types[p.value].shape for p in model.graph.parameters} == {
        "conv2d/weight": (6, 2, 3, 2)}


def test_numbers_with_bias_and_activation(run) -> None:
    x = gn.Input((1, 2, 3))
    y = Conv2D(1, (1, 2), activation="relu", kernel_initializer=gn.initializers.Ones(),
               bias_initializer=gn.initializers.Constant(-5))(x)
    values = run(gn.Model(x, y), {"input": np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3)})
    np.testing.assert_array_equal(values["conv2d"], [[[[0, 0], [2, 4]]]])  # 1 3 / 7 9, less 5, at least 0


def test_an_even_kernel_with_same_pads_at_the_end(run) -> None:
    x = gn.Input((1, 3, 3))
    y = Conv2D(1, 2, padding="same", use_bias=False, kernel_initializer="ones")(x)
    values = run(gn.Model(x, y), {"input": np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3)})
    # Sums of each element with its right, lower and lower right neighbours; zeros beyond the last ones.
    np.testing.assert_array_equal(values["conv2d"], [[[[12, 16, 9], [24, 28, 15], [15, 17, 9]]]])


def test_a_kernel_of_4_with_same_pads_1_before_and_2_after(run) -> None:
    x = gn.Input((1, 1, 5))
    y = Conv2D(1, (1, 4), padding="same", use_bias=False, kernel_initializer="ones")(x)
    values = run(gn.Model(x, y), {"input": np.array([[[[1, 10, 100, 1000, 10000]]]], np.float32)})
    np.testing.assert_array_equal(values["conv2d"], [[[[111, 1111, 11110, 11100, 11000]]]])


def test_same_with_strides_starts_where_keras_and_pytorch_do(run) -> None:
    x = gn.Input((1, 1, 5))
    y = Conv2D(1, (1, 2), strides=(1, 2), padding="same", use_bias=False, kernel_initializer="ones")(x)
    values = run(gn.Model(x, y), {"input": np.array([[[[1, 10, 100, 1000, 10000]]]], np.float32)})
    np.testing.assert_array_equal(values["conv2d"], [[[[11, 1100, 10000]]]])  # one zero in all, at the end


@pytest.mark.parametrize(("arguments", "text"), [
    ({"filters": 0, "kernel_size": 3}, "Conv2D: filters is 0, but it must be a whole number ≥ 1"),
    ({"filters": 6, "kernel_size": 0},
     "Conv2D: kernel_size is 0, but it must be a whole number ≥ 1 or a pair"),
    ({"filters": 6, "kernel_size": (3, 3, 3)},
     "Conv2D: kernel_size is (3, 3, 3), but it must be a whole number ≥ 1"),
    ({"filters": 6, "kernel_size": 3, "strides": -1},
     "Conv2D: strides is -1, but it must be a whole number ≥ 1"),
    ({"filters": 6, "kernel_size": 3, "padding": "full"},
     "Conv2D: padding is 'full', but it must be \"valid\", "),
    ({"filters": 6, "kernel_size": 3, "padding": -1},
     "Conv2D: padding is -1, but it must be \"valid\", \"same\""),
    ({"filters": 6, "kernel_size": 3, "dilation": 0},
     "Conv2D: dilation is 0, but it must be a whole number ≥ 1"),
    ({"filters": 6, "kernel_size": 3, "groups": 4}, "Conv2D: groups is 4, but it must divide filters=6"),
])
def test_bad_arguments(arguments, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        Conv2D(**arguments)
