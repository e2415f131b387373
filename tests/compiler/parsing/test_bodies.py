"""Fused bodies in text: the usual wiring goes without saying, any other is written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pass_checks import text
from text_checks import check_same_numbers, check_text

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GraphTextError
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import (
    Add,
    BatchNorm,
    BiasAdd,
    Concat,
    Fused,
    MatMul,
    Multiply,
    ReduceMean,
    ReduceSum,
    Relu,
    ReluGrad,
    Scale,
    Subtract,
    Tanh,
)
from graphnet.compiler.parsing import parse_graph

SQUARE = f64(3, 3)


def around(b: Builder, *results: int) -> Graph:
    """A graph with the body of a builder as its only node."""
    op = Fused(b.build([Output(f"y{i}", value) for i, value in enumerate(results)]))
    outer = Builder("g")
    made = outer.apply(op, *(outer.input(i.name, b.types[i.value]) for i in b.inputs))
    return outer.build([Output(f"y{i}", value) for i, value in enumerate(made)])


def body(count: int) -> tuple[Builder, list[int]]:
    """A builder for a body, and its inputs, all of one shape."""
    b = Builder("body")
    return b, [b.input(f"x{i}", SQUARE) for i in range(count)]


def chain() -> Graph:
    b, (x, w, other) = body(3)
    return around(b, b.add(Relu(), b.add(Subtract(), b.add(MatMul(), x, w), other)))


def with_sums(keep: bool) -> Graph:
    b, (g, y) = body(2)
    h = b.add(ReluGrad(), g, y)
    sums = b.add(ReduceSum((0,)), h), b.add(ReduceMean((1,)), h)
    return around(b, *[h] * keep, *sums)


def other_order() -> Graph:
    b, (x, w, other) = body(3)
    return around(b, b.add(Subtract(), other, b.add(MatMul(), x, w)))


def inputs_in_another_order() -> Graph:
    b, (x, w) = body(2)
    return around(b, b.add(MatMul(), w, x))


def input_twice() -> Graph:
    b, (x,) = body(1)
    return around(b, b.add(Multiply(), b.add(Tanh(), x), x))


def kept_result() -> Graph:
    b, (x, y) = body(2)
    h = b.add(Relu(), x)
    return around(b, b.add(Add(), h, y), h)


def sum_of_an_earlier_value() -> Graph:
    b, (x,) = body(1)
    h = b.add(Relu(), x)
    return around(b, b.add(Tanh(), h), b.add(ReduceSum((0,)), h))


def sum_in_the_middle() -> Graph:
    b, (x,) = body(1)
    h = b.add(Relu(), x)
    total = b.add(ReduceSum((0,)), h)
    return around(b, b.add(Tanh(), h), total)


def last_sum_only() -> Graph:
    b, (x,) = body(1)
    h = b.add(Relu(), x)
    b.add(ReduceSum((0,)), h)
    return around(b, b.add(ReduceMean((0,)), h))


def branches() -> Graph:
    b, (x, y) = body(2)
    left, right = b.add(Relu(), x), b.add(Relu(), y)
    return around(b, b.add(Add(), right, left), left)


def several_outputs() -> Graph:
    b = Builder("body")
    x, *vectors = b.input("x", f64(4, 3)), *(b.input(f"v{i}", f64(3)) for i in range(4))
    made = b.apply(BatchNorm(1, 0.9, 1e-3, False), x, *vectors)
    return around(b, b.add(Relu(), made[0]), made[1], made[2])


def any_number_of_inputs() -> Graph:
    b, (x, y) = body(2)
    return around(b, b.add(Concat(0), b.add(Relu(), x), y))


def first_of_any_number() -> Graph:
    b, (x, y, z) = body(3)
    return around(b, b.add(Relu(), b.add(Concat(0), x, y, z)))


def gives_an_input() -> Graph:
    b, (x, y) = body(2)
    b.add(Relu(), x)
    return around(b, y)


BODIES = [
    ("matmul + subtract + relu", chain()),
    ("relu_grad + reduce_sum{axes=(0,)} + reduce_mean{axes=(1,)}", with_sums(True)),
    ("relu_grad + reduce_sum{axes=(0,)} + reduce_mean{axes=(1,)}", with_sums(False)),
    ("matmul(x0, x1) + subtract(x2, ·)", other_order()),
    ("matmul(x1, x0)", inputs_in_another_order()),
    ("tanh(x0) + multiply(·, x0)", input_twice()),
    ("relu(x0) + add(·, x1) → t1, t0", kept_result()),
    ("relu(x0) + tanh(·); t2 = reduce_sum{axes=(0,)}(t0) → t1, t2", sum_of_an_earlier_value()),
    ("relu(x0) + reduce_sum{axes=(0,)}(·); t2 = tanh(t0) → t2, t1", sum_in_the_middle()),
    ("relu(x0) + reduce_sum{axes=(0,)}(·); t2 = reduce_mean{axes=(0,)}(t0)", last_sum_only()),
    ("relu(x0); t1 = relu(x1) + add(·, t0) → t2, t0", branches()),
    ("batch_norm{axis=1, momentum=0.9, epsilon=0.001, unbiased=False}(x0, x1, x2, x3, x4); t5 = relu(t0) → t5, t1, t2",
        several_outputs()),
    ("relu(x0) + concat{axis=0}(·, x1)", any_number_of_inputs()),
    ("concat{axis=0} + relu", first_of_any_number()),
    ("relu(x0) → x1", gives_an_input()),
]


@pytest.mark.parametrize(("shown", "graph"), BODIES)
def test_wiring(shown: str, graph: Graph) -> None:
    assert str(graph.nodes[0].op) == f"fused{{{shown}}}"
    check_same_numbers(graph)


def test_no_two_bodies_have_one_text() -> None:
    assert len({graph.text for _, graph in BODIES}) == len(BODIES)


def test_what_is_written_out_without_need_is_written_shortly_again() -> None:
    short, written = "matmul + subtract + relu", "t0 = matmul(x0, x1) + t1 = subtract(·, x2); relu(t1) → t2"
    assert parse_graph(chain().text.replace(short, written)).text == chain().text


@given(st.data())
@settings(max_examples=50)
def test_any_body(data: st.DataObject) -> None:
    """Ops that read anything before them, sums among them, and any results."""
    b, values = body(data.draw(st.integers(1, 3)))
    for _ in range(data.draw(st.integers(1, 5))):
        op = data.draw(st.sampled_from([Relu(), Add(), Scale(0.5), MatMul(), ReduceSum((0,)), BiasAdd(1)]))
        wide = st.sampled_from([v for v in values if b.types[v] == SQUARE])
        vectors = [v for v in values if b.types[v] == f64(3)]
        if isinstance(op, BiasAdd) and not vectors:
            continue
        second = [] if isinstance(op, Relu | Scale | ReduceSum) else [
            data.draw(st.sampled_from(vectors) if isinstance(op, BiasAdd) else wide)]
        values.append(b.add(op, data.draw(wide), *second))
    if b.nodes:
        check_same_numbers(around(b, *data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))))


def test_a_body_of_ten_thousand_ops() -> None:
    b, (value, other) = body(2)
    for _ in range(5_000):
        value = b.add(Add(), b.add(Relu(), value), other)
    check_text(around(b, value))


def test_a_body_that_is_not_well_formed_can_still_be_shown() -> None:
    op = other_order().nodes[0].op
    assert isinstance(op, Fused)
    broken = replace(op.body, nodes=(op.body.nodes[1],))
    assert str(Fused(broken)) == "fused{subtract(x2, %3)}"


HEAD = "graph g\n  input %0 x: f64[3,3]\n  input %1 w: f64[3,3]\n"
REFUSED = {
    "fused{}(%0)": (14, "expected the name of an op"),
    "fused(%0)": (13, "expected '{'"),
    "fused{relu + }(%0)": (21, "expected the name of an op"),
    "fused{relu(x0) + tanh}(%0)": (25, "write the operands of every op of a body, or of none"),
    "fused{relu + tanh(·)}(%0)": (21, "write the operands of every op of a body, or of none"),
    "fused{relu(x0) + tanh(.)}(%0)": (30, "expected x0, x1, … for an operand, t0, t1, … for what an op made, or · for "
                                          "what the op before made"),
    "fused{relu(·)}(%0)": (19, "· stands for the one value that the op before makes, but there are 0"),
    "fused{relu(x1)}(%0)": (19, "there is no x1: the node has 1 operand, and the ops before make 0 values"),
    "fused{relu(x0) + tanh(t1)}(%0)": (30, "there is no t1: the node has 1 operand, and the ops before make 1 value"),
    "fused{relu(x0); t2 = tanh(t0)}(%0)": (24, "what this op makes is t1"),
    "fused{relu(x0) → t0, x0}(%0)": (8, "the body has 2 results, but the node has 1"),
    "fused{relu → t0}(%0)": (19, "expected '+' or ';' or '}'"),
    "fused{relu + relu + add}(%0)": (14, "op relu takes 1 input, here it has 0"),
    "fused{relu + add + add}(%0)": (8, "with 1 operand and 1 result these ops are not wired as usual; tell what each "
                                       "op reads, as in fused{matmul(x0, x1) + subtract(x2, ·)}"),
    "fused{matmul + reduce_sum{axes=(0,)} + relu}(%0, %1)": (8, "with 2 operands and 1 result these ops are not "
                                                                "wired as usual"),
    "fused{matmul + concat{axis=0}}(%0, %1)": (8, "with 2 operands and 1 result these ops are not wired as usual"),
    "fused{normalize{epsilon=0.001}}(%0)": (14, "op normalize makes 2 values, so tell what each op reads"),
    "fused{bias_add{axis=1} + relu}(%0, %1)": (14, "op bias_add refuses its inputs: "),
    "fused{fused{relu}}(%0)": (14, "a fused op can only be the op of a node"),
}


@pytest.mark.parametrize(("op", "column", "reason"), [(op, *refusal) for op, refusal in REFUSED.items()])
def test_refusals(op: str, column: int, reason: str) -> None:
    with pytest.raises(GraphTextError) as caught:
        parse_graph(f"{HEAD}  %2 = {op} : f64[3,3]\n")
    assert caught.value.reason.startswith(reason)
    assert (caught.value.line, caught.value.column) == (4, column)


def test_bodies_know_where_they_come_from_as_far_as_the_text_tells() -> None:
    graph = parse_graph(text("""
        graph g
          input %0 x: f64[3,3]
          -- backward
          %1 = fused{relu + tanh}(%0) : f64[3,3]  # layer
        """))
    (node,) = graph.nodes
    assert isinstance(node.op, Fused)
    assert {(inner.origin, inner.phase) for inner in node.op.body.nodes} == {(node.origin, "backward")}
    x = np.array([[-1.0, 0.0, 2.0]] * 3)
    np.testing.assert_array_equal(node.op.forward(x)[0], np.tanh(np.maximum(x, 0)))
