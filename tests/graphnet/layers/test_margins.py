import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

L = gn.layers


@pytest.mark.parametrize(("layer", "shape", "result"), [
    (L.ZeroPad1D(), (3, 7), ("N", 3, 9)), (L.ZeroPad1D((2, 0)), (3, 7), ("N", 3, 9)),
    (L.Crop1D((2, 1)), (3, 7), ("N", 3, 4)),
    (L.ZeroPad2D(), (3, 7, 8), ("N", 3, 9, 10)), (L.ZeroPad2D((1, 2)), (3, 7, 8), ("N", 3, 9, 12)),
    (L.ZeroPad2D(((1, 0), (2, 3))), (3, 7, 8), ("N", 3, 8, 13)), (L.ZeroPad2D(0), (3, 7, 8), ("N", 3, 7, 8)),
    (L.Crop2D(), (3, 7, 8), ("N", 3, 5, 6)), (L.Crop2D(((1, 0), (2, 3))), (3, 7, 8), ("N", 3, 6, 3)),
    (L.UpSample1D(), (3, 7), ("N", 3, 14)), (L.UpSample2D(), (3, 7, 8), ("N", 3, 14, 16)),
    (L.UpSample2D((1, 3)), (3, 7, 8), ("N", 3, 7, 24)),
])
def test_shapes(layer, shape, result) -> None:
    assert layer(gn.Input(shape)).shape == result


def test_cropping_undoes_padding(run) -> None:
    x = gn.Input((2, 3, 4))
    sides = ((1, 2), (0, 3))
    y = L.Crop2D(sides, name="y")(L.ZeroPad2D(sides)(x))
    image = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    np.testing.assert_array_equal(run(gn.Model(x, y), {"input": image})["y"], image)


def test_integers_can_be_padded_and_cut() -> None:
    x = gn.Input((1, 9), dtype="int64")
    assert L.Crop1D(2)(L.ZeroPad1D(1)(x)).dtype == "int64"


@pytest.mark.parametrize(("make", "text"), [
    (lambda: L.ZeroPad1D(-1), "ZeroPad1D: padding is -1, but it must be a number ≥ 0 or (before, after)"),
    (lambda: L.ZeroPad1D("same"), "ZeroPad1D: padding is 'same', but it must be a number ≥ 0 or (before, after)"),
    (lambda: L.ZeroPad2D((1, -1)), "ZeroPad2D: padding is (1, -1), but it must be a number ≥ 0, (rows, columns) or "
                                   "((top, bottom), (left, right))"),
    (lambda: L.Crop1D((1, 2, 3)), "Crop1D: cropping is (1, 2, 3), but it must be a number ≥ 0 or (before, after)"),
    (lambda: L.Crop2D(1.5), "Crop2D: cropping is 1.5, but it must be a number ≥ 0"),
    (lambda: L.UpSample1D(0), "UpSample1D: size is 0, but it must be a whole number ≥ 1"),
    (lambda: L.UpSample2D((2, -1)), "UpSample2D: size is (2, -1), but it must be a whole number ≥ 1 or a pair of them"),
])
def test_bad_arguments(make, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        make()


@pytest.mark.parametrize(("layer", "shape", "text"), [
    (L.Crop2D(2), (3, 4, 9), "axis 2 of (N, 3, 4, 9) has 4 elements, and 2 + 2 are to be cut off: 4 - 4 = 0"),
    (L.Crop1D((3, 5)), (3, 7), "axis 2 of (N, 3, 7) has 7 elements, and 3 + 5 are to be cut off: 7 - 8 = -1"),
    (L.ZeroPad2D(), (3, 7), "ZeroPad2D needs images (N, channels, height, width), got (N, 3, 7)"),
    (L.UpSample1D(), (3, 7, 7), "UpSample1D needs (N, channels, length), got (N, 3, 7, 7)"),
])
def test_inputs_that_do_not_fit(layer, shape, text: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(text)):
        layer(gn.Input(shape))
