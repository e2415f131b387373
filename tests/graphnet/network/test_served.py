"""Graphs that a file may hold, but that are no network, or not outside training."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from gnet_samples import Tensor, by_name, values

import graphnet as gn
from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import BUFFER, RECURRENT, Graph, Output
from graphnet.compiler.types import TensorType
from graphnet.runtime.gnet import load_gnet
from graphnet.runtime.gnet.contents import Contents
from graphnet.runtime.gnet.writer import dumps


def rows(*shape: int, dtype: str = "float32") -> TensorType:
    return TensorType(dtype, ("N", *shape))


def file_of(graph: Graph) -> bytes:
    return dumps(Contents(graph, by_name([Tensor(p.name, "param", values(graph.types[p.value].shape))
                                          for p in graph.parameters]
                                         + [Tensor(s.name, BUFFER, values(graph.types[s.value].shape))
                                            for s in graph.states if s.role == BUFFER])))


def nothing(b: Builder) -> list[int]:
    return [b.input("x", rows(4))][:0]


def no_inputs(b: Builder) -> list[int]:
    return [b.add(ops.Full(("N", 4), 1.0, "float32"))]


def index_for_all(b: Builder) -> list[int]:
    x, i = b.input("x", rows(4)), b.input("i", TensorType("int64", (2,)))
    b.add(ops.Embedding(), i, b.parameter("w", TensorType("float32", (3, 2))))
    return [x]


def scalar_state(b: Builder) -> list[int]:
    x, s = b.input("x", rows()), b.state("s", TensorType("float32", ()), RECURRENT)
    b.advance(s, s)
    return [x]


def weight(b: Builder) -> list[int]:
    b.input("x", rows(4))
    return [b.parameter("w", TensorType("float32", (4,)))]


def transposed(b: Builder) -> list[int]:
    return [b.add(ops.Transpose((1, 0)), b.input("x", rows(4)))]


def statistics(b: Builder) -> list[int]:
    vectors = [b.parameter(f"w{i}", TensorType("float32", (4,))) for i in range(4)]
    return [b.apply(ops.BatchNorm(1, 0.9, 1e-3, True), b.input("x", rows(4)), *vectors)[3]]


def scales(b: Builder) -> list[int]:
    return [b.apply(ops.Normalize(1e-3), b.input("x", rows(4)))[1]]


def normalized(b: Builder, order: str, nexts: str) -> list[int]:
    """Batch normalization of its input by the values of these letters, with the next values of the states."""
    vector = TensorType("float32", (4,))
    x, g, s = b.input("x", rows(4)), b.parameter("g", vector), b.parameter("s", vector)
    mean, variance = b.state("m", vector, BUFFER), b.state("v", vector, BUFFER)
    names = {"g": g, "s": s, "m": mean, "v": variance}
    for layer in ("1", "2"):
        x, *made = b.apply(ops.BatchNorm(1, 0.9, 1e-3, True), x, *(names[name] for name in order))
        names |= {f"m{layer}": made[0], f"v{layer}": made[1]}
    for value, name in zip((mean, variance), nexts.split(), strict=True):
        b.advance(value, names[name])
    return [x]


def weight_for_statistics(b: Builder) -> list[int]:
    return normalized(b, "msgv", "m1 v1")


def swapped_statistics(b: Builder) -> list[int]:
    return normalized(b, "gsmv", "v1 m1")


def statistics_twice(b: Builder) -> list[int]:
    return normalized(b, "gsmv", "m2 v2")


CASES: dict[Callable[[Builder], list[int]], str] = {
    nothing: "graph.outputs at byte 102: this is no network: there are none",
    no_inputs: "this is no network: there are none",
    index_for_all: "'i' is i64[2], without a row for each sample; its first dim must be N",
    scalar_state: "'s' is f32[], without a row for each sample; its first dim must be N",
    weight: "'y0' is f32[4], without a row for each sample",
    transposed: "'y0' is f32[4,N], without a row for each sample",
    statistics: "'y0' is f32[4], without a row for each sample",
    scales: "'y0' only serves the gradient of the op that makes it, and is not there outside training",
    weight_for_statistics: "writes over the weight 'g', which is trained",
    swapped_statistics: "the next value of 'm' is not what is written over it",
    statistics_twice: "the next value of 'm' is not what is written over it",
}


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_what_is_no_network_is_read_but_not_loaded(make: Callable[[Builder], list[int]]) -> None:
    b = Builder("g")
    made = make(b)
    file = file_of(b.build([Output(f"y{i}", value) for i, value in enumerate(made)]))
    assert load_gnet(file).graph.name == "g"
    with pytest.raises(gn.GnetFormatError, match=re.escape(CASES[make].partition(" at byte 102")[0])):
        gn.load(file)


def test_what_reads_statistics_of_a_batch_is_refused_outside_training() -> None:
    b = Builder("g")
    x, *vectors = b.input("x", rows(4)), *(b.parameter(f"w{i}", TensorType("float32", (4,)), trainable=False)
                                             for i in range(4))
    mean = b.apply(ops.BatchNorm(1, 0.9, 1e-3, True), x, *vectors)[3]
    net = gn.load(file_of(b.build([Output("y", b.add(ops.BiasAdd(1), x, mean))])))
    for use in (lambda: net.predict(np.ones((2, 4))), net.memory, net.explain):
        with pytest.raises(gn.GraphError, match=r"bias_add of .* reads what only serves the gradient of another op"):
            use()


def test_constants_and_inputs_are_given_out() -> None:
    b = Builder("g")
    x, c = b.input("x", rows(3)), b.add(ops.Full(("N", 2), 1.5, "float32"))
    net = gn.load(file_of(b.build([Output("x", x), Output("c", c)])))
    given = np.ones((5, 3), np.float32)
    made = net.predict(given)
    np.testing.assert_array_equal(made["x"], given)
    np.testing.assert_array_equal(made["c"], np.full((5, 2), 1.5))


@pytest.mark.parametrize("limit", [1, 8, 64])
def test_a_limit_that_even_a_view_exceeds_is_said(limit: int) -> None:
    """The case that showed it: a Program of views alone has no fullest instruction."""
    x = gn.Input((2, 3))
    net = gn.compile(gn.Model(x, gn.layers.Flatten()(x)), memory_limit=limit)
    taken = 128 if net.backend == "numpy" else 384  # of 4 samples, or of a block of 16
    for use in (lambda: net.predict(np.ones((4, 2, 3))), lambda: net.memory("predict", 4)):
        with pytest.raises(gn.MemoryLimitError, match=f"needs {taken} bytes of arena, .* but memory_limit is {limit}"):
            use()


@pytest.mark.parametrize(("layer", "shape", "data"), [
    (lambda: gn.layers.Softmax(axis=1), (None, 3), (4, 0, 3)),
    (lambda: gn.layers.GlobalMaxPool(), (3, None), (4, 3, 0)),
    (lambda: gn.layers.GlobalAveragePool(), (3, None), (4, 3, 0))])
@pytest.mark.parametrize("optimize", [True, False])
def test_sequences_of_no_steps_are_refused_where_one_is_needed(
        layer: Callable[[], gn.layers.Layer], shape: tuple[int | None, ...], data: tuple[int, ...],
        optimize: bool) -> None:
    x = gn.Input(shape)
    net = gn.compile(gn.Model(x, layer()(gn.layers.ReLU()(x))), optimize=optimize)
    with pytest.raises(gn.ShapeError, match=r"has nothing to work on\n  why: .*(needs at least one|has no element)"):
        net.predict(np.ones(data))
    assert net.predict(np.ones([size or 2 for size in data])).shape[0] == 4


def test_sequences_of_no_steps_are_computed_where_none_is_needed() -> None:
    x = gn.Input((None, 3))
    dense = gn.compile(gn.Model(x, gn.layers.Softmax()(gn.layers.Dense(2)(x))))
    assert dense.predict(np.ones((4, 0, 3))).shape == (4, 0, 2)
    lstm = gn.compile(gn.Model(x, gn.layers.LSTM(2)(x)))
    np.testing.assert_array_equal(lstm.predict(np.ones((4, 0, 3))), np.zeros((4, 2)))
