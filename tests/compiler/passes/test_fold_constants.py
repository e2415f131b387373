from pass_checks import check_numbers, check_settled, text

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Add, BiasAdd, Expand, Full, Multiply, Reshape, Scale, Sigmoid, Slice, Transpose
from graphnet.compiler.passes.fold_constants import FoldConstants


def constant() -> Graph:
    """x + reshape(sigmoid(0.1 · 3)), and a constant given out."""
    b = Builder("g")
    x = b.input("x", f64(2, 3))
    h = b.add(Reshape((2, 3)), b.add(Sigmoid(), b.add(Scale(0.1), b.add(Full((6,), 3.0, "float64")))))
    return b.build([Output("y", b.add(Add(), x, h)), Output("c", h)])


def test_golden():
    assert str(FoldConstants().run(constant())) == text("""
        graph g
          input %0 x: f64[2,3]
          %1 = full{shape=(6,), value=3.0, dtype='float64'}() : f64[6]
          %2 = full{shape=(6,), value=0.30000000000000004, dtype='float64'}() : f64[6]
          %3 = full{shape=(6,), value=0.574442516811659, dtype='float64'}() : f64[6]
          %4 = full{shape=(2,3), value=0.574442516811659, dtype='float64'}() : f64[2,3]
          %5 = add(%0, %4) : f64[2,3]
          output y = %5
          output c = %4
        """)


def test_numbers_stay():
    check_numbers(constant(), FoldConstants().run(constant()))


def test_second_run_changes_nothing():
    check_settled(FoldConstants(), constant())


def test_moves_and_spreads():
    b = Builder("g")
    ones = b.add(Full((3, 4), 1.5, "float64"))
    h = b.add(Expand((3, 5, 2), (1,), False), b.add(Transpose((1, 0)), b.add(Slice(0, 0, 2), b.add(
        Transpose((1, 0)), ones))))
    before = b.build([Output("y", b.add(Multiply(), h, b.input("x", f64(3, 5, 2))))])
    after = check_settled(FoldConstants(), before)
    assert [node.op.name for node in after.nodes] == ["full"] * 5 + ["multiply"]
    check_numbers(before, after)


def test_what_must_stay():
    b = Builder("g")
    ones = b.add(Full((3, 4), 1.0, "float64"))
    biased = b.add(BiasAdd(1), ones, b.add(Full((4,), 2.0, "float64")))
    mean = b.add(Expand((3, 4), (0, 1), True), b.add(Full((), 1.0, "float64")))
    graph = b.build([Output("y", biased), Output("m", mean), Output("x", b.add(Add(), ones, b.input("x", f64(3, 4))))])
    assert FoldConstants().run(graph) is graph
