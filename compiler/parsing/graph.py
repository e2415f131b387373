"""Reads the text of a graph, line by line, into a Graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ir import FORWARD, PHASES, Graph, Input, Node, Origin, Output, Parameter, State
from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.parsing.bodies import Body, make_fused, read_body
from graphnet.compiler.parsing.line import Line
from graphnet.compiler.parsing.ops import read_attributes, read_name, read_op, read_value
from graphnet.compiler.roles import ROLES
from graphnet.compiler.types import TensorType
from graphnet.compiler.words import format_name


def parse_graph(text: str) -> Graph:
    """The graph that `str(graph)` wrote as `text`: its text is the same again, and it computes the same.

    The graph lacks what its text does not tell: of where nodes come from, all but the names of their layers (so that
    `Origin.kind` and `Origin.source` are empty). Numbers are in neither: weights come from a `.gnet` file or are fed.
    Space around words and empty lines do not matter. Custom ops must be registered.

    Each value must be made exactly once. That nodes stand in order of execution and that types are those that the ops
    infer is not checked, so that a graph can be read in which just that is wrong; `check_graph` in
    `graphnet.compiler.rewrite` finds it.

    Raises:
        GraphTextError: the text is none of a graph; it says where, and what was expected.
        ArgumentError: it is no text.
    """
    if not isinstance(text, str):
        raise ArgumentError("parse_graph", "text", text, "it must be the text of a graph, as str(graph) writes it")
    reader = _Reader()
    line = Line("", 1)
    for number, row in enumerate(text.split("\n"), 1):
        line = Line(row, number)
        if not line.ended:
            reader.read(line)
    return reader.graph(line)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A node as it was read: the body of a fused op waits for the types of the operands."""

    op: Op | Body
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    layer: str
    phase: str


@dataclass
class _Reader:
    """Collects what the lines say."""

    name: str | None = None
    inputs: list[Input] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    drafts: list[_Draft] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    penalties: list[Output] = field(default_factory=list)
    types: dict[int, TensorType] = field(default_factory=dict)
    phase: str = FORWARD
    uses: dict[int, tuple[Line, int]] = field(default_factory=dict)
    """Values that are read, each with the place of the first use."""
    taken: set[tuple[str, str]] = field(default_factory=set)
    """Names with the kinds of the things that have them."""

    def read(self, line: Line) -> None:
        """Reads a line that is not empty."""
        if self.name is None:
            line.expect("graph")
            self.name = line.name("the name of the graph")
        elif line.at_hand("%") or line.at_hand("="):
            self._node(line)
        else:
            kinds: dict[str, Callable[[Line], None]] = {
                "input": self._input, "parameter": self._parameter, "state": self._state, "--": self._marker,
                "output": self._output, "penalty": self._penalty}
            kinds[line.expect(*kinds)](line)
        if not line.ended:
            raise line.expected("the end of the line")

    def graph(self, last: Line) -> Graph:
        """The graph, once all lines have been read."""
        if self.name is None:
            raise last.expected("'graph' and a name")
        for value, (line, at) in self.uses.items():
            if value not in self.types:
                raise line.error(f"nothing makes %{value}", at)
        return Graph(self.name, tuple(self.inputs), tuple(self.parameters), tuple(self.states),
                     tuple(map(self._finished, self.drafts)), tuple(self.outputs), self.types, tuple(self.penalties))

    # Lines ---------------------------------------------------------------------------------------------------------

    def _input(self, line: Line) -> None:
        self.inputs.append(Input(*self._declared(line, "input")))

    def _parameter(self, line: Line) -> None:
        value, name = self._declared(line, "parameter")
        trainable = not line.take("frozen")
        rate = read_value(line, float) if line.take("rate") else 1.0
        role = line.expect(*ROLES) if line.take("role") else None
        constraint = read_op(line) if line.take("constraint") else None
        self.parameters.append(Parameter(value, name, trainable, next=self._next(line), rate=rate,
                                         constraint=constraint, role=role))

    def _state(self, line: Line) -> None:
        value, name = self._declared(line, "state")
        role = line.name("the role of the state")
        line.expect("from")
        initial = read_value(line, float | bool)
        self.states.append(State(value, name, role, initial, self._next(line)))

    def _marker(self, line: Line) -> None:
        self.phase = line.expect(*PHASES)

    def _output(self, line: Line) -> None:
        self.outputs.append(self._given(line, "output"))

    def _penalty(self, line: Line) -> None:
        self.penalties.append(self._given(line, "penalty"))

    def _node(self, line: Line) -> None:
        made = self._values(line, "=")
        at, name = line.at, read_name(line)
        op = read_body(line, at) if name == Fused.name else read_attributes(line, name, at)
        line.expect("(")
        read = self._values(line, ")")
        line.expect(":")
        for index, (value, at) in enumerate(made):
            if index:
                line.expect(",")
            self._define(line, value, at, line.type())
        for value, at in read:
            self.uses.setdefault(value, (line, at))
        layer = line.name("the name of a layer") if line.take("#") else ""
        self.drafts.append(_Draft(op, tuple(value for value, _ in read), tuple(value for value, _ in made), layer,
                                  self.phase))

    # Parts of lines ------------------------------------------------------------------------------------------------

    def _declared(self, line: Line, kind: str) -> tuple[int, str]:
        """Reads the id, the name and the type of an input, parameter or state."""
        start, value = line.at, line.value()
        at, name = line.at, line.name(f"the name of the {kind}")
        self._take(line, kind, name, at)
        line.expect(":")
        self._define(line, value, start, line.type())
        return value, name

    def _given(self, line: Line, kind: str) -> Output:
        at, name = line.at, line.name(f"the name of the {kind}")
        self._take(line, kind, name, at)
        line.expect("=")
        return Output(name, self._used(line))

    def _next(self, line: Line) -> int | None:
        return self._used(line) if line.take("next") else None

    def _used(self, line: Line) -> int:
        at, value = line.at, line.value()
        self.uses.setdefault(value, (line, at))
        return value

    def _values(self, line: Line, end: str) -> list[tuple[int, int]]:
        """Reads ids of values up to `end`; each comes with its place."""
        values: list[tuple[int, int]] = []
        while not line.take(end):
            if values:
                line.expect(",")
            at = line.at
            values.append((line.value(), at))
        return values

    def _define(self, line: Line, value: int, at: int, type: TensorType) -> None:
        if value in self.types:
            raise line.error(f"%{value} is made twice", at)
        self.types[value] = type

    def _take(self, line: Line, kind: str, name: str, at: int) -> None:
        if (kind, name) in self.taken:
            raise line.error(f"there is another {kind} named {format_name(name)}", at)
        self.taken.add((kind, name))

    def _finished(self, draft: _Draft) -> Node:
        origin, op = Origin(draft.layer), draft.op
        if isinstance(op, Body):
            types = tuple([self.types[value] for value in draft.inputs])
            op = make_fused(op, types, len(draft.outputs), origin, draft.phase)
        return Node(op, draft.inputs, draft.outputs, origin, draft.phase)
