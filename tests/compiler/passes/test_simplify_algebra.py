import pytest
from pass_checks import check_numbers, check_settled, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import (
    Add,
    Concat,
    Full,
    Multiply,
    Pad,
    Relu,
    Reshape,
    Scale,
    Slice,
    Softmax,
    Subtract,
    Tanh,
    Transpose,
)
from graphnet.compiler.passes.drop_dead import DropDead
from graphnet.compiler.passes.simplify_algebra import SimplifyAlgebra


def moved() -> Graph:
    """tanh between two transposes that cancel, and a product with 1."""
    b = Builder("g")
    h = b.add(Tanh(), b.add(Transpose((1, 0)), b.input("x", f64(3, 4))))
    back = b.add(Transpose((1, 0)), h)
    return b.build([Output("y", b.add(Multiply(), back, b.add(Full((3, 4), 1.0, "float64"))))])


def simplified(graph: Graph) -> list[str]:
    """The ops left, after checking numbers and a second run."""
    after = check_settled(SimplifyAlgebra(), graph)
    check_numbers(graph, after)
    return [str(node.op) for node in DropDead().run(after).nodes]


def test_golden():
    assert str(SimplifyAlgebra().run(moved())) == text("""
        graph g
          input %0 x: f64[3,4]
          %1 = transpose{axes=(1,0)}(%0) : f64[4,3]
          %6 = tanh(%0) : f64[3,4]
          %7 = transpose{axes=(1,0)}(%6) : f64[4,3]
          %4 = full{shape=(3,4), value=1.0, dtype='float64'}() : f64[3,4]
          output y = %6
        """)
    assert simplified(moved()) == ["tanh"]


def test_numbers_stay():
    check_numbers(moved(), SimplifyAlgebra().run(moved()))


def test_second_run_changes_nothing():
    check_settled(SimplifyAlgebra(), moved())


@pytest.mark.parametrize(("op", "number", "first"), [(Add(), 0.0, True), (Add(), 0.0, False), (Multiply(), 1.0, True),
                                                     (Multiply(), 1.0, False), (Subtract(), 0.0, False)])
def test_neutral_operands(op, number, first):
    b = Builder("g")
    x, c = b.add(Relu(), b.input("x", f64(3, 4))), b.add(Full((3, 4), number, "float64"))
    assert simplified(b.build([Output("y", b.add(op, *((c, x) if first else (x, c))))])) == ["relu"]


@pytest.mark.parametrize(("outer", "left"), [(Add(), "subtract"), (Subtract(), "add")])
def test_signs(outer, left):
    b = Builder("g")
    x, y = b.input("x", f64(3)), b.input("y", f64(3))
    assert simplified(b.build([Output("z", b.add(outer, x, b.add(Scale(-1.0), y)))])) == [left]


def test_factors_are_combined_only_where_nothing_is_rounded():
    b = Builder("g")
    x = b.input("x", f64(3))
    exact = b.add(Scale(-0.5), b.add(Scale(0.3), x))
    rounded = b.add(Scale(0.7), b.add(Scale(0.1), x))
    ops = simplified(b.build([Output("y", exact), Output("z", rounded), Output("w", b.add(Scale(1.0), exact))]))
    assert ops == ["scale{factor=-0.15}", "scale{factor=0.1}", "scale{factor=0.7}"]


def test_reshapes_and_transposes_combine():
    b = Builder("g")
    x = b.input("x", f64(2, 3, 4))
    y = b.add(Reshape((12, 2)), b.add(Reshape((6, 4)), x))
    z = b.add(Transpose((1, 2, 0)), b.add(Transpose((2, 0, 1)), x))
    w = b.add(Transpose((2, 0, 1)), b.add(Transpose((2, 0, 1)), x))
    same = b.add(Relu(), b.add(Reshape((2, 3, 4)), b.add(Reshape((24,)), x)))
    ops = simplified(b.build([Output("y", y), Output("z", b.add(Softmax(), z)), Output("w", w), Output("s", same)]))
    assert ops == ["reshape{shape=(12,2)}", "transpose{axes=(1,2,0)}", "relu", "softmax"]


def test_pieces_of_a_join():
    b = Builder("g")
    x, y = b.add(Relu(), b.input("x", f64(2, 3))), b.add(Tanh(), b.input("y", f64(2, 5)))
    joined = b.add(Concat(-1), x, y)
    graph = b.build([Output("a", b.add(Slice(1, 0, 3), joined)), Output("b", b.add(Slice(-1, 3, 8), joined)),
                     Output("c", b.add(Pad(0, 0, 0), b.add(Concat(0), b.add(Slice(0, 0, 2), x))))])
    assert simplified(graph) == ["relu", "tanh"]


def test_a_move_that_others_read_does_not_sink():
    b = Builder("g")
    t = b.add(Transpose((1, 0)), b.input("x", f64(3, 4)))
    graph = b.build([Output("y", b.add(Tanh(), t)), Output("z", b.add(Softmax(), t))])
    assert SimplifyAlgebra().run(graph) is graph


def test_a_piece_across_parts_stays():
    b = Builder("g")
    joined = b.add(Concat(0), b.input("x", f64(2)), b.input("y", f64(3)))
    graph = b.build([Output("z", b.add(Slice(0, 1, 4), joined))])
    assert SimplifyAlgebra().run(graph) is graph
