import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

L = gn.layers
A, B = np.array([[1.0, 2.0]], np.float32), np.array([[3.0, 5.0]], np.float32)


@pytest.mark.parametrize(("layer", "expected"), [
    (L.Add(), [[4, 7]]), (L.Subtract(), [[-2, -3]]), (L.Multiply(), [[3, 10]]),
    (L.Concatenate(), [[1, 2, 3, 5]]),
])
def test_numbers(run, layer, expected) -> None:
    a, b = gn.Input((2,), name="a"), gn.Input((2,), name="b")
    (y,) = run(gn.Model([a, b], layer([a, b])), {"a": A, "b": B}).values()
    np.testing.assert_array_equal(y, expected)


def test_more_than_two(run) -> None:
    a, b = gn.Input((2,), name="a"), gn.Input((2,), name="b")
    model = gn.Model([a, b], {"sum": L.Add()([a, b, b]), "product": L.Multiply()([a, b, b]),
                              "joined": L.Concatenate()([b, a, b])})
    values = run(model, {"a": A, "b": B})
    np.testing.assert_array_equal(values["sum"], [[7, 12]])
    np.testing.assert_array_equal(values["product"], [[9, 50]])
    np.testing.assert_array_equal(values["joined"], [[3, 5, 1, 2, 3, 5]])


def test_concatenate_joins_channels_and_integers() -> None:
    a, b = gn.Input((2, 5, 5)), gn.Input((3, 5, 5))
    assert L.Concatenate()([a, b]).shape == ("N", 5, 5, 5)
    assert L.Concatenate(-1)([a, a]).shape == ("N", 2, 5, 10)
    ids = gn.Input((4,), dtype="int64")
    assert L.Concatenate()([ids, ids]).dtype == "int64"


def test_concatenate_never_joins_the_batch() -> None:
    with pytest.raises(ArgumentError,
            match="Concatenate: axis is 0, but it must be a whole number other than 0, which "
                                            "is the batch"):
        L.Concatenate(axis=0)
    x = gn.Input((4,))
    with pytest.raises(ShapeError, match=re.escape("axis -2 of (N, 4) is the batch, and samples never mix")):
        L.Concatenate(axis=-2)([x, x])


def test_free_dims_of_two_inputs_are_not_taken_for_equal() -> None:
    a, b = gn.Input((None, 3)), gn.Input((None, 3))
    with pytest.raises(ShapeError, match=re.escape(
            f"axis 1 is {a.shape[1]} in one and {b.shape[1]} in the other")):
        L.Add()([a, b])
