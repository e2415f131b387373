import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

L = gn.layers
SEQUENCE = np.array([[[1, 5, 2, 8, 3]]], np.float32)


@pytest.mark.parametrize("layer", [L.MaxPool2D, L.AvgPool2D])
@pytest.mark.parametrize(("arguments", "shape"), [
    ({}, ("N", 3, 3, 4)),
    ({"pool_size": (3, 2)}, ("N", 3, 2, 4)),
    ({"pool_size": 3, "strides": 1}, ("N", 3, 5, 7)),
    ({"pool_size": 3, "strides": 2, "padding": "same"}, ("N", 3, 4, 5)),
    ({"pool_size": 3, "strides": 2, "padding": 1}, ("N", 3, 4, 5)),
    ({"ceil_mode": True}, ("N", 3, 4, 5)),
    ({"pool_size": 2, "strides": 4, "ceil_mode": True}, ("N", 3, 2, 3)),  # a third row would begin behind the image
    ({"pool_size": 3, "strides": 3, "padding": 1, "ceil_mode": True}, ("N", 3, 3, 4)),
])
def test_shapes(layer, arguments, shape) -> None:
    assert layer(**arguments)(gn.Input((3, 7, 9))).shape == shape


@pytest.mark.parametrize("layer", [L.MaxPool1D, L.AvgPool1D])
@pytest.mark.parametrize(("arguments", "shape"), [
    ({}, ("N", 3, 4)),
    ({"pool_size": 3, "strides": 1}, ("N", 3, 7)),
    ({"pool_size": 4, "strides": 2, "padding": "same"}, ("N", 3, 5)),
    ({"pool_size": 4, "padding": (0, 3)}, ("N", 3, 3)),
    ({"ceil_mode": True}, ("N", 3, 5)),
    ({"pool_size": 2, "strides": 3, "padding": 1, "ceil_mode": True}, ("N", 3, 4)),  # the last begins behind the end
])
def test_shapes_of_sequences(layer, arguments, shape) -> None:
    assert layer(**arguments)(gn.Input((3, 9))).shape == shape


@pytest.mark.parametrize(("layer", "expected"), [
    (L.MaxPool1D(2), [5, 8]), (L.MaxPool1D(2, ceil_mode=True), [5, 8, 3]),
    (L.MaxPool1D(3, 1, "same"), [5, 5, 8, 8, 8]),
    (L.AvgPool1D(2), [3, 5]), (L.AvgPool1D(2, ceil_mode=True), [3, 5, 3]), (L.AvgPool1D(2, padding=1), [0.5, 3.5, 5.5]),
    (L.AvgPool1D(2, padding=1, count_include_pad=False), [1, 3.5, 5.5]),
    (L.AvgPool1D(3, 2, padding=(1, 0), ceil_mode=True), [2, 5, 5.5]),
])
def test_numbers(run, layer, expected) -> None:
    x = gn.Input((1, 5))
    (y,) = run(gn.Model(x, layer(x)), {"input": SEQUENCE}).values()
    np.testing.assert_allclose(y[0, 0], expected, rtol=1e-6)


def test_padding_never_wins(run) -> None:
    x = gn.Input((1, 2, 3))
    model = gn.Model(x, L.MaxPool2D(2, padding="same")(x))
    values = run(model, {"input": -np.arange(1, 7, dtype=np.float32).reshape(1, 1, 2, 3)})
    np.testing.assert_array_equal(values["max_pool2d"], [[[[-1, -3]]]])


def test_global(run) -> None:
    x, s = gn.Input((2, 2, 3), name="x"), gn.Input((2, 4), name="s")
    model = gn.Model([x, s], {"mean": L.GlobalAveragePool()(x), "largest": L.GlobalMaxPool()(x),
                              "along": L.GlobalMaxPool()(s)})
    image = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    values = run(model, {"x": image, "s": -np.ones((1, 2, 4), np.float32)})
    np.testing.assert_array_equal(values["mean"], [[2.5, 8.5]])
    np.testing.assert_array_equal(values["largest"], [[5, 11]])
    np.testing.assert_array_equal(values["along"], [[-1, -1]])


def test_global_pooling_of_sequences_of_any_length() -> None:
    x = gn.Input((None, 3))
    sequences = L.Permute((2, 1))(x)
    assert L.GlobalAveragePool()(sequences).shape == L.GlobalMaxPool()(sequences).shape == ("N", 3)
    net = gn.compile(gn.Model(x, L.GlobalMaxPool()(sequences)))
    for length in (1, 4):
        batch = np.random.default_rng(length).standard_normal((2, length, 3)).astype(np.float32)
        np.testing.assert_array_equal(net.predict(batch), batch.max(1))


@pytest.mark.parametrize(("layer", "arguments", "text"), [
    (L.MaxPool2D, {"pool_size": 0}, "MaxPool2D: pool_size is 0, but it must be a whole number ≥ 1"),
    (L.MaxPool2D, {"strides": (1, 0)}, "MaxPool2D: strides is (1, 0), but it must be a whole number ≥ 1"),
    (L.MaxPool2D, {"padding": 2}, "MaxPool2D: padding is 2, but each side must be less than pool_size=(2, 2), "
                                  "so that no window lies in the padding alone"),
    (L.MaxPool2D, {"ceil_mode": 1}, "MaxPool2D: ceil_mode is 1, but it must be True or False"),
    (L.AvgPool2D, {"strides": -2}, "AvgPool2D: strides is -2, but it must be a whole number ≥ 1"),
    (L.AvgPool2D, {"count_include_pad": None}, "AvgPool2D: count_include_pad is None, but it must be True or False"),
    (L.MaxPool1D, {"pool_size": (2, 2)}, "MaxPool1D: pool_size is (2, 2), but it must be a whole number ≥ 1"),
    (L.MaxPool1D, {"strides": -1}, "MaxPool1D: strides is -1, but it must be a whole number ≥ 1"),
    (L.MaxPool1D, {"padding": (0, 2)}, "MaxPool1D: padding is (0, 2), but each side must be less than pool_size=2"),
    (L.AvgPool1D, {"padding": "causal"}, 'AvgPool1D: padding is \'causal\', but it must be "valid", "same", a number'),
])
def test_bad_arguments(layer, arguments, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        layer(**arguments)


@pytest.mark.parametrize(("layer", "shape", "text"), [
    (L.AvgPool2D(4), (3, 3, 9), "the window is 4 high, but the input is only 3 high (3 + padding 0 + 0): 4 > 3"),
    (L.MaxPool2D(4, ceil_mode=True), (3, 3, 9), "the window is 4 high, but the input is only 3 high"),
    (L.MaxPool1D(4), (3, 3), "the window is 4 long, but the input is only 3 long (3 + padding 0 + 0): 4 > 3"),
    (L.AvgPool1D(), (3, 9, 9), "AvgPool1D needs (N, channels, length), got (N, 3, 9, 9): 4 dims instead of 3"),
    (L.GlobalAveragePool(), (3,), "GlobalAveragePool needs (N, channels, length) or (N, channels, height, width), got "
                                  "(N, 3): 2 dims\n  fix: use it before Flatten"),
])
def test_inputs_that_do_not_fit(layer, shape, text: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(text)):
        layer(gn.Input(shape))
