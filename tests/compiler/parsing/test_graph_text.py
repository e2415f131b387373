"""The lines of a graph's text: what each part means, and how what is wrong is refused."""

from __future__ import annotations

import pytest
from pass_checks import text
from text_checks import check_text

from graphnet.compiler.errors import ArgumentError, GraphError, GraphTextError
from graphnet.compiler.ir import BACKWARD, UPDATE, Graph, Input, Node, Origin, Output, Parameter, State
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Add, MaxNorm, ReduceSum, Relu
from graphnet.compiler.parsing import parse_graph
from graphnet.compiler.types import TensorType

GOLDEN = text(r"""
    graph "a graph"
      input %0 x: f64[N,2]
      input %7 "label: \"logits\"": i64[N,"2 T"]
      parameter %1 dense/weight: f32[2,3] frozen rate 0.5 constraint max_norm{axes=(0,), limit=2.0} next %5
      parameter %2 dense/bias: f64[3] role bias
      state %3 drop/counter: i64[2] counter from 0.0 next %4
      state %8 optimizer/m: f64[] "a role" from -inf
      %4, %5 = add(%0, %0) : f64[N,2], bool[]
      %6 = relu(%4) : u8[]  # "my layer"
      -- backward
      %9 = relu(%6) : i32[1,0]  # loss
      -- update
      %10 = reduce_sum{axes=()}(%9) : f64[]
      output "" = %0
      output logits = %6
      penalty p = %10
    """)


def test_golden() -> None:
    graph = parse_graph(GOLDEN)
    assert graph == Graph(
        "a graph", (Input(0, "x"), Input(7, 'label: "logits"')),
        (Parameter(1, "dense/weight", False, next=5, rate=0.5, constraint=MaxNorm((0,), 2.0)),
         Parameter(2, "dense/bias", role="bias")),
        (State(3, "drop/counter", "counter", next=4), State(8, "optimizer/m", "a role", float("-inf"))),
        (Node(Add(), (0, 0), (4, 5)), Node(Relu(), (4,), (6,), Origin("my layer")),
         Node(Relu(), (6,), (9,), Origin("loss"), BACKWARD), Node(ReduceSum(()), (9,), (10,), Origin(), UPDATE)),
        (Output("", 0), Output("logits", 6)),
        {0: f64("N", 2), 7: TensorType("int64", ("N", "2 T")), 1: TensorType("float32", (2, 3)), 2: f64(3),
         3: TensorType("int64", (2,)), 8: f64(), 4: f64("N", 2), 5: TensorType("bool", ()), 6: TensorType("uint8", ()),
         9: TensorType("int32", (1, 0)), 10: f64()},
        (Output("p", 10),))
    assert check_text(graph).text == GOLDEN


def test_space_does_not_matter() -> None:
    wide = GOLDEN.replace("  ", "\t ").replace("\n", "  \r\n\n").replace(",", " , ").replace("(", "( ")
    wide = wide.replace(":", " :").replace("label :", "label:").replace("[N , 2]", "[ N ,2 ]")
    assert parse_graph("\n" + wide).text == GOLDEN
    assert parse_graph(GOLDEN.rstrip("\n")).text == GOLDEN


START = "graph g\n  input %0 x: f64[2]\n"
REFUSED = {
    "": (1, 1, "expected 'graph' and a name, but the line ends"),
    "\n\n": (3, 1, "expected 'graph' and a name, but the line ends"),
    "grph g": (1, 1, "expected 'graph'"),
    "graph": (1, 6, "expected the name of the graph, as a word or in quotes, but the line ends"),
    "graph my graph": (1, 10, "expected the end of the line"),
    "graph 'g": (1, 7, "this string has no end, or a backslash that begins no escape (a backslash is \\\\)"),
    START + "graph g": (3, 1, "expected 'input' or 'parameter' or 'state' or '--' or 'output' or 'penalty'"),
    START + "  input %0 y: f64[2]": (3, 9, "%0 is made twice"),
    START + "  input %1 x: f64[2]": (3, 12, "there is another input named x"),
    START + "  input x: f64[2]": (3, 9, "expected a value, such as %0"),
    START + "  input %1 : f64[2]": (3, 12, "expected the name of the input, as a word or in quotes"),
    START + "  input %1 y z: f64[2]": (3, 14, "expected ':'"),
    START + "  input %1 y: f63[2]": (3, 15, "expected a type, such as f32[N,3], with one of the dtypes f32, f64, i64, "
                                            "i32, u8, bool"),
    START + "  input %1 y: f64[2": (3, 20, "expected ',', but the line ends"),
    START + "  input %1 y: f64[-2]": (3, 19, "expected a dim, which is a whole number or a symbol"),
    START + "  input %1 y: f64[2,]": (3, 21, "expected a dim, which is a whole number or a symbol"),
    START + "  input %1 y: f64[2]]": (3, 21, "expected the end of the line"),
    START + "  input %1 y: f64[" + "9" * 5000: (3, 19, "a number of 5,000 digits is too long"),
    START + "  parameter %1 w: f64[2] frozn": (3, 26, "expected the end of the line"),
    START + "  parameter %1 w: f64[2] rate fast": (3, 31, "expected a number"),
    START + "  parameter %1 w: f64[2] role big": (3, 31, "expected 'kernel' or 'recurrent_kernel' or 'embedding' or "
                                                         "'bias' or 'scale' or 'slope'"),
    START + "  parameter %1 w: f64[2] constraint fused{relu}": (3, 37, "a fused op can only be the op of a node"),
    START + "  parameter %1 w: f64[2] next %9": (3, 31, "nothing makes %9"),
    START + "  state %1 s: f64[2]": (3, 21, "expected the role of the state, as a word or in quotes, "
                                           "but the line ends"),
    START + "  state %1 s: f64[2] buffer": (3, 28, "expected 'from', but the line ends"),
    START + "  state %1 s: f64[2] buffer from x": (3, 34, "expected a number or True or False"),
    START + "  -- sideward": (3, 6, "expected 'forward' or 'backward' or 'update'"),
    START + "  %1 = rulu(%0) : f64[2]": (3, 8, "unknown op 'rulu': upgrade graphnet if the file comes from a newer "
                                               "one"),
    START + "  %1 = my.op(%0) : f64[2]": (
        3, 8, "this file needs the custom op 'my.op': register it before loading (in a shell, with --import MODULE)"),
    START + "  %1 = relu : f64[2]": (3, 13, "expected '('"),
    START + "  %1 = relu(%0 : f64[2]": (3, 16, "expected ','"),
    START + "  %1 = relu(x) : f64[2]": (3, 13, "expected a value, such as %0"),
    START + "  %1 = relu(%2) : f64[2]": (3, 13, "nothing makes %2"),
    START + "  %1 = relu(%0)": (3, 16, "expected ':', but the line ends"),
    START + "  %1, %1 = add(%0, %0) : f64[2], f64[2]": (3, 7, "%1 is made twice"),
    START + "  %1, %2 = add(%0, %0) : f64[2]": (3, 32, "expected ',', but the line ends"),
    START + "  %1 = relu(%0) : f64[2], f64[2]": (3, 25, "expected the end of the line"),
    START + "  %1 = relu(%0) : f64[2] # my layer": (3, 31, "expected the end of the line"),
    START + "  %1 = relu(%0) : f64[2] #": (3, 27, "expected the name of a layer, as a word or in quotes, but "
                                                 "the line ends"),
    START + "  output y = %1": (3, 14, "nothing makes %1"),
    START + "  output y = 0": (3, 14, "expected a value, such as %0"),
    START + "  output y = %0\n  output y = %0": (4, 10, "there is another output named y"),
    START + "  penalty p": (3, 12, "expected '=', but the line ends"),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_refusals(wrong: str) -> None:
    with pytest.raises(GraphTextError) as caught:
        parse_graph(wrong)
    assert (caught.value.line, caught.value.column, caught.value.reason) == REFUSED[wrong]


def test_errors_show_the_line_and_the_place() -> None:
    with pytest.raises(GraphError) as caught:
        parse_graph(START + "  %1 = relu{slope=2}(%0) : f64[2]")
    assert str(caught.value) == ("line 3, column 13: op relu has no attribute 'slope'; it has none\n"
                                 "    %1 = relu{slope=2}(%0) : f64[2]\n"
                                 "              ^")


def test_errors_show_a_part_of_a_long_line_and_nothing_that_could_play_tricks() -> None:
    with pytest.raises(GraphTextError) as caught:
        parse_graph(f"{START}  %1 = add({'%0, ' * 500}\x1b[2J{'%0, ' * 500}) : f64[2]")
    _, shown, caret = str(caught.value).splitlines()
    assert len(shown) == 2 + 1 + 120 + 1
    assert (shown[:3], shown[-1]) == ("  …", "…")
    assert shown[caret.index("^"):].startswith("\N{REPLACEMENT CHARACTER}[2J%0")


def test_values_may_be_read_before_the_line_that_makes_them() -> None:
    lines = "  %2 = fused{relu + tanh}(%1) : f64[2]", "  %1 = relu(%0) : f64[2]", "  output y = %2"
    check_text(parse_graph(START + "\n".join(lines)))


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ArgumentError, match="parse_graph: text is None, but it must be the text of a graph"):
        parse_graph(None)  # type: ignore[arg-type]
