import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

Dot = gn.layers.Dot


@pytest.mark.parametrize(("axes", "a", "b", "shape"), [
    (1, (5,), (5,), ("N", 1)), (-1, (4, 5), (3, 5), ("N", 4, 3)), (1, (5, 4), (5, 3), ("N", 4, 3)),
    ((2, 1), (4, 5), (5,), ("N", 4)), ((1, 3), (5, 2), (6, 7, 5), ("N", 2, 6, 7)),
])
def test_shapes(axes, a, b, shape) -> None:
    assert Dot(axes)(gn.Input(a), gn.Input(b)).shape == shape


def test_numbers(run) -> None:
    a, b = gn.Input((2,), name="a"), gn.Input((2,), name="b")
    model = gn.Model([a, b], {"dot": Dot()(a, b), "cosine": Dot(normalize=True)(a, b)})
    values = run(model, {"a": np.array([[3, 4], [0, 0]], np.float32), "b": np.array([[2, 0], [2, 0]], np.float32)})
    np.testing.assert_allclose(values["dot"], [[6], [0]])
    np.testing.assert_allclose(values["cosine"], [[0.6], [0]], rtol=1e-6)


def test_attention_over_a_sequence_of_any_length() -> None:
    keys, query = gn.Input((None, 5)), gn.Input((5,))
    assert Dot(axes=(2, 1))(keys, query).shape == ("N", keys.shape[1])


@pytest.mark.parametrize(("arguments", "text"), [
    ({"axes": 0}, "Dot: axes is 0, but it must be a whole number other than 0, which is the batch"),
    ({"axes": (1, 2, 3)}, "Dot: axes is (1, 2, 3), but it must be one axis, or (axis of a, axis of b)"),
    ({"axes": (1, "2")}, "Dot: axes[1] is '2', but it must be a whole number other than 0"),
    ({"normalize": "yes"}, "Dot: normalize is 'yes', but it must be True or False"),
])
def test_bad_arguments(arguments, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        Dot(**arguments)


def test_sizes_that_differ() -> None:
    with pytest.raises(ShapeError, match=re.escape("it sums over axis 2 of (N, 3, 4) and axis 1 of (N, 5): 4 ≠ 5")):
        Dot(axes=(2, 1))(gn.Input((3, 4)), gn.Input((5,)))
