import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

Conv1D = gn.layers.Conv1D


@pytest.mark.parametrize(("arguments", "shape"), [
    ({"kernel_size": 5}, ("N", 6, 24)),
    ({"kernel_size": 5, "padding": "same"}, ("N", 6, 28)),
    ({"kernel_size": 4, "padding": "same", "strides": 3}, ("N", 6, 10)),
    ({"kernel_size": 5, "padding": "causal", "dilation": 3}, ("N", 6, 28)),
    ({"kernel_size": 3, "padding": "causal", "strides": 2}, ("N", 6, 14)),
    ({"kernel_size": 3, "padding": 2}, ("N", 6, 30)),
    ({"kernel_size": 3, "padding": (0, 3)}, ("N", 6, 29)),
    ({"kernel_size": 3, "groups": 2, "activation": "relu"}, ("N", 6, 26)),
])
def test_shapes(arguments, shape) -> None:
    assert Conv1D(6, **arguments)(gn.Input((4, 28))).shape == shape


def test_weights() -> None:
    x = gn.Input((4, 9))
    model = gn.Model(x, Conv1D(6, 3, groups=2)(x))
    assert {p.name: model.graph.types[p.value].shape for p in model.graph.parameters} == {
        "conv1d/weight": (6, 2, 3), "conv1d/bias": (6,)}


def test_causal_sees_nothing_of_the_future(run) -> None:
    x = gn.Input((1, 5))
    y = Conv1D(1, 2, padding="causal", dilation=2, use_bias=False, kernel_initializer="ones")(x)
    values = run(gn.Model(x, y), {"input": np.array([[[1, 10, 100, 1000, 10000]]], np.float32)})
    np.testing.assert_array_equal(values["conv1d"], [[[1, 10, 101, 1010, 10100]]])


@pytest.mark.parametrize(("arguments", "text"), [
    ({"filters": 0, "kernel_size": 3}, "Conv1D: filters is 0, but it must be a whole number ≥ 1"),
    ({"filters": 6, "kernel_size": (3, 3)}, "Conv1D: kernel_size is (3, 3), but it must be a whole number ≥ 1"),
    ({"filters": 6, "kernel_size": 3, "strides": -1}, "Conv1D: strides is -1, but it must be a whole number ≥ 1"),
    ({"filters": 6, "kernel_size": 3, "dilation": 0}, "Conv1D: dilation is 0, but it must be a whole number ≥ 1"),
    ({"filters": 6, "kernel_size": 3, "padding": "full"},
     'Conv1D: padding is \'full\', but it must be "valid", "same", "causal", a number ≥ 0 or (before, after)'),
    ({"filters": 6, "kernel_size": 3, "padding": (1, -2)}, "Conv1D: padding is (1, -2), but it must be"),
    ({"filters": 6, "kernel_size": 3, "padding": (1, 2, 3)}, "Conv1D: padding is (1, 2, 3), but it must be"),
    ({"filters": 6, "kernel_size": 3, "groups": 4}, "Conv1D: groups is 4, but it must divide filters=6"),
])
def test_bad_arguments(arguments, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        Conv1D(**arguments)


@pytest.mark.parametrize(("arguments", "shape", "text"), [
    ({"kernel_size": 5}, (4, 3), "the window is 5 long, but the input is only 3 long (3 + padding 0 + 0): 5 > 3"),
    ({"kernel_size": 3, "dilation": 4, "padding": 1}, (4, 6), "the window is 9 long, but the input is only 8 long"),
    ({"kernel_size": 3}, (4, 5, 6), "Conv1D needs (N, channels, length), got (N, 4, 5, 6): 4 dims instead of 3\n"
                                    "  fix: use the 2D layer for images"),
    ({"kernel_size": 3}, (4,), "Conv1D needs (N, channels, length), got (N, 4): 2 dims instead of 3"),
    ({"kernel_size": 3, "groups": 2}, (3, 9), "3 channels do not divide into 2 groups: 3 = 1 · 2 + 1"),
    ({"kernel_size": 3}, (4, None), "the length that Conv1D takes must be known when the graph is declared"),
    ({"kernel_size": 3}, (None, 4), "the number of channels that Conv1D takes must be known"),
])
def test_inputs_that_do_not_fit(arguments, shape, text: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(text)):
        Conv1D(6, **arguments)(gn.Input(shape))
