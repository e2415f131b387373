import numpy as np
import pytest

import graphnet as gn
from graphnet.compiler.index_ranges import index_ranges

L = gn.layers


def test_numbers_are_followed_through_what_rearranges_them():
    a, b = gn.Input((4,), name="a", dtype="int64"), gn.Input((2, 3), name="b", dtype="int64")
    joined = L.Concatenate(1)([L.Slice(1, 3)(a), L.Flatten()(b)])
    model = gn.Model([a, b], L.Embedding(7, 2, name="e")(joined))
    assert [(r.name, r.least, r.most, r.reader.layer) for r in index_ranges(model.graph)] == [
        ("b", 0, 6, "e"), ("a", 0, 6, "e")]


def test_each_reader_counts():
    a = gn.Input((4,), name="a", dtype="int64")
    model = gn.Model(a, {"y": L.Embedding(7, 2, name="e")(a), "z": L.Embedding(5, 2, name="f")(a)})
    net = gn.compile(model)
    net.predict(np.full((1, 4), 4))
    with pytest.raises(gn.DataError, match=r"input 'a' holds 5 at \[0, 2\], but f \(Embedding\) at .* takes whole "
                                           r"numbers from 0 to 4; 1 of 4 are out of range"):
        net.predict(np.array([[0, 4, 5, 1]]))


def test_lengths_are_at_most_the_steps_that_are_fed():
    x, n = gn.Input((None, 3), name="x"), gn.Input((), name="n", dtype="int64")
    net = gn.compile(gn.Model([x, n], L.GRU(2, name="r")(x, lengths=n)))
    net.predict({"x": np.zeros((2, 5, 3), np.float32), "n": np.array([5, 0])})
    for bad in (6, -1):
        with pytest.raises(gn.DataError, match=rf"input 'n' holds {bad} at \[1\], but r \(GRU\) at .* takes whole "
                                               "numbers from 0 to 5; 1 of 2 are out of range"):
            net.predict({"x": np.zeros((2, 5, 3), np.float32), "n": np.array([2, bad])})


def test_floats_and_labels_are_free():
    x = gn.Input((3,))
    assert index_ranges(gn.Model(x, L.Dense(2)(x)).graph) == ()
