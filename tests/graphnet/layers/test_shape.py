import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

Flatten, Reshape = gn.layers.Flatten, gn.layers.Reshape


@pytest.mark.parametrize(("shape", "flat"), [((6, 4, 4), 96), ((7,), 7), ((), 1)])
def test_flatten(shape, flat: int) -> None:
    assert Flatten()(gn.Input(shape)).shape == ("N", flat)


def test_flatten_is_row_major(run) -> None:
    x = gn.Input((2, 3))
    rows = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    values = run(gn.Model(x, Flatten()(x)), {"input": rows})
    np.testing.assert_array_equal(values["flatten"], rows.reshape(2, 6))


def test_flatten_needs_known_dims() -> None:
    x = gn.Input((None, 3))
    with pytest.raises(ShapeError,
            match=f"every dim that Flatten joins must be known .* the symbol {x.shape[1]}"):
        Flatten()(x)


@pytest.mark.parametrize(("shape", "target", "result"), [
    ((6, 4, 4), (96,), ("N", 96)), ((6, 4, 4), (8, -1), ("N", 8, 12)), ((6, 4), (-1,), ("N", 24)),
    ((1,), (), ("N",)), ((5,), (5, 1, -1), ("N", 5, 1, 1)),
])
def test_reshape(shape, target, result) -> None:
    assert Reshape(target)(gn.Input(shape)).shape == result


def test_reshape_carries_a_free_dim() -> None:
    x = gn.Input((None, 8))
    assert Reshape((-1, 2, 4))(x).shape == ("N", x.shape[1], 2, 4)
    assert Reshape((2, -1, 4))(x).shape == ("N", 2, x.shape[1], 4)


def test_reshape_refuses_a_multiple_of_a_free_dim() -> None:
    x = gn.Input((None, 8))
    with pytest.raises(ShapeError, match=re.escape(
            f"-1 in (-1, 4) would stand for 2 · {x.shape[1]}, which is not a dim\n"
            "  fix: make the other dims take all 8 known elements")):
        Reshape((-1, 4))(x)


@pytest.mark.parametrize(("target", "text"), [
    (96, "Reshape: target_shape is 96, but it must be a tuple of the dims of one sample"),
    ((0, 3), "Reshape: target_shape[0] is 0, but it must be a whole number ≥ 1"),
    ((-1, -1), "Reshape: target_shape is (-1, -1), but at most one dim can be -1"),
])
def test_bad_arguments(target, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        Reshape(target)


@pytest.mark.parametrize(("dims", "shape", "result"), [
    ((2, 1), (3, 4), ("N", 4, 3)), ((3, 1, 2), (3, 4, 5), ("N", 5, 3, 4)), ((1,), (3,), ("N", 3)),
])
def test_permute(run, dims, shape, result) -> None:
    x = gn.Input(shape)
    y = gn.layers.Permute(dims, name="y")(x)
    assert y.shape == result
    array = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    np.testing.assert_array_equal(run(gn.Model(x, y), {"input": array})["y"], array.transpose(0, *dims))


@pytest.mark.parametrize(("arguments", "taken"), [
    ({"start": 1}, np.s_[:, 1:]), ({"stop": -1}, np.s_[:, :-1]),
    ({"start": -2, "stop": -1, "axis": -1}, np.s_[:, :, -2:-1]),
    ({"start": 1, "stop": 3, "axis": 2}, np.s_[:, :, 1:3]),
])
def test_slice(run, arguments, taken) -> None:
    x = gn.Input((3, 4))
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    (y,) = run(gn.Model(x, gn.layers.Slice(**arguments)(x)), {"input": array}).values()
    np.testing.assert_array_equal(y, array[taken])


@pytest.mark.parametrize(("make", "text"), [
    (lambda: gn.layers.Permute((1, 1)), "Permute: dims is (1, 1), but it must have each of the axes 1, 2, … of a"),
    (lambda: gn.layers.Permute((0, 1)), "Permute: dims is (0, 1), but it must have each of the axes 1, 2, …"),
    (lambda: gn.layers.Permute(2), "Permute: dims is 2, but it must have each of the axes"),
    (lambda: gn.layers.Slice(1.5), "Slice: start is 1.5, but it must be a whole number"),
    (lambda: gn.layers.Slice(axis=0), "Slice: axis is 0, but it must be a whole number other than 0, which is the"),
])
def test_bad_arguments_of_permute_and_slice(make, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        make()


@pytest.mark.parametrize(("layer", "text"), [
    (gn.layers.Permute((2, 1)), "dims (2, 1) are an order of 2 axes, but a sample of (N, 3, 4, 5) has 3"),
    (gn.layers.Slice(2, 4),
     "axis 1 of (N, 3, 4, 5) has elements 0 … 2, but those from 2 to 3 are asked for (start=2, stop=4)"),
    (gn.layers.Slice(-9), "axis 1 of (N, 3, 4, 5) has elements 0 … 2, but those from -6 to 2 are asked for"),
    (gn.layers.Slice(2, 1), "but those from 2 to 0 are asked for (start=2, stop=1)"),
])
def test_inputs_that_do_not_fit(layer, text: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(text)):
        layer(gn.Input((3, 4, 5)))
