from textwrap import dedent

import small_networks

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import BACKWARD, Graph, Origin, Output
from graphnet.compiler.op import Op
from graphnet.compiler.ops import Add, BiasAdd, Fused, MatMul, Relu
from graphnet.compiler.passes.pipeline import Assembly, PassManager
from graphnet.compiler.planning.lowering import lower
from graphnet.compiler.planning.program import Operand, Program, body_lines, layers_of, short_name, table
from graphnet.compiler.types import BATCH, TensorType
from graphnet.runtime.kernels import NumpyTarget


class Scratchy(NumpyTarget):
    """A target that wants 12 bytes for a matrix product, and an array of nothing."""

    def workspace(self, op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
        wants = isinstance(op, Fused)
        return (TensorType("float32", (3,)), TensorType("float32", (0,))) if wants else ()


def dense() -> Graph:
    b = Builder("tiny")
    with b.at(Origin("image", "Input", "a.py:1")):
        x = b.input("image", TensorType("float32", (BATCH, 3)))
    with b.at(Origin("dense", "Dense", "a.py:2")):
        w, bias = (b.parameter(f"dense/{n}", TensorType("float32", s)) for n, s in (("weight", (3, 4)), ("bias", (4,))))
        h = b.add(BiasAdd(-1), b.add(MatMul(), x, w), bias)
    with b.at(Origin("relu", "ReLU", "a.py:3")):
        h = b.add(Relu(), h)
    with b.at(Origin("double", "Lambda", "a.py:4"), BACKWARD):
        h = b.add(Add(), h, h)
    return b.build([Output("y", h)])


def program() -> Program:
    graph = PassManager(Assembly(dense()).pipeline()).run(dense())
    return lower(graph, {BATCH: 2}, Scratchy())


def test_golden() -> None:
    assert program().text == dedent("""\
        program tiny (N=2)
          buffer parameters: 64 bytes
          buffer arena: 192 bytes
          input image: %0 f32[2,3] arena[0:24]
          parameter dense/weight: %1 f32[3,4] parameters[0:48]
          parameter dense/bias: %2 f32[4] parameters[48:64]
          output y: %6 f32[2,4] arena[64:96]
          #  phase     layer   source  op                          FLOP  operand         layout  place              live   bytes
          0  forward   dense   a.py:2  matmul(x0, x1)                64  x0 %0 f32[2,3]  rows    arena[0:24]        -1..0     24
                                       + bias_add{axis=-1}(·, x2)        x1 %1 f32[3,4]  rows    parameters[0:48]             48
                       relu    a.py:3  + relu(·)                         x2 %2 f32[4]    rows    parameters[48:64]            16
                                                                         y0 %5 f32[2,4]  rows    arena[64:96]       0..2      32
                                                                         scratch f32[3]  rows    arena[128:140]     0..0      12
          1  backward  double  a.py:4  add                            8  x0 %5 f32[2,4]  rows    arena[64:96]       0..2      32
                                                                         x1 %5 f32[2,4]  rows    arena[64:96]       0..2      32
                                                                         y0 %6 f32[2,4]  rows    arena[64:96]       0..2      32
        """)  # noqa: E501


def test_every_operand_of_every_instruction_is_shown() -> None:
    net = small_networks.image_network()
    made = net.program("train", batch=4)
    lines = made.text.splitlines()
    for instruction in made.instructions:
        for slot in (*instruction.inputs, *instruction.outputs):
            what, place = f"%{slot.value} {slot.operand.type}", f"{slot.buffer}[{slot.offset}:{slot.end}]"
            assert any(what in line and place in line for line in lines)


def test_equal_programs_have_equal_text_and_others_do_not() -> None:
    one, same = (small_networks.image_network().program("train", batch=4) for _ in range(2))
    assert one.text == same.text
    assert one.digest == same.digest
    assert small_networks.image_network().program("train", batch=40).digest != one.digest
    assert small_networks.image_network(optimizer="sgd").program("train", batch=4).digest != one.digest


def test_the_body_of_a_fused_op_names_its_side_inputs() -> None:
    b = Builder("body")
    x, w, other = (b.input(n, TensorType("float32", (3, 3))) for n in ("x", "w", "other"))
    h = b.add(MatMul(), x, w)
    op = Fused(b.build([Output("y", b.add(Add(), b.add(Relu(), h), other))]))
    assert [text for text, _ in body_lines(op)] == ["matmul(x0, x1)", "+ relu(·)", "+ add(·, x2)"]
    assert short_name(op) == "matmul+relu+add"
    assert body_lines(Relu()) == [("relu", None)]


def test_a_body_that_is_no_chain_is_shown_as_it_is_wired() -> None:
    b = Builder("body")
    x, y = (b.input(n, TensorType("float32", (3,))) for n in "xy")
    first, second = b.add(Relu(), x), b.add(Relu(), y)
    both = b.add(Add(), second, first)
    op = Fused(b.build([Output("a", both), Output("b", first)]))
    assert [text for text, _ in body_lines(op)] == ["relu(x0)", "; t1 = relu(x1)", "+ add(·, t0)", "→ t2, t0"]


def test_layers_of_a_fused_op_are_those_of_its_ops() -> None:
    instruction = program().instructions[0]
    assert [origin.layer for origin in layers_of(instruction.op, instruction.origin)] == ["dense", "relu"]
    other = program().instructions[1]
    assert [origin.layer for origin in layers_of(other.op, other.origin)] == ["double"]


def test_table_aligns() -> None:
    assert table(("a", "n"), [("xyz", "1"), ("", "100")], {"n"}) == ["  a      n", "  xyz    1", "       100"]
