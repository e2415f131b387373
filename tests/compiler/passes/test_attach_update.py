from dataclasses import replace

import numpy as np
import pytest
from pass_checks import check_numbers, check_settled, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import UPDATE, Graph, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import AdamUpdate, Multiply, ReduceSum, Relu, SgdUpdate
from graphnet.compiler.passes.attach_update import AttachUpdate
from graphnet.compiler.passes.derive_backward import DeriveBackward


def model(**parameter) -> Graph:
    """loss = Σ x · w · v, with gradients; `parameter` goes to v."""
    b = Builder("g")
    x, w, v = b.input("x", f64(2)), b.parameter("w", f64(2)), b.parameter("v", f64(2), **parameter)
    loss = b.add(ReduceSum((0,)), b.add(Multiply(), b.add(Multiply(), x, w), v))
    return DeriveBackward().run(b.build([Output("loss", loss)]))


def test_golden():
    assert str(model()) == text("""
        graph g
          input %0 x: f64[2]
          parameter %1 w: f64[2]
          parameter %2 v: f64[2]
          %3 = multiply(%0, %1) : f64[2]
          %4 = multiply(%3, %2) : f64[2]
          %5 = reduce_sum{axes=(0,)}(%4) : f64[]
          -- backward
          %6 = full{shape=(), value=1.0, dtype='float64'}() : f64[]  # loss
          %7 = expand{shape=(2,), axes=(0,), mean=False}(%6) : f64[2]
          %8 = multiply(%7, %2) : f64[2]
          %9 = multiply(%7, %3) : f64[2]
          %10 = multiply(%8, %1) : f64[2]
          %11 = multiply(%8, %0) : f64[2]
          output loss = %5
          output gradient:w = %11
          output gradient:v = %9
        """)
    assert str(AttachUpdate(AdamUpdate(2)).run(model())) == text("""
        graph g
          input %0 x: f64[2]
          input %12 learning_rate: f64[]
          input %13 step: i64[]
          parameter %1 w: f64[2] next %16
          parameter %2 v: f64[2] next %17
          state %14 optimizer/first_moment: f64[4] optimizer from 0.0 next %18
          state %15 optimizer/second_moment: f64[4] optimizer from 0.0 next %19
          %3 = multiply(%0, %1) : f64[2]
          %4 = multiply(%3, %2) : f64[2]
          %5 = reduce_sum{axes=(0,)}(%4) : f64[]
          -- backward
          %6 = full{shape=(), value=1.0, dtype='float64'}() : f64[]  # loss
          %7 = expand{shape=(2,), axes=(0,), mean=False}(%6) : f64[2]
          %8 = multiply(%7, %2) : f64[2]
          %9 = multiply(%7, %3) : f64[2]
          %10 = multiply(%8, %1) : f64[2]
          %11 = multiply(%8, %0) : f64[2]
          -- update
          %16, %17, %18, %19 = adam_update{count=2}"""
          """(%12, %13, %1, %2, %11, %9, %14, %15) : f64[2], f64[2], f64[4], f64[4]  # optimizer
          output loss = %5
        """)


def test_loss_stays():
    check_numbers(model(), AttachUpdate(SgdUpdate(2)).run(model()))


def test_second_run_changes_nothing():
    check_settled(AttachUpdate(SgdUpdate(2)), model())


def step(graph: Graph) -> dict[str, np.ndarray]:
    """Weights after a step of SGD with rate 0.5 from w = (1, 2), v = (3, 4) on x = (5, 6)."""
    feeds = {"x": [5.0, 6.0], "w": [1.0, 2.0], "v": [3.0, 4.0], "learning_rate": 0.5, "step": 1}
    values = interpret(graph, {name: np.array(value) for name, value in feeds.items()})
    return {p.name: values[p.next if p.next is not None else p.value] for p in graph.parameters}


def test_new_weights():
    after = step(AttachUpdate(SgdUpdate(2)).run(model()))
    np.testing.assert_array_equal(after["w"], [1 - 0.5 * 15, 2 - 0.5 * 24])
    np.testing.assert_array_equal(after["v"], [3 - 0.5 * 5, 4 - 0.5 * 12])


def test_frozen_weight_stays():
    graph = AttachUpdate(SgdUpdate(2)).run(model(trainable=False))
    assert [node.op.count for node in graph.nodes if node.phase == UPDATE] == [1]
    np.testing.assert_array_equal(step(graph)["v"], [3, 4])


def test_rate_of_a_weight_multiplies_the_learning_rate():
    graph = AttachUpdate(SgdUpdate(2)).run(model(rate=0.1))
    assert graph.nodes[-1].op.rates == (1.0, 0.1)
    np.testing.assert_allclose(step(graph)["v"], [3 - 0.05 * 5, 4 - 0.05 * 12])


def test_constraint_is_applied_after_the_step():
    graph = AttachUpdate(SgdUpdate(2)).run(model(constraint=Relu()))
    np.testing.assert_array_equal(step(graph)["v"], [0.5, 0])


def test_several_weights_have_one_update_node():
    assert [node.phase for node in AttachUpdate(AdamUpdate(2)).run(model()).nodes].count(UPDATE) == 1


@pytest.mark.parametrize("parameters", [(), ("frozen",)])
def test_nothing_to_train_changes_nothing(parameters):
    b = Builder("g")
    x = b.input("x", f64(2))
    for name in parameters:
        b.parameter(name, f64(2), trainable=False)
    graph = b.build([Output("loss", b.add(ReduceSum((0,)), x))])
    assert AttachUpdate(SgdUpdate(0)).run(graph) is graph


def test_other_outputs_stay():
    graph = model()
    graph = replace(graph, outputs=(*graph.outputs, Output("h", 3)))
    assert [o.name for o in AttachUpdate(SgdUpdate(2)).run(graph).outputs] == ["loss", "h"]
