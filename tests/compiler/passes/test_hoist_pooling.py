import numpy as np
import pytest
from pass_checks import check_numbers, check_settled, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import Op, f64
from graphnet.compiler.ops import BiasAdd, MaxPool2d, Relu, Sigmoid
from graphnet.compiler.passes.hoist_pooling import HoistPooling

POOL = MaxPool2d((2, 2), (2, 2))


def block(*ops: Op, axis: int = 1, keep: bool = False) -> Graph:
    """pool(ops(x + b)); `keep` makes the value before the pooling an output too."""
    b = Builder("g")
    x, bias = b.input("x", f64(2, 3, 4, 6)), b.parameter("b", f64((2, 3, 4, 6)[axis]))
    h = b.add(BiasAdd(axis), x, bias)
    for op in ops:
        h = b.add(op, h)
    outputs = [Output("y", b.add(POOL, h))]
    return b.build([*outputs, Output("h", h)] if keep else outputs)


def branched() -> Graph:
    """The value before the pooling has a second reader."""
    b = Builder("g")
    h = b.add(Relu(), b.input("x", f64(2, 3, 4, 6)))
    return b.build([Output("y", b.add(POOL, h)), Output("z", b.add(Sigmoid(), h))])


def test_golden():
    assert str(HoistPooling().run(block(Relu()))) == text("""
        graph g
          input %0 x: f64[2,3,4,6]
          parameter %1 b: f64[3]
          %5 = max_pool2d{kernel=(2,2), strides=(2,2)}(%0) : f64[2,3,2,3]
          %6 = bias_add{axis=1}(%5, %1) : f64[2,3,2,3]
          %4 = relu(%6) : f64[2,3,2,3]
          output y = %4
        """)


@pytest.mark.parametrize("ops", [(), (Relu(),), (Relu(), Relu())])
def test_numbers_stay(ops):
    check_numbers(block(*ops), HoistPooling().run(block(*ops)))


def test_second_run_changes_nothing():
    check_settled(HoistPooling(), block(Relu()))


@pytest.mark.parametrize("graph", [block(Relu(), keep=True), block(axis=3), block(Sigmoid()), branched()],
                         ids=["output", "bias along a window", "not in the list", "read elsewhere"])
def test_what_must_stay(graph):
    assert HoistPooling().run(graph) is graph


@pytest.mark.parametrize(("graph", "reason"), [
    (block(Relu(), keep=True), "is an output or a new state, so it must be kept as it is"),
    (block(axis=3), "the bias is not one number a channel"),
    (branched(), "is also read by other nodes than the pooling"),
    (block(Sigmoid()), "pooling moves only before relu and bias_add, which keep order bit for bit"),
])
def test_it_says_why_it_stops(graph, reason):
    assert reason in HoistPooling().decisions(graph)[-1].refusal


def test_it_says_what_it_moved_before():
    done = [d.producer.op.name for d in HoistPooling().decisions(block(Relu())) if not d.refusal]
    assert done == ["bias_add", "relu"]


def test_rounding_keeps_order():
    graph = block(Relu())
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 4, 6)) * 10.0 ** rng.integers(-18, 3, (2, 3, 4, 6))
    feeds = {"x": x, "b": np.array([1.0, -1e-17, 1e9])}
    hoisted = HoistPooling().run(graph)
    np.testing.assert_array_equal(interpret(hoisted, feeds)[hoisted.output("y")],
                                  interpret(graph, feeds)[graph.output("y")])
