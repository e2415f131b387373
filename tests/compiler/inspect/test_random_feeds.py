import numpy as np
import small_networks

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.inspect.random_feeds import number_ranges, random_feeds, small_dims
from graphnet.compiler.ir import BUFFER, COUNTER, Output
from graphnet.compiler.op import Ranges
from graphnet.compiler.ops import Concat, Copy, Embedding, Relu, Reshape, SgdUpdate, SoftmaxCrossEntropy
from graphnet.compiler.rewrite import bind_graph
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
    dims = {"N": 50, "T": 8}
    assert number_ranges(bind_graph(graph, dims))["words"] == (0, 10)
    words = random_feeds(graph, dims)["words"]
    assert words.min() == 0
    assert words.max() == 10


def test_indices_are_followed_through_what_only_moves_them() -> None:
    b = Builder("g")
    words, more = (b.input(name, TensorType("int64", (3, 2, 3))) for name in ("words", "more"))
    table = b.parameter("table", TensorType("float32", (7, 4)))
    flat = b.add(Reshape((3, 12)), b.add(Concat(1), words, more))
    graph = b.build([Output("y", b.add(Embedding(), flat, table))])
    assert number_ranges(graph) == {"words": (0, 6), "more": (0, 6)}


def test_the_narrowest_reader_counts() -> None:
    b = Builder("g")
    words = b.state("words", TensorType("int64", (50,)), BUFFER)
    tables = [b.parameter(f"table{rows}", TensorType("float32", (rows, 4))) for rows in (7, 3, 5)]
    graph = b.build([Output(f"y{i}", b.add(Embedding(), words, table)) for i, table in enumerate(tables)])
    assert number_ranges(graph) == {"words": (0, 2)}
    assert random_feeds(graph, {})["words"].max() == 2


def test_class_numbers_are_drawn_from_the_classes() -> None:
    b = Builder("g")
    logits = b.input("logits", TensorType("float32", (3, 5)))
    labels = b.input("labels", TensorType("int64", (3,)))
    graph = b.build([Output("loss", b.apply(SoftmaxCrossEntropy(), logits, labels)[0])])
    assert number_ranges(graph) == {"labels": (0, 4)}


def test_a_count_of_steps_is_not_zero_whatever_stands_beside_it() -> None:
    b = Builder("g")
    rate, step = b.input("rate", TensorType("float32", ())), b.input("step", TensorType("int64", ()))
    w, g = b.parameter("w", TensorType("float32", (1,))), b.input("g", TensorType("float32", (1,)))
    graph = b.build([Output("w", b.add(SgdUpdate(1), rate, step, w, g))])
    assert number_ranges(graph) == {"step": (1, 3)}
    assert {int(random_feeds(graph, {}, seed)["step"]) for seed in range(20)} == {1, 2, 3}


def test_counters_are_any_numbers_and_what_nobody_counts_with_is_0_or_1() -> None:
    b = Builder("g")
    for name, role in (("counter", COUNTER), ("whole", BUFFER)):
        b.state(name, TensorType("int64", (2,)), role)
    b.input("x", TensorType("int32", (50,)))
    feeds = random_feeds(b.build([]), {})
    assert feeds["counter"].min() > 1
    assert feeds["whole"].max() <= 1
    assert set(feeds["x"]) == {0, 1}


def test_weights_are_scaled_by_their_fan_in() -> None:
    b = Builder("g")
    w = b.parameter("w", TensorType("float64", (1000, 50)))
    graph = b.build([Output("y", b.add(Relu(), w))])
    np.testing.assert_allclose(random_feeds(graph, {})["w"].std(), (2 / 1000) ** 0.5, rtol=0.02)


def test_a_bound_that_is_a_dim_follows_its_number() -> None:
    class Counts(Copy):
        def index_ranges(self, *types: TensorType) -> Ranges:
            return {0: (1, types[0].shape[1])}

    b = Builder("g")
    counts = b.input("counts", TensorType("int64", (BATCH, "T")))
    graph = b.build([Output("y", b.add(Counts(), counts))])
    assert number_ranges(bind_graph(graph, {"N": 1, "T": 4})) == {"counts": (1, 4)}
    assert random_feeds(graph, {"N": 40, "T": 2})["counts"].max() == 2
