from dataclasses import replace

import numpy as np
import pytest
from pass_checks import check_numbers, check_settled, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GraphError
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import BACKWARD, Graph, Origin, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Add, BiasAdd, MatMul, Multiply, ReduceMean, ReduceSum, Relu, SoftmaxCrossEntropy
from graphnet.compiler.passes.derive_backward import DeriveBackward, gradient_name
from graphnet.compiler.types import TensorType


def dense() -> Graph:
    b = Builder("dense")
    x, w, bias = b.input("x", TensorType("float64", ("N", 3))), b.parameter("w", f64(3, 2)), b.parameter("b", f64(2))
    h = b.add(Relu(), b.add(BiasAdd(1), b.add(MatMul(), x, w), bias))
    return b.build([Output("loss", b.add(ReduceMean((0, 1)), h))])


def product(*, uses: int = 1) -> Graph:
    """loss = (w · x) + … + (w · x)."""
    b = Builder("product")
    x, w = b.input("x", f64(2)), b.parameter("w", f64(2))
    total = b.add(Multiply(), w, x)
    for _ in range(uses - 1):
        total = b.add(Add(), total, b.add(Multiply(), w, x))
    return b.build([Output("loss", b.add(ReduceSum((0,)), total))])


def gradients(graph: Graph, **feeds) -> dict[str, np.ndarray]:
    values = interpret(graph, feeds)
    return {o.name.removeprefix("gradient:"): values[o.value] for o in graph.outputs if o.name.startswith("gradient:")}


def test_golden():
    assert str(dense()) == text("""
        graph dense
          input %0 x: f64[N,3]
          parameter %1 w: f64[3,2]
          parameter %2 b: f64[2]
          %3 = matmul(%0, %1) : f64[N,2]
          %4 = bias_add{axis=1}(%3, %2) : f64[N,2]
          %5 = relu(%4) : f64[N,2]
          %6 = reduce_mean{axes=(0,1)}(%5) : f64[]
          output loss = %6
        """)
    assert str(DeriveBackward().run(dense())) == text("""
        graph dense
          input %0 x: f64[N,3]
          parameter %1 w: f64[3,2]
          parameter %2 b: f64[2]
          %3 = matmul(%0, %1) : f64[N,2]
          %4 = bias_add{axis=1}(%3, %2) : f64[N,2]
          %5 = relu(%4) : f64[N,2]
          %6 = reduce_mean{axes=(0,1)}(%5) : f64[]
          -- backward
          %7 = full{shape=(), value=1.0, dtype='float64'}() : f64[]  # loss
          %8 = expand{shape=('N',2), axes=(0,1), mean=True}(%7) : f64[N,2]
          %9 = relu_grad(%8, %5) : f64[N,2]
          %10 = reduce_sum{axes=(0,)}(%9) : f64[2]
          %11 = matmul_grad_weight(%0, %9) : f64[3,2]
          %12 = matmul{transpose_w=True}(%9, %1) : f64[N,3]
          output loss = %6
          output gradient:w = %11
          output gradient:b = %10
        """)


def test_forward_numbers_stay():
    check_numbers(dense(), DeriveBackward().run(dense()))


def test_second_run_changes_nothing():
    check_settled(DeriveBackward(), dense())


def test_gradients_equal_central_differences():
    rng = np.random.default_rng(0)
    feeds = {"x": rng.standard_normal((4, 3)), "w": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}
    graph = DeriveBackward(inputs=("x",)).run(dense())
    found = gradients(graph, **feeds)
    assert set(found) == {"w", "b", "x"}
    for name, value in feeds.items():
        for place in np.ndindex(value.shape):
            losses = []
            for step in (1e-5, -1e-5):
                moved = value.copy()
                moved[place] += step
                losses.append(interpret(graph, feeds | {name: moved})[graph.output("loss")])
            assert found[name][place] == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("uses", [1, 2, 5])
def test_gradients_of_a_value_used_often_add_up(uses):
    x = np.array([2.0, -3.0])
    found = gradients(DeriveBackward().run(product(uses=uses)), x=x, w=np.ones(2))
    np.testing.assert_array_equal(found["w"], uses * x)


def test_value_read_twice_by_one_node():
    b = Builder("square")
    w = b.parameter("w", f64(2))
    graph = b.build([Output("loss", b.add(ReduceSum((0,)), b.add(Multiply(), w, w)))])
    np.testing.assert_array_equal(gradients(DeriveBackward().run(graph), w=np.array([3.0, 4.0]))["w"], [6, 8])


def test_unused_weight_gets_zeros():
    b = Builder("g")
    b.parameter("idle", f64(2, 3))
    w = b.parameter("w", f64(2))
    graph = DeriveBackward().run(b.build([Output("loss", b.add(ReduceSum((0,)), w))]))
    found = gradients(graph, idle=np.ones((2, 3)), w=np.ones(2))
    np.testing.assert_array_equal(found["idle"], np.zeros((2, 3)))
    np.testing.assert_array_equal(found["w"], [1, 1])


def test_loss_that_depends_on_no_weight():
    b = Builder("g")
    x, _ = b.input("x", f64(2)), b.parameter("w", f64(2))
    graph = DeriveBackward().run(b.build([Output("loss", b.add(ReduceSum((0,)), x))]))
    np.testing.assert_array_equal(gradients(graph, x=np.ones(2), w=np.ones(2))["w"], [0, 0])
    assert len(graph.nodes) == 2  # the sum, and the zeros


def test_frozen_part_costs_nothing():
    def network(trainable: bool) -> Graph:
        b = Builder("g")
        value = b.input("x", TensorType("float64", ("N", 3)))
        for layer in ("first", "second"):
            with b.at(Origin(layer)):
                value = b.add(MatMul(), value, b.parameter(layer, f64(3, 3), trainable=trainable or layer == "second"))
        return DeriveBackward().run(b.build([Output("loss", b.add(ReduceMean((0, 1)), value))]))

    def backward(graph: Graph) -> list[str]:
        return [node.origin.layer for node in graph.nodes if node.phase == BACKWARD]

    assert backward(network(True)).count("first") == 2
    assert "first" not in backward(network(False))
    assert [o.name for o in network(False).outputs] == ["loss", "gradient:second"]


def test_no_gradient_is_derived_through_labels():
    b = Builder("g")
    w, labels = b.parameter("w", f64(2, 3)), b.parameter("labels", f64(2, 3))
    loss = b.add(ReduceMean((0,)), b.apply(SoftmaxCrossEntropy(), w, labels)[0])
    graph = DeriveBackward().run(b.build([Output("loss", loss)]))
    found = gradients(graph, w=np.ones((2, 3)), labels=np.full((2, 3), 1 / 3))
    np.testing.assert_array_equal(found["labels"], np.zeros((2, 3)))


def test_backward_nodes_keep_the_layer_and_line():
    b = Builder("g")
    w = b.parameter("w", f64(2))
    origin = Origin("act", "ReLU", "net.py:7")
    with b.at(origin):
        y = b.add(Relu(), w)
    graph = DeriveBackward().run(b.build([Output("loss", b.add(ReduceSum((0,)), y))]))
    assert [node.origin for node in graph.nodes if node.op.name == "relu_grad"] == [origin]


def test_gradient_of_inputs_is_only_derived_if_asked():
    assert [o.name for o in DeriveBackward().run(dense()).outputs] == ["loss", gradient_name("w"), gradient_name("b")]


def test_an_input_that_the_loss_does_not_depend_on_has_the_gradient_zero_for_any_batch():
    b = Builder("g")
    x, _ = b.input("x", TensorType("float64", ("N", 2))), b.input("unused", TensorType("float64", ("N", 3)))
    graph = DeriveBackward(inputs=("x", "unused")).run(b.build([Output("loss", b.add(ReduceSum((0, 1)), x))]))
    found = gradients(graph, x=np.ones((4, 2)), unused=np.ones((4, 3)))
    np.testing.assert_array_equal(found["unused"], np.zeros((4, 3)))


@pytest.mark.parametrize("loss", [f64(2), TensorType("int64", ())], ids=str)
def test_loss_must_be_a_scalar_float(loss):
    b = Builder("g")
    b.parameter("w", f64(2))
    graph = b.build([Output("loss", b.input("x", loss))])
    with pytest.raises(GraphError, match="the loss must be a floating-point scalar, got"):
        DeriveBackward().run(graph)


def test_unknown_input_is_refused():
    with pytest.raises(GraphError, match="gradients are asked for the input 'y', but graph dense has x"):
        DeriveBackward(inputs=("y",)).run(dense())


def test_integer_input_is_refused():
    graph = dense()
    types = dict(graph.types) | {0: TensorType("int64", ("N", 3))}
    with pytest.raises(GraphError, match=r"the input .x. is i64.*, and gradients are floats"):
        DeriveBackward(inputs=("x",)).run(replace(graph, types=types))


def test_long_chain():
    b = Builder("chain")
    value = w = b.parameter("w", f64(2))
    for _ in range(2000):
        value = b.add(Add(), value, w)
    graph = DeriveBackward().run(b.build([Output("loss", b.add(ReduceSum((0,)), value))]))
    np.testing.assert_array_equal(gradients(graph, w=np.ones(2))["w"], [2001, 2001])
