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


def test_average_of_three(run) -> None:
    a, b = gn.Input((2,), name="a"), gn.Input((2,), name="b")
    (y,) = run(gn.Model([a, b], L.Average()([a, a, b])), {"a": A, "b": B}).values()
    np.testing.assert_allclose(y, [[5 / 3, 3]], rtol=1e-6)


@pytest.mark.parametrize(("layer", "expected"), [
    (L.Add, [11, 12, 23, 24]), (L.Subtract, [-9, -8, -17, -16]), (L.Multiply, [10, 20, 60, 80]),
    (L.Maximum, [10, 10, 20, 20]), (L.Minimum, [1, 2, 3, 4]), (L.Average, [5.5, 6, 11.5, 12]),
])
def test_declared_broadcasting(run, layer, expected) -> None:
    a, b = gn.Input((2, 1, 2), name="a"), gn.Input((2, 1, 1), name="b")
    feeds = {"a": np.array([1, 2, 3, 4], np.float32).reshape(1, 2, 1, 2),
             "b": np.array([10, 20], np.float32).reshape(1, 2, 1, 1)}
    (y,) = run(gn.Model([a, b], layer(broadcast=True)([a, b])), feeds).values()
    assert y.shape == (1, 2, 1, 2)
    np.testing.assert_array_equal(y.ravel(), expected)


def test_broadcasting_repeats_every_input() -> None:
    a, b = gn.Input((3, 1, 5)), gn.Input((1, 4, 1))
    assert L.Add(broadcast=True)([a, b, a]).shape == ("N", 3, 4, 5)
    t = gn.Input((None, 1))
    assert L.Add(broadcast=True)([t, gn.Input((1, 6))]).shape == ("N", t.shape[1], 6)


def test_undeclared_broadcasting_is_refused_with_a_hint() -> None:
    with pytest.raises(ShapeError, match=re.escape(
            "Multiply needs operands of one shape, got (N, 3, 4, 5) and (N, 3, 1, 1): axis 2 is 4 in one and 1 "
            "in the other\n  fix: make the shapes equal; broadcasting is never implied: if dims of 1 are meant to be "
            "repeated, declare gn.layers.Multiply(broadcast=True)")):
        L.Multiply()([gn.Input((3, 4, 5)), gn.Input((3, 1, 1))])


@pytest.mark.parametrize(("a", "b", "text"), [
    ((3, 4), (3, 2), "axis 2 is 4 in one and 2 in the other"), ((3, 4), (4,), "3 dims against 2"),
])
def test_what_cannot_be_broadcast(a, b, text: str) -> None:
    for layer in (L.Add(), L.Add(broadcast=True)):
        with pytest.raises(ShapeError, match=re.escape(text)):
            layer([gn.Input(a), gn.Input(b)])


def test_broadcast_is_a_flag() -> None:
    with pytest.raises(ArgumentError, match="Add: broadcast is 1, but it must be True or False"):
        L.Add(broadcast=1)
