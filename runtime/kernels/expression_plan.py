"""Turns a formula into calls of NumPy, each with the place that its result goes to.

A result goes over an operand that nobody needs any more, into the memory of an output, or into a register: scratch
memory, used again and again. So a formula needs few registers, and most of what it works on is in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from graphnet.compiler.expression import LEAVES, MASKS, Formula, Step

INPUT, CONSTANT, OUTPUT, NUMBER, MASK = "input", "constant", "output", "number", "mask"


class Place(NamedTuple):
    """Where a value stands: in an input, a constant, an output or a register, by its number."""

    kind: str
    number: int


class Instruction(NamedTuple):
    """A function of the formula, or `clip` or `copy`, with the places of its operands and its result."""

    function: str
    operands: tuple[Place, ...]
    target: Place


@dataclass(frozen=True, eq=False)
class Plan:
    """Instructions in order, the constants, and how many registers of numbers and of masks there are.

    The constant None is the smallest normal number.
    """

    code: tuple[Instruction, ...]
    constants: tuple[float | None, ...]
    numbers: int
    masks: int


@lru_cache(maxsize=1024)
def plan(formula: Formula, shared: tuple[tuple[int, ...], ...], writable: bool = True) -> Plan:
    """Plans a formula.

    Args:
        formula: what to compute.
        shared: for each output the inputs that it may lie in the memory of. Such an output is not written to before the
            last use of such an input.
        writable: whether the outputs have the dtype of the registers; else they are only copied to.
    """
    return _Planner(*_prepare(formula), shared, writable).plan()


def _prepare(formula: Formula) -> tuple[list[Step], list[int]]:
    """The steps as NumPy has them, each output a step of its own."""
    steps = list(formula.steps)
    uses = [*formula.outputs, *(value for step in steps for value in step.operands)]
    for number, step in enumerate(steps):
        steps[number] = step = _without_numbers(steps, step)
        if step.function == "minimum" and uses.count(step.operands[0]) == 1:
            steps[number] = _clip(steps, step)
    outputs = []
    for value in formula.outputs:
        if value in outputs or steps[value].function in LEAVES:
            steps.append(Step("copy", (value,)))
            value = len(steps) - 1
        outputs.append(value)
    return steps, outputs


def _without_numbers(steps: list[Step], step: Step) -> Step:
    """NumPy's arithmetic takes masks as they are, only the choice of bits does not."""
    if step.function == "where":
        return step
    operands = (steps[value].operands[0] if steps[value].function == "number" else value for value in step.operands)
    return Step(step.function, tuple(operands), step.value)


def _clip(steps: list[Step], step: Step) -> Step:
    """min(max(x, a), b) of constants a and b, in one call."""
    inner, high = step.operands
    if steps[inner].function != "maximum":
        return step
    x, low = steps[inner].operands
    constant = all(steps[value].function == "constant" for value in (low, high))
    return Step("clip", (x, low, high)) if constant else step


@dataclass
class _Planner:
    steps: list[Step]
    outputs: list[int]
    shared: tuple[tuple[int, ...], ...]
    writable: bool
    last: dict[int, int] = field(default_factory=dict)
    """The step that uses a value last; the end for an output. What nobody uses is not there."""
    of: dict[int, Place] = field(default_factory=dict)
    constants: list[float | None] = field(default_factory=list)
    holds: dict[Place, int] = field(default_factory=dict)
    """The value in each place that is written to."""

    def plan(self) -> Plan:
        self._find_last_uses()
        code = []
        for number, step in enumerate(self.steps):
            if step.function in LEAVES:
                self.of[number] = self._leaf(number, step)
            elif number in self.last:
                code.append(self._instruction(number, step))
        code += [Instruction("copy", (self.of[value],), Place(OUTPUT, j)) for j, value in enumerate(self.outputs)
                 if self.of[value] != Place(OUTPUT, j)]
        kinds = [place.kind for place in self.holds]
        return Plan(tuple(code), tuple(self.constants), kinds.count(NUMBER), kinds.count(MASK))

    def _find_last_uses(self) -> None:
        self.last = dict.fromkeys(self.outputs, len(self.steps))
        for number in reversed(range(len(self.steps))):
            if number in self.last:
                for value in self.steps[number].operands:
                    self.last.setdefault(value, number)

    def _leaf(self, number: int, step: Step) -> Place:
        if step.function == INPUT:
            return Place(INPUT, number)
        self.constants.append(None if step.function == "smallest" else step.value)
        return Place(CONSTANT, len(self.constants) - 1)

    def _instruction(self, number: int, step: Step) -> Instruction:
        target = next(place for place in self._candidates(number, step) if self._is_free(place, number, step))
        self.holds[target], self.of[number] = number, target
        return Instruction(step.function, tuple(self.of[value] for value in step.operands), target)

    def _candidates(self, number: int, step: Step) -> Iterator[Place]:
        """Where the result might go, the best first."""
        if step.function in MASKS:
            yield from (Place(MASK, index) for index in range(len(self.steps)))
        if number in self.outputs:
            yield Place(OUTPUT, self.outputs.index(number))
        yield from (self.of[value] for value in step.operands if self.of[value].kind == NUMBER)
        if number not in self.outputs:
            yield from (Place(OUTPUT, j) for j in range(len(self.outputs)))
        yield from (Place(NUMBER, index) for index in range(len(self.steps)))

    def _is_free(self, place: Place, number: int, step: Step) -> bool:
        """Whether nothing is lost if this step writes to a place."""
        read_late = (step.operands[0], step.operands[2]) if step.function == "where" else ()
        inhabitants = [self.holds[place]] if place in self.holds else []
        if place.kind == OUTPUT and not self.writable:
            return False
        if place.kind == OUTPUT:
            inhabitants += self.shared[place.number]
        return all(self.last.get(value, -1) <= number and value not in read_late for value in inhabitants)
