"""Specialisation for inference, with ops made up for the test, so that it does not depend on which ops need it."""

from dataclasses import dataclass, replace

import numpy as np
from pass_checks import check_settled, results, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Add, ReduceMean, Relu, Scale
from graphnet.compiler.passes.specialize_inference import SpecializeInference


@dataclass(frozen=True)
class Vanishing(Scale):
    """y = factor · x in training, x outside. Has no name of its own, so it is not registered."""

    def at_inference(self, b, inputs):
        return inputs


@dataclass(frozen=True)
class Halving(Scale):
    """y = factor · x in training, x / 2 outside."""

    def at_inference(self, b, inputs):
        return (b.add(Scale(0.5), *inputs),)


def training() -> Graph:
    b = Builder("g")
    x, s = b.input("x", f64(2)), b.state("mean", f64(2), "buffer")
    h = b.add(Relu(), b.add(Vanishing(3.0), x))
    y = b.add(Halving(5.0), b.add(Add(), h, s))
    b.advance(s, h)
    b.penalty("p", b.add(ReduceMean((0,)), h))
    return b.build([Output("y", y)])


def test_golden():
    assert str(training()) == text("""
        graph g
          input %0 x: f64[2]
          state %1 mean: f64[2] buffer from 0.0 next %3
          %2 = scale{factor=3.0}(%0) : f64[2]
          %3 = relu(%2) : f64[2]
          %4 = add(%3, %1) : f64[2]
          %5 = scale{factor=5.0}(%4) : f64[2]
          %6 = reduce_mean{axes=(0,)}(%3) : f64[]
          output y = %5
          penalty p = %6
        """)
    assert str(SpecializeInference().run(training())) == text("""
        graph g
          input %0 x: f64[2]
          state %1 mean: f64[2] buffer from 0.0
          %3 = relu(%0) : f64[2]
          %4 = add(%3, %1) : f64[2]
          %7 = scale{factor=0.5}(%4) : f64[2]
          %6 = reduce_mean{axes=(0,)}(%3) : f64[]
          output y = %7
        """)


def test_numbers_are_those_of_the_inference_forms():
    feeds = {"x": np.array([1.0, -2.0]), "mean": np.array([4.0, 6.0])}
    after = SpecializeInference().run(training())
    np.testing.assert_array_equal(interpret(after, feeds)[after.output("y")], [2.5, 3.0])


def test_second_run_changes_nothing():
    check_settled(SpecializeInference(), training())


def test_penalties_go():
    assert training().penalties
    assert SpecializeInference().run(training()).penalties == ()


def test_recurrent_state_still_advances():
    graph = training()
    states = tuple(replace(s, role="recurrent") for s in graph.states)
    after = SpecializeInference().run(replace(graph, states=states))
    assert after.states[0].next == 3


def test_graph_without_such_ops_stays_as_it_is():
    b = Builder("g")
    graph = b.build([Output("y", b.add(Relu(), b.input("x", f64(2))))])
    assert SpecializeInference().run(graph) is graph
    assert set(results(graph)) == {"y"}
