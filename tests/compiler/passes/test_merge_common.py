import numpy as np
from pass_checks import check_numbers, check_settled, results, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Full, ReduceMean, Relu, Scale, SoftmaxCrossEntropy, Subtract
from graphnet.compiler.parsing import parse_graph
from graphnet.compiler.passes.merge_common import MergeCommon
from graphnet.compiler.types import TensorType

TWICE = text("""
    graph g
      input %0 x: f64[2]
      %1 = relu(%0) : f64[2]
      %2 = tanh(%1) : f64[2]
      %3 = relu(%0) : f64[2]
      %4 = tanh(%3) : f64[2]
      %5 = add(%2, %4) : f64[2]
      output y = %5
      output right = %4
    """)


def twice() -> Graph:
    """(tanh(relu x)) + (tanh(relu x)), each side computed by itself."""
    return parse_graph(TWICE)


def test_golden():
    before = twice()
    assert str(before) == TWICE
    assert str(MergeCommon().run(before)) == text("""
        graph g
          input %0 x: f64[2]
          %1 = relu(%0) : f64[2]
          %2 = tanh(%1) : f64[2]
          %5 = add(%2, %2) : f64[2]
          output y = %5
          output right = %2
        """)


def test_numbers_stay():
    check_numbers(twice(), MergeCommon().run(twice()))


def test_second_run_changes_nothing():
    check_settled(MergeCommon(), twice())


def test_equal_attributes_are_needed():
    b = Builder("g")
    x = b.input("x", f64(2))
    graph = b.build([Output("a", b.add(Scale(2.0), x)), Output("b", b.add(Scale(2.5), x))])
    assert MergeCommon().run(graph) is graph


def test_order_of_operands_counts():
    b = Builder("g")
    x, y = b.input("x", f64(2)), b.input("y", f64(2))
    graph = b.build([Output("a", b.add(Subtract(), x, y)), Output("b", b.add(Subtract(), y, x))])
    assert MergeCommon().run(graph) is graph


def test_constants_of_different_dtype_or_sign_stay_apart():
    b = Builder("g")
    values = [b.add(Full((2,), value, dtype)) for value, dtype in
              ((0.0, "float64"), (0.0, "float32"), (1.0, "float64"))]
    graph = b.build([Output(f"y{i}", value) for i, value in enumerate(values)])
    assert MergeCommon().run(graph) is graph


def test_negative_zero_is_not_zero():
    b = Builder("g")
    x = b.input("x", f64(2))
    before = b.build([Output("a", b.add(Scale(0.0), x)), Output("b", b.add(Scale(-0.0), x))])
    old, new = results(before), results(MergeCommon().run(before))
    for name in old:
        np.testing.assert_array_equal(np.signbit(new[name]), np.signbit(old[name]), name)


def test_all_outputs_of_a_node_are_renamed():
    b = Builder("g")
    z, labels = b.input("z", f64(2, 3)), b.input("t", TensorType("int64", (2,)))
    first, second = b.apply(SoftmaxCrossEntropy(), z, labels), b.apply(SoftmaxCrossEntropy(), z, labels)
    before = b.build([Output("loss", second[0]), Output("softmax", second[1])])
    after = MergeCommon().run(before)
    assert [o.value for o in after.outputs] == list(first)
    check_numbers(before, after)


def test_new_states_and_penalties_are_renamed():
    b = Builder("g")
    s = b.state("s", f64(2), "buffer")
    first, second = b.add(Relu(), s), b.add(Relu(), s)
    b.advance(s, second)
    b.penalty("p", b.add(ReduceMean((0,)), second))
    after = MergeCommon().run(b.build([Output("y", first)]))
    assert after.states[0].next == first
    assert len(after.nodes) == 2
