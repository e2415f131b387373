"""Attributes in text: each comes back in the declared type, and what is of another is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import Enum, IntEnum
from typing import Any, ClassVar, Literal, Optional

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_checks import check_text

from graphnet.compiler import op as op_module
from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GraphTextError
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import Op, Types, f64
from graphnet.compiler.ops import Constraint, MaxNorm, NonNegative, Scale, UnitNorm
from graphnet.compiler.parsing import parse_graph
from graphnet.compiler.types import Shape, TensorType

INNER = NonNegative()


class Colour(Enum):
    RED = "red}"
    BLUE = "blue"


class Size(IntEnum):
    NONE = 0
    SMALL = 1


@dataclass(frozen=True)
class Square(Op):
    """An op with an attribute of every kind."""

    number: float = 0.0
    count: int = 1
    flag: bool = False
    word: str = "a"
    choice: Literal["first", "second, }"] = "first"
    pair: tuple[int, int] = (1, 1)
    pairs: tuple[tuple[int, float], ...] = ()
    shape: Shape = ()
    maybe: float | None = None
    older: Optional[tuple[str, ...]] = None  # noqa: UP045  as custom ops may still write it
    inner: Op = INNER
    constraint: Constraint | None = None
    colour: Colour = Colour.RED
    size: Size = Size.SMALL
    colours: tuple[Colour | None, ...] = ()
    anything: Any = None

    name = "mylab.square"
    differentiable: ClassVar[bool] = False

    def infer(self, x: TensorType) -> Types:
        return (x,)


@dataclass(frozen=True)
class Listing(Op):
    """An op with attributes that cannot be given."""

    made: tuple[int, ...] = field(default_factory=tuple)
    items: list[int] | None = None
    hidden: int = field(default=0, init=False)

    name = "mylab.listing"

    def infer(self, x: TensorType) -> Types:
        return (x,)


@dataclass(frozen=True)
class Unknown(Op):
    """An op whose annotations cannot be read."""

    number: Missing = 0.0  # type: ignore[name-defined]  # noqa: F821

    name = "mylab.unknown"


@pytest.fixture(autouse=True, scope="module")
def _registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(op_module, "_REGISTRY", op_module._REGISTRY | {op.name: op for op in (Square, Listing, Unknown)})
        yield


def around(op: Op) -> Graph:
    b = Builder("g")
    return b.build([Output("y", b.add(op, b.input("x", f64(2))))])


def read(op: str) -> Op:
    return parse_graph(f"graph g\n  input %0 x: f64[2]\n  %1 = {op}(%0) : f64[2]\n").nodes[0].op


FLOATS = st.floats() | st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308, 1e16, 1e22, 1e-7, -1e-300])
NUMBERS = FLOATS | st.integers()
STRINGS = st.text() | st.text(st.sampled_from("'\"\\{}(), =#%\n\ud800\u202ea"))
DIMS = st.integers() | STRINGS
OPS = st.sampled_from([NonNegative(), UnitNorm((0,)), MaxNorm((0, 1), 2.5)])
COLOURS = st.sampled_from(Colour)
VALUES = {
    "number": FLOATS | st.integers(1), "count": st.integers(), "flag": st.booleans(), "word": STRINGS,
    "choice": st.sampled_from(["first", "second, }"]), "pair": st.tuples(st.integers(), st.integers()),
    "pairs": st.lists(st.tuples(st.integers(), NUMBERS)).map(tuple), "shape": st.lists(DIMS).map(tuple),
    "maybe": st.none() | NUMBERS, "older": st.none() | st.lists(STRINGS).map(tuple), "inner": OPS | FLOATS.map(Scale),
    "constraint": st.none() | OPS, "colour": COLOURS, "size": st.sampled_from(Size),
    "colours": st.lists(st.none() | COLOURS).map(tuple),
    "anything": st.recursive(st.none() | st.booleans() | NUMBERS | STRINGS,
                             lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5),
}


def test_every_attribute_is_varied() -> None:
    assert VALUES.keys() == {f.name for f in fields(Square)}


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_any_attributes(attributes: dict[str, Any]) -> None:
    check_text(around(Square(**attributes)))


@pytest.mark.parametrize(("op", "shown"), [
    (Square(), "mylab.square"),
    (Square(number=2, maybe=2.0), "mylab.square{number=2, maybe=2.0}"),
    (Square(number=-0.0), "mylab.square{number=-0.0}"),
    (Square(number=float("inf"), maybe=float("nan")), "mylab.square{number=inf, maybe=nan}"),
    (Square(word="it's, }", choice="second, }"), "mylab.square{word=\"it's, }\", choice='second, }'}"),
    (Square(colour=Colour.BLUE), "mylab.square{colour=Colour.BLUE}"),
    (Square(colours=(Colour.RED, None)), "mylab.square{colours=(Colour.RED,None)}"),
    (Square(size=Size.NONE), "mylab.square{size=Size.NONE}"),
    (Square(inner=MaxNorm((0,), 2.0)), "mylab.square{inner=max_norm{axes=(0,), limit=2.0}}"),
    (Square(pair=(-1, 2), shape=("N", 3)), "mylab.square{pair=(-1,2), shape=('N',3)}"),
], ids=str)
def test_text(op: Op, shown: str) -> None:
    assert str(op) == shown
    check_text(around(op))
    assert repr(read(shown)) == repr(op)


def test_numbers_of_numpy_are_written_as_pythons() -> None:
    """So that the text does not depend on NumPy's version."""
    op = Square(number=np.float64(0.1), count=np.int64(3), flag=np.True_, pair=(np.int32(1), 2))  # type: ignore[arg-type]
    assert str(op) == "mylab.square{number=0.1, count=3, flag=True, pair=(1,2)}"
    assert repr(read(str(op))) == repr(Square(0.1, 3, True, pair=(1, 2)))


UNENDED = "this string has no end, or a backslash that begins no escape (a backslash is \\\\)"


@pytest.mark.parametrize(("attributes", "column", "reason"), [
    ("number='a'", 8, "expected a number"),
    ("number=True", 8, "expected a number"),
    ("count=1.0", 7, "expected a whole number"),
    ("count=True", 7, "expected a whole number"),
    ("flag=1", 6, "expected True or False"),
    ("word=a", 6, "expected a string in quotes"),
    ("word=3", 6, "expected a string in quotes"),
    ("word='a", 6, UNENDED),
    (r"word='\q'", 6, UNENDED),
    (r"word='\U00110000'", 6, UNENDED),
    ("choice='third'", 8, "expected 'first' or 'second, }'"),
    ("pair=(1,)", 6, "expected (a whole number, a whole number)"),
    ("pair=(1,2,3)", 6, "expected (a whole number, a whole number)"),
    ("pair=3", 6, "expected (a whole number, a whole number)"),
    ("pair=(1 2)", 9, "expected ','"),
    ("pairs=((1,'a'),)", 7, "expected a tuple, each item (a whole number, a number)"),
    ("pairs=(1)", 9, "expected ','"),
    ("maybe='a'", 7, "expected a number or None"),
    ("older=3", 7, "expected a tuple, each item a string in quotes or None"),
    ("inner=3", 7, "expected an op"),
    ("constraint=relu", 12, "expected an op of the kind Constraint or None"),
    ("constraint=max_norm{axes=(0,), limit=-1.0}", 12,
     "op max_norm refuses its attributes: max_norm: limit is -1.0, but it must be greater than 0"),
    ("colour=Size.SMALL", 8, "expected Colour.RED or Colour.BLUE"),
    ("colour=Colour.GREEN", 8, "expected Colour.RED or Colour.BLUE"),
    ("colour='red}'", 8, "expected Colour.RED or Colour.BLUE"),
    ("inner=fused{relu}", 7, "a fused op can only be the op of a node"),
    ("wrong=3", 1, "op mylab.square has no attribute 'wrong'; it has number, count, flag, word, choice, pair, pairs, "
                    "shape, maybe, older, inner, constraint, colour, size, colours, anything"),
    ("count=3, count=3", 10, "the attribute 'count' is given twice"),
    ("count=3 flag=True", 9, "expected ',' or '}'"),
    ("count=3,", 9, "expected the name of an attribute"),
    ("", 1, "expected the name of an attribute"),
    ("count", 6, "expected '='"),
    ("count=", 7, "expected a whole number"),
    ("count=" + "9" * 5000, 7, "a number of 5,000 digits is too long"),
    ("anything=" + "(" * 100, 42, "tuples and ops stand more than 32 deep within one another"),
    ("anything=" + "mylab.square{anything=" * 100, 714, "tuples and ops stand more than 32 deep within one another"),
])
def test_refusals(attributes: str, column: int, reason: str) -> None:
    with pytest.raises(GraphTextError) as caught:
        read(f"mylab.square{{{attributes}}}")
    assert (caught.value.line, caught.value.column - len("  %1 = mylab.square{")) == (3, column)
    assert caught.value.reason == reason


@pytest.mark.parametrize(("op", "reason"), [
    ("scale", "op scale needs factor: write scale{factor=…}"),
    ("full{value=0.0}", "op full needs shape, dtype: write full{shape=…}"),
    ("relu{a=1}", "op relu has no attribute 'a'; it has none"),
    ("mylab.listing{items=(1,)}", "expected list[int] or None"),
    ("mylab.listing{hidden=1}", "op mylab.listing refuses its attributes: Listing.__init__() got an unexpected keyword "
                                "argument 'hidden'"),
    ("mylab.unknown", "the annotations of Unknown cannot be read: name 'Missing' is not defined"),
    ("mylab.cube", "this file needs the custom op 'mylab.cube': register it before loading (in a shell, with --import "
                   "MODULE)"),
    ("rulu", "unknown op 'rulu': upgrade graphnet if the file comes from a newer one"),
])
def test_ops_that_cannot_be(op: str, reason: str) -> None:
    with pytest.raises(GraphTextError) as caught:
        read(op)
    assert caught.value.reason == reason
