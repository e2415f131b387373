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
    ((0, 3), "Reshape: target_shape is 0, but it must be a whole number ≥ 1"),
    ((-1, -1), "Reshape: target_shape is (-1, -1), but at most one dim can be -1"),
])
def test_bad_arguments(target, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        Reshape(target)
