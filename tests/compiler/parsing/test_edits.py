"""Text changed at random is a graph or is refused with the place, and long text takes no longer than it must."""

from __future__ import annotations

import random
import re
import sys
from contextlib import suppress
from functools import cache

import pytest
import small_networks
from hypothesis import given, settings
from hypothesis import strategies as st

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GraphTextError
from graphnet.compiler.ir import Graph, Origin, Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Add, Concat, Relu
from graphnet.compiler.parsing import parse_graph

PIECE = re.compile(r"\s+|[\w.]+|.", re.DOTALL)
STRAY = ["%", "(", ")", "{", "}", "'", '"', "\\", "\n", "nan", "1e999", "-1", "99", "", "·", "→", "\x00", "\ud800",
         "\u202e", "fused", "relu", "None", "=", "x9", "t9", "graph"]
WIRED = """graph g
  input %0 x: f64[2]
  parameter %3 w: f32["a b"] frozen rate 0.5 constraint max_norm{axes=(0,), limit=2.0}
  %1, %2 = fused{relu(x0); t1 = relu(x0) + add(·, t0) → t2, t1}(%0) : f64[2], f64[2]  # "a b"
  output "é\\n" = %1
"""


@cache
def sound() -> tuple[str, ...]:
    """Texts that have everything in them."""
    models = small_networks.residual_model(), small_networks.sequence_model()
    nets = [gn.compile(model, "softmax_cross_entropy", "adam") for model in models]
    return (WIRED, *(net.stages("train")[-1].after.text for net in nets))


def edited(chance: random.Random) -> str:
    """A sound text with a few of its words, or letters, taken away, doubled, swapped or replaced, or cut off."""
    text = chance.choice(sound())
    pieces = list(text) if chance.random() < 0.3 else PIECE.findall(text)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at, other = (chance.randrange(len(pieces)) for _ in range(2))
        low, high = min(at, other), max(at, other)
        pieces[low:high + 1] = chance.choice([
            pieces[low + 1:high + 1], [pieces[high], *pieces[low:high + 1]], [pieces[high], *pieces[low + 1:high],
                                                                              pieces[low]],
            [chance.choice(STRAY), *pieces[low + 1:high + 1]], [pieces[high], *pieces[low + 1:high + 1]]])
        pieces = pieces[:at] if chance.random() < 0.1 else pieces
        pieces = pieces or [""]
    return "".join(pieces)


@given(st.integers(0, 2 ** 32))
@settings(max_examples=300)
def test_edited_text_is_a_graph_or_is_refused_with_the_place(seed: int) -> None:
    text = edited(random.Random(seed))
    try:
        graph = parse_graph(text)
    except GraphTextError as error:
        place = error.line, error.column, str(error)
    else:
        assert parse_graph(graph.text).text == graph.text
        return
    line, column, shown = place
    lines = text.split("\n")
    assert 1 <= line <= len(lines)
    assert 1 <= column <= len(lines[line - 1]) + 1
    assert shown.startswith(f"line {line}, column {column}: ")


def test_some_edits_are_taken_and_some_are_refused() -> None:
    def taken(seed: int) -> bool:
        with suppress(GraphTextError):
            return bool(parse_graph(edited(random.Random(seed))).name)
        return False

    assert 5 < sum(map(taken, range(100))) < 95


@pytest.mark.parametrize("text", [
    "graph g\n  %0 = fused{" + "fused{" * 50_000, "graph g\n  %0 = scale{factor=" + "(" * 100_000,
    "graph g\n  %0 = scale{factor=" + "scale{factor=" * 50_000, "graph " + ":" * 100_000, "graph 'a" + "\\" * 100_000,
    "graph g\n" + "  %0 = relu(" + "%0, " * 100_000, "graph g\n  input %0 x: f32[" + "(" * 100_000,
    "graph g\n" + "\n" * 100_000 + "-"])
def test_hostile_text(text: str) -> None:
    with pytest.raises(GraphTextError) as caught:
        parse_graph(text)
    assert len(str(caught.value)) < 1_000


def wide(size: int) -> Graph:
    """Half as many nodes in a row, and as many inputs of one node."""
    b = Builder("g")
    value = b.input("x", f64(2))
    parts = []
    for number in range(size // 2):
        with b.at(Origin(f"layer_{number}")):
            value = b.add(Add(), b.add(Relu(), value), value)
        parts.append(value)
    return b.build([Output(f"y{v}", v) for v in parts] + [Output("all", b.add(Concat(0), *parts))])


def calls(text: str) -> int:
    """How many functions reading a text calls."""
    counted = 0

    def count(*_: object) -> None:
        nonlocal counted
        counted += 1

    sys.setprofile(count)
    try:
        parse_graph(text)
    finally:
        sys.setprofile(None)
    return counted


def test_ten_thousand_nodes() -> None:
    text = wide(10_000).text
    assert parse_graph(text).text == text


def test_work_grows_with_the_length_of_the_text() -> None:
    """Twice the nodes take twice the calls; seconds would depend on the machine."""
    assert calls(wide(1_000).text) < 2.1 * calls(wide(500).text)
