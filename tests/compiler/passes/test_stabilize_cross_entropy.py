import numpy as np
import pytest
from pass_checks import check_settled, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import BACKWARD, Graph, Output
from graphnet.compiler.ops import (
    BinaryCrossEntropy,
    CrossEntropy,
    ReduceMean,
    Reshape,
    Sigmoid,
    SigmoidCrossEntropyGrad,
    Softmax,
    SoftmaxCrossEntropyGrad,
)
from graphnet.compiler.passes.derive_backward import DeriveBackward, gradient_name
from graphnet.compiler.passes.drop_dead import DropDead
from graphnet.compiler.passes.pipeline import REWRITE
from graphnet.compiler.passes.stabilize_cross_entropy import StabilizeCrossEntropy
from graphnet.compiler.rewrite import check_graph
from graphnet.compiler.types import TensorType

Z = TensorType("float64", ("N", 3))


def softmax_loss(axis: int = -1, keep: bool = False) -> Graph:
    b = Builder("g")
    z, t = b.input("z", Z), b.input("t", TensorType("int64", ("N",)))
    p = b.add(Softmax(axis), z)
    loss = b.add(ReduceMean((0,)), b.add(CrossEntropy(), p, t))
    return b.build([Output("loss", loss), *[Output("p", p)] * keep])


def sigmoid_loss() -> Graph:
    b = Builder("g")
    z, t = b.input("z", Z), b.input("t", Z)
    loss = b.add(ReduceMean((0, 1)), b.add(BinaryCrossEntropy((0.5, 2.0)), b.add(Sigmoid(), z), t))
    return b.build([Output("loss", loss)])


def gradient(graph: Graph, feeds: dict[str, np.ndarray]) -> tuple[float, np.ndarray]:
    derived = DeriveBackward(inputs=("z",)).run(graph)
    values = interpret(derived, feeds)
    return float(values[derived.output("loss")]), values[derived.output(gradient_name("z"))]


def test_golden():
    assert str(softmax_loss()) == text("""
        graph g
          input %0 z: f64[N,3]
          input %1 t: i64[N]
          %2 = softmax(%0) : f64[N,3]
          %3 = cross_entropy(%2, %1) : f64[N]
          %4 = reduce_mean{axes=(0,)}(%3) : f64[]
          output loss = %4
        """)
    after = StabilizeCrossEntropy().run(softmax_loss())
    check_graph(after)
    assert str(DropDead().run(after)) == text("""
        graph g
          input %0 z: f64[N,3]
          input %1 t: i64[N]
          %5, %6 = softmax_cross_entropy(%0, %1) : f64[N], f64[N,3]
          %4 = reduce_mean{axes=(0,)}(%5) : f64[]
          output loss = %4
        """)


def test_golden_of_a_sigmoid():
    after = StabilizeCrossEntropy().run(sigmoid_loss())
    check_graph(after)
    assert str(DropDead().run(after)) == text("""
        graph g
          input %0 z: f64[N,3]
          input %1 t: f64[N,3]
          %5 = sigmoid_cross_entropy{weights=(0.5,2.0)}(%0, %1) : f64[N,3]
          %4 = reduce_mean{axes=(0,1)}(%5) : f64[]
          output loss = %4
        """)


@pytest.mark.parametrize("keep", [False, True])
def test_equal_numbers_in_both_directions(keep):
    feeds = {"z": np.random.default_rng(0).normal(0, 3, (5, 3)), "t": np.array([0, 2, 1, 1, 0])}
    before, after = softmax_loss(keep=keep), StabilizeCrossEntropy().run(softmax_loss(keep=keep))
    for wanted, found in zip(gradient(before, feeds), gradient(after, feeds), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)


def test_equal_numbers_of_a_sigmoid():
    rng = np.random.default_rng(0)
    feeds = {"z": rng.normal(0, 3, (5, 3)), "t": rng.uniform(0, 1, (5, 3))}
    for wanted, found in zip(gradient(sigmoid_loss(), feeds),
                             gradient(StabilizeCrossEntropy().run(sigmoid_loss()), feeds), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)


def test_what_saturates_is_exact_afterwards_and_lost_before():
    feeds = {"z": np.array([[2000.0, 0.0, 0.0]]), "t": np.array([1])}
    loss, slope = gradient(softmax_loss(), feeds)
    assert loss < 710
    assert not slope.any()
    loss, slope = gradient(StabilizeCrossEntropy().run(softmax_loss()), feeds)
    assert loss == 2000
    np.testing.assert_array_equal(slope, [[1, -1, 0]])
    feeds = {"z": np.array([[2000.0, -2000.0, 2000.0]]), "t": np.array([[0.0, 1.0, 1.0]])}
    loss, slope = gradient(StabilizeCrossEntropy().run(sigmoid_loss()), feeds)
    assert loss == pytest.approx((0.5 * 2000 + 2 * 2000) / 3)
    np.testing.assert_allclose(slope, [[0.5 / 3, -2 / 3, 0]])


@pytest.mark.parametrize("graph", [softmax_loss(), softmax_loss(keep=True), sigmoid_loss()])
def test_second_run_changes_nothing(graph):
    check_settled(StabilizeCrossEntropy(), graph)


def test_the_backward_graph_is_the_stable_one():
    for graph, op in ((softmax_loss(), SoftmaxCrossEntropyGrad), (sigmoid_loss(), SigmoidCrossEntropyGrad)):
        derived = DeriveBackward(inputs=("z",)).run(DropDead().run(StabilizeCrossEntropy().run(graph)))
        names = [node.op.name for node in derived.nodes if node.phase == BACKWARD]
        assert names[-1] == op.name
        assert not {"softmax_grad", "sigmoid_grad"} & set(names)


def test_it_says_what_it_does():
    (decision,) = StabilizeCrossEntropy().decisions(softmax_loss())
    assert (decision.producer.op.name, decision.consumer.op.name) == ("softmax", "cross_entropy")
    assert (decision.refusal, decision.done) == ("", "computed from the logits")


def test_a_softmax_over_another_axis_is_left_alone():
    graph = softmax_loss(axis=0)
    assert StabilizeCrossEntropy().run(graph) is graph
    (decision,) = StabilizeCrossEntropy().decisions(graph)
    assert decision.refusal == "the softmax is over axis 0, the cross-entropy over the last one, 1"


def test_after_differentiation_it_is_left_alone():
    graph = DeriveBackward(inputs=("z",)).run(softmax_loss())
    assert StabilizeCrossEntropy().run(graph) is graph
    (decision,) = StabilizeCrossEntropy().decisions(graph)
    assert decision.refusal == "its gradient is already there; this pass stands before differentiation"


def test_only_direct_neighbours_count():
    b = Builder("g")
    z, t = b.input("z", Z), b.input("t", TensorType("int64", ("N",)))
    p = b.add(Reshape(("N", 3)), b.add(Softmax(-1), z))
    graph = b.build([Output("loss", b.add(ReduceMean((0,)), b.add(CrossEntropy(), p, t)))])
    assert StabilizeCrossEntropy().run(graph) is graph


def test_it_is_part_of_the_pipeline_before_differentiation():
    assert StabilizeCrossEntropy() in REWRITE
