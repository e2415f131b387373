"""Reads the body of a fused op, and makes the op when the types of its operands are known.

The text tells the ops, and who reads what only where that is not as usual (see `graphnet.compiler.ops.wiring`). It does
not tell the types of the values within: the ops infer them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from graphnet.compiler.errors import STUMBLES
from graphnet.compiler.ir import Graph, Input, Node, Origin, Output
from graphnet.compiler.op import Op, Types, arity
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.ops.wiring import ABOVE, ARROW, Wiring, usual_wiring
from graphnet.compiler.parsing.line import Line
from graphnet.compiler.parsing.ops import read_op

_PLACE, _LABEL = re.compile(rf"{ABOVE}|[xt][0-9]+"), re.compile(r"t[0-9]+(?= *[,=])")
_TELL = f"tell what each op reads, as in fused{{matmul(x0, x1) + subtract(x2, {ABOVE})}}"


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a body as it stands in the text, `x1`, `t0` or `·`, and where."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Step:
    """An op of a body, what it reads if that is told, and the names of what it makes if they are."""

    op: Op
    at: int
    labels: tuple[Place, ...]
    operands: tuple[Place, ...] | None


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it stands in the text; `results` is None where they are not told. `at` is where it begins."""

    line: Line
    at: int
    steps: tuple[Step, ...]
    results: tuple[Place, ...] | None


def read_body(line: Line, at: int) -> Body:
    """Reads what stands behind the word `fused`, which is at `at`.

    Raises:
        GraphTextError: it is no body.
    """
    line.expect("{")
    steps = [_read_step(line)]
    told = steps[0].operands is not None
    ends = (ARROW, "}") if told else ("}",)
    while (joint := line.expect("+", ";", *ends)) not in ends:
        steps.append(_read_step(line))
        if (steps[-1].operands is not None) != told:
            raise line.error("write the operands of every op of a body, or of none", steps[-1].at)
    return Body(line, at, tuple(steps), _read_places(line, "}") if joint == ARROW else None)


def _read_step(line: Line) -> Step:
    labels: list[Place] = []
    while found := line.match(_LABEL):
        labels.append(Place(found[0], found.start()))
        if line.expect(",", "=") == "=":
            break
    at, op = line.at, read_op(line)
    return Step(op, at, tuple(labels), _read_places(line, ")") if line.take("(") else None)


def _read_places(line: Line, end: str) -> tuple[Place, ...]:
    places: list[Place] = []
    while not line.take(end):
        if places:
            line.expect(",")
        found = line.match(_PLACE)
        if not found:
            raise line.expected(f"x0, x1, … for an operand, t0, t1, … for what an op made, or {ABOVE} for what the op "
                                "before made")
        places.append(Place(found[0], found.start()))
    return tuple(places)


def make_fused(body: Body, types: Types, results: int, origin: Origin, phase: str) -> Fused:
    """The op of a body.

    Args:
        body: as it was read.
        types: those of the node's operands.
        results: how many the node has.
        origin: that of the node; the text does not tell those of the ops within.
        phase: likewise.

    Raises:
        GraphTextError: the body does not fit them, or an op refuses its operands.
    """
    maker = _Maker(body.line, types, origin, phase)
    usual = _usual(body, len(types), results) if body.steps[0].operands is None else None
    for index, step in enumerate(body.steps):
        maker.add(step, usual.operands[index] if usual else maker.find(step.operands or ()))
        made = len(maker.nodes[-1].outputs)
        if usual and made != 1:
            raise body.line.error(f"op {step.op.name} makes {_count(made, 'value')}, so {_TELL}", step.at)
    given = usual.results if usual else maker.nodes[-1].outputs if body.results is None else maker.find(body.results)
    if len(given) != results:
        raise body.line.error(f"the body has {_count(len(given), 'result')}, but the node has {results}", body.at)
    return Fused(maker.graph(given))


def _usual(body: Body, inputs: int, results: int) -> Wiring:
    wiring = usual_wiring([step.op for step in body.steps], inputs, results)
    if wiring:
        return wiring
    raise body.line.error(f"with {_count(inputs, 'operand')} and {_count(results, 'result')} these ops are not wired "
                          f"as usual; {_TELL}", body.at)


class _Maker:
    """Makes the nodes of a body. Values are numbered: the inputs first, then what the ops make."""

    def __init__(self, line: Line, types: Types, origin: Origin, phase: str) -> None:
        self.line, self.origin, self.phase = line, origin, phase
        self.inputs, self.types, self.nodes = len(types), list(types), list[Node]()

    def find(self, places: Sequence[Place]) -> tuple[int, ...]:
        """The values that these places in the text stand for."""
        return tuple(map(self._find, places))

    def _find(self, place: Place) -> int:
        if place.name == ABOVE:
            above = self.nodes[-1].outputs if self.nodes else ()
            if len(above) != 1:
                raise self.line.error(f"{ABOVE} stands for the one value that the op before makes, but there are "
                                      f"{len(above)}", place.at)
            return above[0]
        number, made = self.line.whole(place.name[1:], place.at), len(self.types) - self.inputs
        first, count = (0, self.inputs) if place.name[0] == "x" else (self.inputs, made)
        if number < count:
            return first + number
        raise self.line.error(f"there is no {place.name}: the node has {_count(self.inputs, 'operand')}, and the ops "
                              f"before make {_count(made, 'value')}", place.at)

    def add(self, step: Step, operands: tuple[int, ...]) -> None:
        """Makes the node of a step."""
        made = _infer(self.line, step, tuple([self.types[value] for value in operands]))
        outputs = tuple(range(len(self.types), len(self.types) + len(made)))
        own = [f"t{value - self.inputs}" for value in outputs]
        if step.labels and [label.name for label in step.labels] != own:
            raise self.line.error(f"what this op makes is {', '.join(own)}", step.labels[0].at)
        self.types += made
        self.nodes.append(Node(step.op, operands, outputs, self.origin, self.phase))

    def graph(self, results: tuple[int, ...]) -> Graph:
        """The body."""
        return Graph("+".join(node.op.name for node in self.nodes),
                     tuple(Input(value, f"x{value}") for value in range(self.inputs)), (), (), tuple(self.nodes),
                     tuple(Output(f"y{i}", value) for i, value in enumerate(results)), dict(enumerate(self.types)))


def _infer(line: Line, step: Step, types: Types) -> Types:
    """The types of what an op of a body makes."""
    least, most = arity(type(step.op))
    if not least <= len(types) <= (len(types) if most is None else most):
        wanted = _count(least, "input") if least == most else f"at least {_count(least, 'input')}"
        raise line.error(f"op {step.op.name} takes {wanted}, here it has {len(types)}", step.at)
    try:
        return step.op.infer(*types)
    except STUMBLES as error:
        raise line.error(f"op {step.op.name} refuses its inputs: {error}", step.at) from None


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
