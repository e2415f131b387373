from dataclasses import replace

import pytest
from pass_checks import check_numbers, check_settled, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GraphError
from graphnet.compiler.ir import Graph, Node, Origin, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Add, Multiply, Relu, Tanh
from graphnet.compiler.parsing import parse_graph
from graphnet.compiler.passes.order_nodes import OrderNodes
from graphnet.compiler.rewrite import check_graph


def diamond() -> Graph:
    return parse_graph(text("""
        graph diamond
          input %0 x: f64[2]
          %1 = relu(%0) : f64[2]
          %2 = tanh(%0) : f64[2]
          %3 = add(%1, %2) : f64[2]
          output y = %3
        """))


def shuffled(graph: Graph, *order: int) -> Graph:
    return replace(graph, nodes=tuple(graph.nodes[i] for i in order))


def test_golden():
    before = shuffled(diamond(), 2, 1, 0)
    assert str(before) == text("""
        graph diamond
          input %0 x: f64[2]
          %3 = add(%1, %2) : f64[2]
          %2 = tanh(%0) : f64[2]
          %1 = relu(%0) : f64[2]
          output y = %3
        """)
    assert str(OrderNodes().run(before)) == text("""
        graph diamond
          input %0 x: f64[2]
          %2 = tanh(%0) : f64[2]
          %1 = relu(%0) : f64[2]
          %3 = add(%1, %2) : f64[2]
          output y = %3
        """)


def test_numbers_stay():
    check_numbers(diamond(), OrderNodes().run(shuffled(diamond(), 2, 0, 1)))


def test_second_run_changes_nothing():
    check_settled(OrderNodes(), shuffled(diamond(), 2, 1, 0))


def test_valid_order_stays_as_it_is():
    graph = shuffled(diamond(), 1, 0, 2)
    assert OrderNodes().run(graph) is graph


def test_nodes_of_a_disconnected_part_keep_their_places():
    b = Builder("parts")
    x, y = b.input("x", f64(2)), b.input("y", f64(3))
    outs = [b.add(Relu(), x), b.add(Tanh(), y)]
    tail = b.add(Relu(), outs[0])
    graph = shuffled(b.build([Output("a", tail), Output("b", outs[1])]), 2, 1, 0)
    names = [str(node.op) for node in OrderNodes().run(graph).nodes]
    assert names == ["tanh", "relu", "relu"]


def test_order_does_not_depend_on_ids():
    graph = shuffled(diamond(), 2, 1, 0)
    names = {0: 40, 1: 7, 2: 90, 3: 5}
    moved = Graph(graph.name, tuple(replace(i, value=names[i.value]) for i in graph.inputs), (), (),
                  tuple(replace(n, inputs=tuple(names[v] for v in n.inputs), outputs=tuple(names[v] for v in n.outputs))
                        for n in graph.nodes),
                  (Output("y", 5),), {names[v]: t for v, t in graph.types.items()})
    assert [str(n.op) for n in OrderNodes().run(moved).nodes] == [str(n.op) for n in OrderNodes().run(graph).nodes]


def test_cycle_is_listed_with_layers_and_lines():
    b = Builder("loop")
    x = b.input("x", f64(2))
    nodes = (Node(Add(), (x, 2), (1,), Origin("first", "Add", "net.py:3")),
             Node(Relu(), (1,), (2,), Origin("second", "ReLU", "net.py:4")))
    graph = Graph("loop", tuple(b.inputs), (), (), nodes, (Output("y", 2),), {0: f64(2), 1: f64(2), 2: f64(2)})
    with pytest.raises(GraphError) as caught:
        OrderNodes().run(graph)
    assert str(caught.value) == (
        "graph loop has a cycle: first (Add) at net.py:3 → second (ReLU) at net.py:4 → first (Add) at net.py:3; "
        "a static graph must lead from its inputs to its outputs")


def test_node_that_reads_itself_is_a_cycle():
    node = Node(Relu(), (0,), (0,), Origin("knot"))
    with pytest.raises(GraphError, match="has a cycle: knot → knot;"):
        OrderNodes().run(Graph("g", (), (), (), (node,), (Output("y", 0),), {0: f64(2)}))


def test_value_that_nobody_makes_is_left_to_the_checker():
    graph = diamond()
    broken = replace(graph, nodes=(*graph.nodes[:2], replace(graph.nodes[2], inputs=(1, 99))))
    ordered = OrderNodes().run(broken)
    with pytest.raises(GraphError, match=r"add of \? reads %99 before anything defines it"):
        check_graph(ordered)


def test_long_chain_given_backwards():
    b = Builder("chain")
    value = b.input("x", f64(2))
    for _ in range(2000):
        value = b.add(Multiply(), value, value)
    graph = b.build([Output("y", value)])
    backwards = replace(graph, nodes=graph.nodes[::-1])
    assert OrderNodes().run(backwards).nodes == graph.nodes
