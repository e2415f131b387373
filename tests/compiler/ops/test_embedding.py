"""Embeddings: rows that are looked up often, never, or do not exist."""

import numpy as np
import pytest
from kernel_runs import LAYOUTS, bind

from graphnet.compiler.errors import ArgumentError, DataError, ShapeError
from graphnet.compiler.op import f, f64
from graphnet.compiler.ops import Embedding, EmbeddingGrad


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("rows", "count", "features"), [(5, 400, 3), (1000, 50, 4), (1, 9, 2), (7, 1, 5)])
def test_gradients_are_added_up_by_row(rows, count, features, layout):
    rng = np.random.default_rng(0)
    indices, g = rng.integers(0, rows, (count, 2)), rng.standard_normal((count, 2, features))
    run, (found,) = bind(EmbeddingGrad(rows), (indices, g), layout)
    run()
    expected = np.zeros((rows, features))
    for place in np.ndindex(indices.shape):
        expected[indices[place]] += g[place]
    np.testing.assert_allclose(found, expected, 0, 1e-12)


def test_the_sums_have_the_same_bits_each_time():
    rng = np.random.default_rng(0)
    indices, g = rng.integers(0, 3, 500), rng.standard_normal((500, 4)).astype(np.float32)
    run, (found,) = bind(EmbeddingGrad(3), (indices, g), "rows")
    run()
    first = found.copy()
    run()
    np.testing.assert_array_equal(found, first)


def test_no_places():
    run, (found,) = bind(EmbeddingGrad(3), (np.zeros((2, 0), np.int64), np.zeros((2, 0, 4))), "rows")
    run()
    assert found.shape == (3, 4)
    assert not found.any()


@pytest.mark.parametrize(("row", "number"), [(-1, -1), (4, 4)])
@pytest.mark.parametrize("op", [Embedding(), EmbeddingGrad(4)], ids=["forward", "gradient"])
def test_a_row_that_does_not_exist_is_never_touched(op, row, number):
    indices = np.array([0, 3, row])
    other = np.zeros((4, 2)) if op == Embedding() else np.zeros((3, 2))
    text = f"{op.name} has 4 rows, numbered from 0 to 3, but is asked for row {number}"
    run, _ = bind(op, (indices, other), "rows")
    with pytest.raises(DataError, match=text):
        run()
    with pytest.raises(DataError, match=text):
        op.forward(indices, other)


def test_refusals():
    with pytest.raises(ShapeError, match=r"embedding looks up rows by their numbers, got float64 \(3,\)"):
        Embedding().infer(f64(3), f64(4, 2))
    with pytest.raises(ShapeError, match=r"embedding needs a table \(rows, features\) of floats, got float64 \(4,\)"):
        Embedding().infer(f("int64", 3), f64(4))
    with pytest.raises(ArgumentError, match="embedding_grad: rows is 0, but it must be at least 1"):
        EmbeddingGrad(0)
    with pytest.raises(ShapeError, match=r"embedding_grad needs a gradient \(3, features\), got \(4, 2\)"):
        EmbeddingGrad(4).infer(f("int64", 3), f64(4, 2))


def test_what_may_be_looked_up():
    assert Embedding().index_ranges(f("int64", 3), f64(4, 2)) == {0: (0, 3)}
    assert EmbeddingGrad(4).index_ranges(f("int64", 3), f64(3, 2)) == {0: (0, 3)}
