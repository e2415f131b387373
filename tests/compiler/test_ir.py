from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Add, Concat
from graphnet.compiler.rewrite import bind_graph
from graphnet.compiler.types import TensorType


def sequences() -> Graph:
    b = Builder("g")
    w = b.parameter("w", f64(4))
    x = b.input("x", TensorType("float64", ("T", "N", 4)))
    y = b.input("y", TensorType("float64", ("S", "N", 4)))
    return b.build([Output("z", b.add(Add(), x, x)), Output("v", b.add(Concat(2), y, y)), Output("w", w)])


def test_symbols_are_in_order_of_appearance():
    graph = sequences()
    assert graph.symbols == ("T", "N", "S")
    assert graph.free_dims == ("T", "S")


def test_a_bound_graph_has_none_of_those_that_were_bound():
    assert bind_graph(sequences(), {"N": 2, "T": 3}).symbols == ("S",)
    assert bind_graph(sequences(), {"N": 2, "T": 3, "S": 5}).symbols == ()
