from dataclasses import replace

from pass_checks import check_numbers, check_settled, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import ReduceMean, Relu, SoftmaxCrossEntropy, Tanh
from graphnet.compiler.parsing import parse_graph
from graphnet.compiler.passes.drop_dead import DropDead
from graphnet.compiler.types import TensorType

WITH_DEAD_BRANCH = text("""
    graph g
      input %0 x: f64[2]
      parameter %1 w: f64[2]
      %2 = tanh(%1) : f64[2]
      %3 = relu(%2) : f64[2]
      %4 = add(%0, %0) : f64[2]
      output y = %4
    """)


def with_dead_branch() -> Graph:
    return parse_graph(WITH_DEAD_BRANCH)


def test_golden():
    before = with_dead_branch()
    assert str(before) == WITH_DEAD_BRANCH
    after = DropDead().run(before)
    assert str(after) == text("""
        graph g
          input %0 x: f64[2]
          parameter %1 w: f64[2]
          %4 = add(%0, %0) : f64[2]
          output y = %4
        """)
    assert set(after.types) == {0, 1, 4}


def test_numbers_stay():
    check_numbers(with_dead_branch(), DropDead().run(with_dead_branch()))


def test_second_run_changes_nothing():
    check_settled(DropDead(), with_dead_branch())


def test_living_graph_stays_as_it_is():
    b = Builder("g")
    graph = b.build([Output("y", b.add(Relu(), b.input("x", f64(2))))])
    assert DropDead().run(graph) is graph


def test_new_states_new_weights_and_penalties_live():
    b = Builder("g")
    x = b.input("x", f64(2))
    w, s = b.parameter("w", f64(2)), b.state("s", f64(2), "buffer")
    b.advance(w, b.add(Relu(), w))
    b.advance(s, b.add(Tanh(), s))
    b.penalty("p", b.add(ReduceMean((0,)), w))
    graph = b.build([Output("y", x)])
    assert DropDead().run(graph) is graph


def test_node_lives_for_any_of_its_outputs():
    b = Builder("g")
    z, labels = b.input("z", f64(2, 3)), b.input("t", TensorType("int64", (2,)))
    _, softmax = b.apply(SoftmaxCrossEntropy(), z, labels)
    graph = b.build([Output("p", softmax)])
    assert DropDead().run(graph) is graph


def test_everything_goes_when_outputs_are_inputs():
    graph = with_dead_branch()
    assert DropDead().run(replace(graph, outputs=(Output("y", 0),))).nodes == ()
