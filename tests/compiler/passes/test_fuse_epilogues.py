import numpy as np
import pytest
from pass_checks import check_numbers, check_settled, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import BACKWARD, Graph, Origin, Output
from graphnet.compiler.op import f, f64
from graphnet.compiler.ops import (
    Add,
    BiasAdd,
    Conv2d,
    Fused,
    GaussianNoise,
    MatMul,
    MaxPool2d,
    Multiply,
    ReduceSum,
    Relu,
    Scale,
    Sigmoid,
    Softmax,
    Subtract,
    Tanh,
)
from graphnet.compiler.passes.derive_backward import DeriveBackward
from graphnet.compiler.passes.fuse_epilogues import FuseEpilogues
from graphnet.compiler.types import TensorType


class Dense:
    """A builder with the product of a dense layer, x W, to hang things on."""

    def __init__(self) -> None:
        self.b = Builder("g")
        self.x = self.b.input("x", TensorType("float64", ("N", 3)))
        self.w, self.bias = self.b.parameter("w", f64(3, 2)), self.b.parameter("b", f64(2))
        with self.b.at(Origin("dense")):
            self.product = self.b.add(MatMul(), self.x, self.w)

    def graph(self, *values: int) -> Graph:
        return self.b.build([Output(f"y{i}", value) for i, value in enumerate(values)])


def activated() -> Graph:
    d = Dense()
    return d.graph(d.b.add(Tanh(), d.b.add(BiasAdd(1), d.product, d.bias)))


def refusals(graph: Graph) -> list[str]:
    return [d.refusal for d in FuseEpilogues().decisions(graph) if d.refusal]


def check_refused(graph: Graph, reason: str) -> None:
    assert FuseEpilogues().run(graph) is graph
    assert refusals(graph) == [reason]


def test_golden():
    assert str(activated()) == text("""
        graph g
          input %0 x: f64[N,3]
          parameter %1 w: f64[3,2]
          parameter %2 b: f64[2]
          %3 = matmul(%0, %1) : f64[N,2]  # dense
          %4 = bias_add{axis=1}(%3, %2) : f64[N,2]
          %5 = tanh(%4) : f64[N,2]
          output y0 = %5
        """)
    assert str(FuseEpilogues().run(activated())) == text("""
        graph g
          input %0 x: f64[N,3]
          parameter %1 w: f64[3,2]
          parameter %2 b: f64[2]
          %5 = fused{matmul + bias_add{axis=1} + tanh}(%0, %1, %2) : f64[N,2]  # dense
          output y0 = %5
        """)


def test_numbers_stay():
    check_numbers(activated(), FuseEpilogues().run(activated()))


def test_second_run_changes_nothing():
    check_settled(FuseEpilogues(), activated())


def test_decisions_list_what_was_fused():
    decisions = FuseEpilogues().decisions(activated())
    assert [(d.producer.op.name, d.consumer.op.name, d.refusal) for d in decisions] == [
        ("matmul", "bias_add", ""), ("bias_add", "tanh", "")]


def test_equal_chains_have_equal_bodies():
    first, second = (FuseEpilogues().run(activated()).nodes[0].op for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)


def test_convolution_with_bias_and_relu():
    b = Builder("g")
    x, w, bias = b.input("x", TensorType("float64", ("N", 2, 5, 6))), b.parameter("w", f64(3, 2, 2, 3)), \
        b.parameter("b", f64(3))
    before = b.build([Output("y", b.add(Relu(), b.add(BiasAdd(1), b.add(Conv2d(), x, w), bias)))])
    after = check_settled(FuseEpilogues(), before)
    assert [node.op.body.name for node in after.nodes] == ["conv2d+bias_add+relu"]
    check_numbers(before, after)


def test_side_input_of_the_epilogue():
    d = Dense()
    skip = d.b.input("skip", TensorType("float64", ("N", 2)))
    before = d.graph(d.b.add(Multiply(), d.b.add(Add(), d.product, skip), skip))
    after = FuseEpilogues().run(before)
    assert [node.inputs for node in after.nodes] == [(d.x, d.w, skip)]
    check_numbers(before, after)


def test_side_input_made_between_root_and_epilogue():
    d = Dense()
    side = d.b.add(Tanh(), d.b.input("skip", TensorType("float64", ("N", 2))))
    before = d.graph(d.b.add(Add(), d.product, side))
    check_numbers(before, check_settled(FuseEpilogues(), before))


def test_two_chains_in_a_row():
    d = Dense()
    hidden = d.b.add(Relu(), d.b.add(BiasAdd(1), d.product, d.bias))
    before = d.graph(d.b.add(Tanh(), d.b.add(MatMul(), hidden, d.b.parameter("v", f64(2, 4)))))
    after = check_settled(FuseEpilogues(), before)
    assert [node.op.body.name for node in after.nodes] == ["matmul+bias_add+relu", "matmul+tanh"]
    check_numbers(before, after)


def test_backward_chains_are_fused_but_not_behind_a_product():
    b = Builder("g")
    x, w = b.input("x", f64(4, 3)), [b.parameter(f"w{i}", f64(3, 3)) for i in range(2)]
    h = b.add(Tanh(), b.add(Relu(), b.add(MatMul(), x, w[0])))
    before = DeriveBackward().run(b.build([Output("loss", b.add(ReduceSum((0, 1)), b.add(MatMul(), h, w[1])))]))
    after = FuseEpilogues().run(before)
    names = [node.op.body.name for node in after.nodes if isinstance(node.op, Fused) and node.phase == BACKWARD]
    assert names == ["tanh_grad+relu_grad"]
    check_numbers(before, after)


@pytest.mark.parametrize("op", [Add(), Multiply()])
def test_operands_that_may_change_places_do(op):
    d = Dense()
    before = d.graph(d.b.add(op, d.b.input("skip", TensorType("float64", ("N", 2))), d.product))
    after = check_settled(FuseEpilogues(), before)
    assert [node.op.body.name for node in after.nodes] == [f"matmul+{op.name}"]
    check_numbers(before, after)


def test_element_wise_chain_has_no_other_root():
    b = Builder("g")
    x, y = b.input("x", f64(3, 4)), b.input("y", f64(3, 4))
    before = b.build([Output("z", b.add(Sigmoid(), b.add(Relu(), b.add(Subtract(), x, y))))])
    after = check_settled(FuseEpilogues(), before)
    assert [node.op.body.name for node in after.nodes] == ["subtract+relu+sigmoid"]
    assert after.nodes[0].op.inplace == (0, 1)
    check_numbers(before, after)


def test_node_that_two_chains_could_take_goes_to_the_first():
    d = Dense()
    other = d.b.add(MatMul(), d.x, d.b.parameter("v", f64(3, 2)))
    before = d.graph(d.b.add(Add(), d.product, other))
    after = check_settled(FuseEpilogues(), before)
    assert [node.op.name for node in after.nodes] == ["matmul", "fused"]
    check_numbers(before, after)


def test_fused_node_keeps_the_root_s_origin():
    assert FuseEpilogues().run(activated()).nodes[0].origin == Origin("dense")


class TestRefusals:
    def test_not_element_wise(self):
        d = Dense()
        check_refused(d.graph(d.b.add(Softmax(), d.product)),
                      "softmax is not element-wise: it does not make each element of the one at its own place")

    def test_makes_two_values(self):
        d = Dense()
        counter = d.b.state("c", TensorType("int64", (2,)), "counter")
        noisy, following = d.b.apply(GaussianNoise(0.5), d.product, counter)
        d.b.advance(counter, following)
        check_refused(d.graph(noisy), "gaussian_noise makes 2 values")

    @pytest.mark.parametrize("op", [Add(), Multiply()])
    def test_reads_the_value_twice(self, op):
        d = Dense()
        check_refused(d.graph(d.b.add(op, d.product, d.product)),
                      f"{op.name} reads %3 twice, and would write over it at the first")

    def test_sum_behind_another_root(self):
        d = Dense()
        check_refused(d.graph(d.b.add(ReduceSum((0,)), d.product)),
                      "sums are taken on the way of a chain that begins element-wise, not behind another root")

    def test_sum_of_whole_numbers(self):
        b = Builder("g")
        x = b.input("x", f("int64", 3, 4))
        graph = b.build([Output("y", b.add(ReduceSum((0,)), b.add(Add(), x, x)))])
        check_refused(graph, "sums are taken on the way of floats only, and %1 is int64")

    def test_sum_in_another_phase(self):
        b = Builder("g")
        h = b.add(Tanh(), b.input("x", f64(3, 4)))
        with b.at(Origin(), BACKWARD):
            total = b.add(ReduceSum((0,)), h)
        check_refused(b.build([Output("y", total)]), "reduce_sum runs in the backward phase, tanh in forward")

    def test_value_is_an_output(self):
        d = Dense()
        check_refused(d.graph(d.b.add(Tanh(), d.product), d.product),
                      "%3 is an output or a new state, so it must be kept as it is")

    def test_value_is_a_new_state(self):
        d = Dense()
        d.b.advance(d.b.state("s", TensorType("float64", ("N", 2)), "recurrent"), d.product)
        check_refused(d.graph(d.b.add(Tanh(), d.product)),
                      "%3 is an output or a new state, so it must be kept as it is")

    def test_value_has_several_readers(self):
        d = Dense()
        with d.b.at(Origin("other", "Scale", "net.py:9")):
            second = d.b.add(Scale(2.0), d.product)
        graph = d.graph(d.b.add(Tanh(), d.product), second)
        assert FuseEpilogues().run(graph) is graph
        decisions = {d.consumer.op.name: d.refusal for d in FuseEpilogues().decisions(graph)}
        assert decisions == {"tanh": "%3 is also read by scale of other (Scale) at net.py:9",
                             "scale": "%3 is also read by tanh of ?"}

    def test_value_is_a_side_input(self):
        d = Dense()
        skip = d.b.input("skip", TensorType("float64", ("N", 2)))
        check_refused(d.graph(d.b.add(Subtract(), skip, d.product)),
                      "subtract reads %3 as a side input, not as the one it transforms")

    def test_reader_in_another_phase(self):
        d = Dense()
        with d.b.at(Origin(), BACKWARD):
            y = d.b.add(Tanh(), d.product)
        check_refused(d.graph(y), "tanh runs in the backward phase, matmul in forward")

    def test_reader_changes_the_type(self):
        class Widening(Tanh):
            """y = tanh(x) in float64. Has no name of its own, so it is not registered."""

            def infer(self, x):
                return (TensorType("float64", x.shape),)

            def forward(self, x):
                return (np.tanh(x.astype(np.float64)),)

        b = Builder("g")
        product = b.add(MatMul(), b.input("x", f("float32", 2, 3)), b.input("w", f("float32", 3, 2)))
        check_refused(b.build([Output("y", b.add(Widening(), product))]), "tanh changes the type")

    def test_root_that_nobody_reads_has_no_decision(self):
        d = Dense()
        graph = d.graph(d.product)
        assert FuseEpilogues().run(graph) is graph
        assert FuseEpilogues().decisions(graph) == []


class TestPooling:
    def graph(self, *more: int) -> Graph:
        b = Builder("g")
        x, w, bias = b.input("x", f64(2, 1, 6, 7)), b.parameter("w", f64(3, 1, 3, 3)), b.parameter("b", f64(3))
        with b.at(Origin("conv")):
            sums = b.add(Conv2d(), x, w)
        y = b.add(Relu(), b.add(BiasAdd(1), b.add(MaxPool2d((2, 2), (2, 2)), sums), bias))
        return b.build([Output("y", y), *(Output(f"z{i}", sums) for i in more)])

    def test_joins_the_convolution_before_it(self):
        before = self.graph()
        after = check_settled(FuseEpilogues(pools=True), before)
        assert [node.op.body.name for node in after.nodes] == ["conv2d+max_pool2d+bias_add+relu"]
        check_numbers(before, after)

    def test_does_not_unless_that_is_asked_for(self):
        assert [node.op.name for node in FuseEpilogues().run(self.graph()).nodes] == ["conv2d", "fused"]

    def test_does_not_where_all_sums_are_needed(self):
        graph = self.graph(0)
        assert [node.op.name for node in FuseEpilogues(pools=True).run(graph).nodes] == ["conv2d", "fused"]
        assert "%3 is an output or a new state, so it must be kept as it is" in [
            d.refusal for d in FuseEpilogues(pools=True).decisions(graph)]
