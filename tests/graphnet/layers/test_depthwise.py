import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError

DepthwiseConv2D = gn.layers.DepthwiseConv2D


def test_shapes_and_weights() -> None:
    x = gn.Input((4, 9, 8))
    model = gn.Model(x, DepthwiseConv2D((3, 2), strides=2, padding="same", depth_multiplier=3)(x))
    assert model.graph.types[model.graph.outputs[0].value].shape == ("N", 12, 5, 4)
    assert {p.name: model.graph.types[p.value].shape for p in model.graph.parameters} == {
        "depthwise_conv2d/weight": (12, 1, 3, 2), "depthwise_conv2d/bias": (12,)}


def test_channels_do_not_mix(run) -> None:
    x = gn.Input((2, 1, 2))
    y = DepthwiseConv2D((1, 2), depth_multiplier=2, kernel_initializer="ones")(x)
    values = run(gn.Model(x, y), {"input": np.array([[[[1, 10]], [[100, 1000]]]], np.float32)})
    np.testing.assert_array_equal(values["depthwise_conv2d"], [[[[11]], [[11]], [[1100]], [[1100]]]])


@pytest.mark.parametrize(("arguments", "text"), [
    ({"kernel_size": 0}, "DepthwiseConv2D: kernel_size is 0, but it must be a whole number ≥ 1 or a pair of them"),
    ({"kernel_size": 3, "depth_multiplier": 0}, "DepthwiseConv2D: depth_multiplier is 0, but it must be a whole"),
    ({"kernel_size": 3, "strides": (1, -1)}, "DepthwiseConv2D: strides is (1, -1), but it must be a whole number ≥ 1"),
])
def test_bad_arguments(arguments, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        DepthwiseConv2D(**arguments)
