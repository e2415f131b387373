import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

ConvTranspose2D = gn.layers.ConvTranspose2D


@pytest.mark.parametrize(("arguments", "shape"), [
    ({"kernel_size": 3}, ("N", 6, 9, 7)),
    ({"kernel_size": 3, "strides": 2}, ("N", 6, 15, 11)),
    ({"kernel_size": 3, "strides": 2, "padding": 1, "output_padding": 1}, ("N", 6, 14, 10)),
    ({"kernel_size": (3, 4), "strides": 2, "padding": "same"}, ("N", 6, 14, 10)),
    ({"kernel_size": 2, "strides": (3, 1), "padding": "same"}, ("N", 6, 21, 5)),
    ({"kernel_size": 3, "dilation": 2}, ("N", 6, 11, 9)),
    ({"kernel_size": 3, "groups": 2}, ("N", 6, 9, 7)),
    ({"kernel_size": 3, "padding": ((1, 0), (2, 1))}, ("N", 6, 8, 4)),
])
def test_shapes(arguments, shape) -> None:
    assert ConvTranspose2D(6, **arguments)(gn.Input((4, 7, 5))).shape == shape


def test_weights_are_stored_as_in_pytorch() -> None:
    x = gn.Input((4, 9, 9))
    model = gn.Model(x, ConvTranspose2D(6, (3, 2), groups=2)(x))
    assert {p.name: model.graph.types[p.value].shape for p in model.graph.parameters} == {
        "conv_transpose2d/weight": (4, 3, 3, 2), "conv_transpose2d/bias": (6,)}


def test_each_element_adds_a_filter(run) -> None:
    x = gn.Input((1, 1, 3))
    y = ConvTranspose2D(1, (1, 2), strides=(1, 2), output_padding=(0, 1), kernel_initializer="ones",
                        bias_initializer=gn.initializers.Constant(5))(x)
    values = run(gn.Model(x, y), {"input": np.array([[[[1, 10, 100]]]], np.float32)})
    np.testing.assert_array_equal(values["conv_transpose2d"], [[[[6, 6, 15, 15, 105, 105, 5]]]])


def test_it_undoes_the_shape_of_a_convolution() -> None:
    x = gn.Input((3, 11, 8))
    small = gn.layers.Conv2D(5, 4, strides=3, padding=1)(x)
    assert ConvTranspose2D(3, 4, strides=3, padding=1, output_padding=(0, 0))(small).shape == ("N", 3, 11, 8)


@pytest.mark.parametrize(("arguments", "text"), [
    ({"strides": -1}, "ConvTranspose2D: strides is -1, but it must be a whole number ≥ 1"),
    ({"strides": 2, "output_padding": 2},
     "ConvTranspose2D: output_padding is 2, but each must be less than strides=(2, 2)"),
    ({"output_padding": -1}, "ConvTranspose2D: output_padding is -1, but it must be a whole number ≥ 0"),
    ({"strides": 2, "padding": "same", "output_padding": 1},
     'ConvTranspose2D: output_padding is 1, but it must be 0 with padding="same", which says the size of the output'),
    ({"groups": 4}, "ConvTranspose2D: groups is 4, but it must divide filters=6"),
    ({"padding": "causal"}, "ConvTranspose2D: padding is 'causal', but it must be \"valid\", \"same\", a number"),
])
def test_bad_arguments(arguments, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        ConvTranspose2D(6, 3, **arguments)


@pytest.mark.parametrize(("arguments", "shape", "text"), [
    ({"padding": 2}, (4, 1, 5), "the full output is 3 high, and the padding cuts off 2 + 2: 3 - 4 = -1"),
    ({"groups": 3}, (4, 5, 5), "4 channels do not divide into 3 groups"),
    ({}, (4, 5), "ConvTranspose2D needs images (N, channels, height, width), got (N, 4, 5)"),
])
def test_inputs_that_do_not_fit(arguments, shape, text: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(text)):
        ConvTranspose2D(6, 3, **arguments)(gn.Input(shape))
