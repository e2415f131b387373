import numpy as np
import pytest
from pass_checks import check_settled, results, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import BACKWARD, Graph, Origin, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import (
    BatchNorm,
    BiasAdd,
    Conv2d,
    Conv2dGradInput,
    MatMul,
    ReduceSum,
    Relu,
    Reshape,
    ScaleAxis,
)
from graphnet.compiler.passes.derive_backward import DeriveBackward, gradient_name
from graphnet.compiler.passes.fold_batch_norm import FoldBatchNorm
from graphnet.compiler.passes.specialize_inference import SpecializeInference
from graphnet.compiler.rewrite import check_graph
from graphnet.compiler.types import TensorType


class Net:
    """A builder that puts biases, scales and batch norms of 4 channels behind things, with weights of their own."""

    def __init__(self, *shape: int) -> None:
        self.b = Builder("g")
        self.x = self.b.input("x", TensorType("float64", ("N", *shape)))

    def weight(self, *shape: int) -> int:
        return self.b.parameter(f"w{len(self.b.parameters)}", f64(*shape))

    def conv(self, **attributes) -> int:
        groups = attributes.get("groups", 1)
        return self.b.add(Conv2d(**attributes), self.x, self.weight(4, 6 // groups, 3, 2))

    def matmul(self) -> int:
        return self.b.add(MatMul(), self.x, self.weight(3, 4))

    def bias(self, x: int, axis: int = 1) -> int:
        return self.b.add(BiasAdd(axis), x, self.weight(4))

    def scale(self, x: int, axis: int = 1) -> int:
        with self.b.at(Origin("norm")):
            return self.b.add(ScaleAxis(axis), x, self.weight(4))

    def norm(self, x: int, axis: int = 1) -> int:
        states = [self.b.state(f"s{len(self.b.states)}", f64(4), "buffer", 1.0) for _ in range(2)]
        # Variances are fed normally distributed numbers, negative ones too: a large ε makes up for it.
        y, *moved = self.b.apply(BatchNorm(axis, 0.9, 9.0, True), x, self.weight(4), self.weight(4), *states)[:3]
        for state, new in zip(states, moved, strict=True):
            self.b.advance(state, new)
        return y

    def graph(self, *values: int) -> Graph:
        return self.b.build([Output(f"y{i}", value) for i, value in enumerate(values)])


def image() -> Net:
    return Net(6, 5, 7)


def transposed_conv(net: Net, groups: int) -> int:
    return net.b.add(Conv2dGradInput(groups=groups, shape=("N", 4, 7, 8)), net.x, net.weight(6, 4 // groups, 3, 2))


def names(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def check_close(before: Graph, after: Graph, tolerance: float = 1e-12) -> None:
    check_graph(after)
    old, new = results(before), results(after)
    assert old.keys() == new.keys()
    for name, wanted in old.items():
        np.testing.assert_allclose(new[name], wanted, tolerance, tolerance * np.abs(wanted).max(), err_msg=name)


def test_golden():
    net = Net(3)
    y = net.bias(net.scale(net.bias(net.matmul())))
    graph = net.graph(net.b.add(Relu(), y))
    assert str(graph) == text("""
        graph g
          input %0 x: f64[N,3]
          parameter %1 w0: f64[3,4]
          parameter %3 w1: f64[4]
          parameter %5 w2: f64[4]
          parameter %7 w3: f64[4]
          %2 = matmul(%0, %1) : f64[N,4]
          %4 = bias_add{axis=1}(%2, %3) : f64[N,4]
          %6 = scale_axis{axis=1}(%4, %5) : f64[N,4]  # norm
          %8 = bias_add{axis=1}(%6, %7) : f64[N,4]
          %9 = relu(%8) : f64[N,4]
          output y0 = %9
        """)
    after = check_settled(FoldBatchNorm(), graph)
    assert str(after) == text("""
        graph g
          input %0 x: f64[N,3]
          parameter %1 w0: f64[3,4]
          parameter %3 w1: f64[4]
          parameter %5 w2: f64[4]
          parameter %7 w3: f64[4]
          %10 = scale_axis{axis=1}(%1, %5) : f64[3,4]  # norm
          %11 = multiply(%3, %5) : f64[4]  # norm
          %12 = add(%11, %7) : f64[4]  # norm
          %13 = matmul(%0, %10) : f64[N,4]
          %8 = bias_add{axis=1}(%13, %12) : f64[N,4]
          %9 = relu(%8) : f64[N,4]
          output y0 = %9
        """)
    check_close(graph, after)


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("make", [
    pytest.param(lambda: (net := image(), net.conv(), 1), id="conv"),
    pytest.param(lambda: (net := image(), net.conv(groups=2, strides=(2, 1), padding=((1, 0), (0, 1))), 1),
                 id="groups"),
    pytest.param(lambda: (net := Net(3), net.matmul(), 1), id="matmul"),
    pytest.param(lambda: (net := Net(3), net.b.add(MatMul(True), net.x, net.weight(4, 3)), -1), id="transposed matmul"),
    pytest.param(lambda: (net := Net(5, 3), net.matmul(), 2), id="matmul of sequences"),
    pytest.param(lambda: (net := image(), transposed_conv(net, 1), 1), id="transposed conv"),
])
def test_batch_norm_goes_into_the_weights(make, biased):
    net, root, axis = make()
    y = net.norm(net.bias(root, axis) if biased else root, axis)
    graph = SpecializeInference().run(net.graph(net.b.add(Relu(), y)))
    after = check_settled(FoldBatchNorm(), graph)
    check_close(graph, after)
    assert names(after)[-3:] == [graph.producers[root].op.name, "bias_add", "relu"]
    assert all(after.types[node.inputs[0]].shape[0] != "N" for node in after.nodes if isinstance(node.op, ScaleAxis))


def test_a_sequence_that_was_convolved_as_an_image():
    net = Net(6, 1, 7)
    y = net.bias(net.b.add(Conv2d(), net.x, net.weight(4, 6, 1, 2)))
    y = net.norm(net.b.add(Reshape(("N", 4, 6)), y))
    graph = SpecializeInference().run(net.graph(y))
    after = check_settled(FoldBatchNorm(), graph)
    check_close(graph, after)
    assert names(after)[-3:] == ["conv2d", "bias_add", "reshape"]


def test_two_in_a_row_both_go():
    net = image()
    graph = SpecializeInference().run(net.graph(net.norm(net.norm(net.conv()))))
    after = check_settled(FoldBatchNorm(), graph)
    check_close(graph, after)
    assert names(after)[-2:] == ["conv2d", "bias_add"]


def test_a_scale_without_a_shift():
    net = image()
    graph = net.graph(net.b.add(Relu(), net.scale(net.bias(net.conv()))))
    after = check_settled(FoldBatchNorm(), graph)
    check_close(graph, after)
    assert names(after) == ["scale_axis", "multiply", "conv2d", "bias_add", "relu"]


def test_a_shift_that_somebody_else_reads_too_is_kept():
    net = image()
    scaled = net.scale(net.bias(net.conv()))
    graph = net.graph(net.bias(scaled), net.b.add(Relu(), scaled))
    after = check_settled(FoldBatchNorm(), graph)
    check_close(graph, after)
    assert names(after) == ["scale_axis", "multiply", "conv2d", "bias_add", "bias_add", "relu"]


def read_twice() -> Graph:
    net = image()
    y = net.conv()
    return net.graph(net.scale(y), net.b.add(Relu(), y))


def given_out() -> Graph:
    net = image()
    y = net.bias(net.conv())
    return net.graph(net.scale(y), y)


def activated() -> Graph:
    net = image()
    return net.graph(net.scale(net.b.add(Relu(), net.conv())))


def other_axis() -> Graph:
    net = Net(6, 5, 5)
    y = net.b.add(Conv2d(), net.x, net.weight(7, 6, 2, 2))
    return net.graph(net.scale(y, 2))


def bias_on_another_axis() -> Graph:
    net = Net(6, 5, 5)
    y = net.b.add(Conv2d(), net.x, net.weight(4, 6, 2, 2))
    return net.graph(net.scale(net.bias(y, 2)))


def training() -> Graph:
    net = image()
    return net.graph(net.norm(net.conv()))


def grouped_transposed() -> Graph:
    net = image()
    return net.graph(net.scale(transposed_conv(net, 2)))


def two_phases() -> Graph:
    net = image()
    y = net.conv()
    with net.b.at(Origin(), BACKWARD):
        return net.graph(net.scale(y))


@pytest.mark.parametrize("make", [read_twice, given_out, activated, other_axis, bias_on_another_axis, training,
                                  grouped_transposed, two_phases])
def test_what_cannot_be_folded_stays(make):
    graph = make()
    assert FoldBatchNorm().run(graph) is graph


@pytest.mark.parametrize(("make", "reason"), [
    (read_twice, "%2 is also read unscaled"),
    (given_out, "%4 is an output or a new state, so it must be kept as it is"),
    (activated, "what comes before has no weights with an axis of just these channels"),
    (two_phases, "conv2d runs in the forward phase, scale_axis in backward"),
])
def test_it_says_why_a_scale_stays(make, reason):
    (decision,) = FoldBatchNorm().decisions(make())
    assert decision.consumer.op.name == "scale_axis"
    assert decision.refusal == reason


def test_it_says_what_it_folded():
    net = image()
    (decision,) = FoldBatchNorm().decisions(net.graph(net.scale(net.bias(net.conv()))))
    assert (decision.producer.op.name, decision.consumer.op.name) == ("conv2d", "scale_axis")
    assert (decision.refusal, decision.done) == ("", "folded into its weights")


def test_gradients_go_through_the_folded_weights():
    net = Net(3)
    loss = net.b.add(ReduceSum((0, 1)), net.b.add(Relu(), net.bias(net.scale(net.bias(net.matmul())))))
    graph = net.b.build([Output("loss", loss)])
    rng = np.random.default_rng(0)
    feeds = {p.name: rng.standard_normal(graph.types[p.value].shape) for p in graph.parameters}
    feeds["x"] = rng.standard_normal((5, 3))
    plain, folded = (DeriveBackward().run(g) for g in (graph, FoldBatchNorm().run(graph)))
    old, new = interpret(plain, feeds), interpret(folded, feeds)
    for p in graph.parameters:
        name = gradient_name(p.name)
        np.testing.assert_allclose(new[folded.output(name)], old[plain.output(name)], 1e-12, 1e-12, err_msg=name)
