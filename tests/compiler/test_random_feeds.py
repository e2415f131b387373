import numpy as np
import small_networks

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.ops import Embedding, Relu, Reshape, SoftmaxCrossEntropy
from graphnet.compiler.random_feeds import index_range, random_feeds, small_dims
from graphnet.compiler.types import BATCH, TensorType


def test_every_symbol_gets_a_small_number_of_its_own() -> None:
    x, y = gn.Input((None, 2), name="x"), gn.Input((None, 3), name="y")
    graph = gn.Model((x, y), (gn.layers.ReLU()(x), gn.layers.ReLU()(y))).graph
    dims = small_dims(graph)
    assert len(dims) == 3
    assert len(set(dims.values())) == 3
    assert dims[BATCH] == 3


def test_feeds_fit_the_types_and_repeat() -> None:
    net = gn.compile(small_networks.residual_model(), **small_networks.TRAINED)
    graph = net.stages("train")[-1].after
    dims = small_dims(graph)
    one, same, other = (random_feeds(graph, dims, seed) for seed in (0, 0, 1))
    for item in (*graph.inputs, *graph.parameters, *graph.states):
        t = graph.types[item.value].bind(dims)
        assert (one[item.name].dtype.name, one[item.name].shape) == (t.dtype, t.shape)
        np.testing.assert_array_equal(one[item.name], same[item.name])
    assert any((one[name] != other[name]).any() for name in one)


def test_words_are_drawn_from_the_vocabulary() -> None:
    graph = small_networks.sequence_model().graph
    assert index_range(graph, graph.inputs[0].value, {}) == (0, 10)
    words = random_feeds(graph, {"N": 50, "T": 8})["words"]
    assert words.min() == 0
    assert words.max() == 10


def test_indices_are_followed_through_views() -> None:
    b = Builder("g")
    words = b.input("words", TensorType("int64", (BATCH, 2, 3)))
    table = b.parameter("table", TensorType("float32", (7, 4)))
    flat = b.add(Reshape((BATCH, 6)), words)
    graph = b.build([Output("y", b.add(Embedding(), flat, table))])
    assert index_range(graph, words, {}) == (0, 6)


def test_class_numbers_are_drawn_from_the_classes() -> None:
    b = Builder("g")
    logits = b.input("logits", TensorType("float32", (BATCH, 5)))
    labels = b.input("labels", TensorType("int64", (BATCH,)))
    graph = b.build([Output("loss", b.apply(SoftmaxCrossEntropy(), logits, labels)[0])])
    assert index_range(graph, labels, {}) == (0, 4)


def test_a_count_of_steps_is_not_zero() -> None:
    b = Builder("g")
    step = b.input("step", TensorType("int64", ()))
    assert index_range(b.build([]), step, {}) == (1, 3)


def test_weights_are_scaled_by_their_fan_in() -> None:
    b = Builder("g")
    w = b.parameter("w", TensorType("float64", (1000, 50)))
    graph = b.build([Output("y", b.add(Relu(), w))])
    np.testing.assert_allclose(random_feeds(graph, {})["w"].std(), (2 / 1000) ** 0.5, rtol=0.02)


def test_a_bound_that_is_a_dim_follows_its_number() -> None:
    class Counts(Relu):
        def index_ranges(self, *types: TensorType) -> dict[int, tuple[int, int]]:
            return {0: (1, types[0].shape[1])}

    b = Builder("g")
    counts = b.input("counts", TensorType("int64", (BATCH, "T")))
    graph = b.build([Output("y", b.add(Counts(), counts))])
    assert index_range(graph, counts, {"T": 4}) == (1, 4)
    assert random_feeds(graph, {"N": 40, "T": 2})["counts"].max() == 2
