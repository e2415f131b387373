import numpy as np
import pytest

import graphnet as gn

L = gn.layers


@pytest.mark.parametrize("shape", [(), (4,), (None,), (2, 3)])
def test_looks_rows_up(shape):
    numbers = gn.Input(shape, dtype="int64", name="i")
    net = gn.compile(gn.Model(numbers, L.Embedding(7, 3, name="e")(numbers)))
    fed = np.random.default_rng(0).integers(0, 7, (5, *(4 if dim is None else dim for dim in shape)))
    np.testing.assert_array_equal(net.predict(fed), net.weights["e/weight"][fed])


def test_the_table_begins_uniform():
    numbers = gn.Input((4,), dtype="int64")
    table = gn.compile(gn.Model(numbers, L.Embedding(1000, 8, name="e")(numbers))).weights["e/weight"]
    assert 0.049 < np.abs(table).max() <= 0.05


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_only_rows_that_were_looked_up_get_a_gradient(dtype):
    numbers = gn.Input((3,), dtype="int32", name="i")
    y = L.Dense(2)(L.Flatten()(L.Embedding(9, 4, name="e")(numbers)))
    net = gn.compile(gn.Model(numbers, y), loss="softmax_cross_entropy", dtype=dtype)
    _, gradients = net.loss_and_gradients(np.array([[1, 1, 8], [1, 4, 4]], np.int32), np.array([0, 1]))
    assert np.flatnonzero(gradients["e/weight"].any(1)).tolist() == [1, 4, 8]
    assert gradients["e/weight"].dtype == dtype


def test_a_word_that_does_not_exist_is_refused_before_anything_runs(here):
    numbers = gn.Input((3,), dtype="int64", name="words")
    front = L.Slice(0, 2)(numbers)
    h, line = L.Embedding(9, 4, name="e")(front), here()
    net = gn.compile(gn.Model(numbers, L.Dense(2)(L.Flatten()(h))), loss="softmax_cross_entropy", optimizer="sgd")
    before = {name: w.copy() for name, w in net.weights.items()}
    with pytest.raises(gn.DataError) as caught:
        net.fit(np.array([[1, 2, 0], [3, 9, 0], [0, -1, 0]]), np.array([0, 1, 0]), batch_size=1)
    assert str(caught.value) == (f"input 'words' holds 9 at [1, 1], but e (Embedding) at {line} takes whole numbers "
                                 "from 0 to 8; 2 of 9 are out of range")
    assert net.step == 0
    assert all((w == before[name]).all() for name, w in net.weights.items())


@pytest.mark.parametrize(("arguments", "message"), [
    ((0, 3), "Embedding: input_dim is 0, but it must be a whole number ≥ 1"),
    ((3, -1), "Embedding: output_dim is -1, but it must be a whole number ≥ 1"),
    ((3, 2, "random"), "Embedding: embeddings_initializer is 'random', but it must be")])
def test_bad_arguments(arguments, message):
    with pytest.raises(gn.ArgumentError, match=message):
        L.Embedding(*arguments)


@pytest.mark.parametrize("dtype", ["float32", "bool"])
def test_floats_are_refused(dtype):
    with pytest.raises(gn.ShapeError, match=rf"Embedding looks up whole numbers, but its input is {dtype} \(N, 3\)"):
        L.Embedding(3, 2)(gn.Input((3,), dtype=dtype))


def test_shared_tables():
    a, b = gn.Input((2,), dtype="int64"), gn.Input((4,), dtype="int64")
    table = L.Embedding(5, 3, name="e")
    model = gn.Model([a, b], L.Concatenate(1)([table(a), table(b)]))
    assert [p.name for p in model.graph.parameters] == ["e/weight"]
