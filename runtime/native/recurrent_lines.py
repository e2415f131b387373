"""One vector of a recurrent step, as the formulas of cells see it: sums, states, saved values, functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphnet.runtime.native import mathematics
from graphnet.runtime.native.function import Function, Lanes
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.recurrent_plan import Plan
from graphnet.runtime.native.recurrent_samples import Steps
from graphnet.runtime.native.values import Index, Value


@dataclass(frozen=True, slots=True)
class Line:
    """A unit of a group of samples, or 16 units of one sample, at a step.

    Attributes:
        group, step: where it is.
        unit: its first one.
        on, passes: which sequences are running, and whose gradients pass; None for all.
        sums: of the products, by gate.
    """

    f: Function
    plan: Plan
    group: Value
    step: Value
    unit: Value
    on: Value | None
    passes: Value | None = None
    sums: Sequence[Value] = ()

    @property
    def lanes(self) -> Lanes:
        """How many lanes of it are in memory that is not padded."""
        if self.plan.span == 1:
            return self.plan.lanes(self.f, self.group)
        return None if self.plan.units % LANES == 0 else self.f.constant(self.plan.units) - self.unit

    def load(self, steps: Steps, row: Index) -> Value:
        """What is saved of this unit, whose first one has a row."""
        return self.f.load(steps.at(self.group, self.step, self.unit + row), 0, self.lanes)

    def store(self, value: Value, steps: Steps, row: Index) -> None:
        """Saves a value."""
        self.f.store(value, steps.at(self.group, self.step, self.unit + row), 0, self.lanes)

    def own(self, panels: Value, rows: int) -> Value:
        """The address of its numbers in scratch that has so many rows for each group."""
        return self.f.at(panels, self.group * self.plan.count(rows) + self.unit * self.plan.pitch)

    def where_on(self, new: Value, old: Value | float) -> Value:
        """New for running sequences, old for the others."""
        return new if self.on is None else self.f.select(self.on, new, old)

    def where_passes(self, value: Value) -> Value:
        """0 where no gradient passes."""
        return value if self.passes is None else self.f.select(self.passes, value, 0.0)


def each_line(f: Function, plan: Plan, gates: Sequence[int], group: Value, block: Value, step: Value, on: Value | None,
              sums: Value | None, passes: Value | None = None) -> Iterator[Line]:
    """The lines of a block one after another, in a loop; `gates` are the sums of each product."""
    with f.loop(0, plan.lines) as j:
        unit = (block * plan.lines + j) * plan.span
        whole = plan.units % (plan.lines * plan.span) == 0
        with f.when(True if whole else f.compare("slt", unit, plan.units)):
            found, place = [], sums
            for count in gates:
                if place is not None:
                    found += [f.load(place, (j * count + gate) * LANES) for gate in range(count)]
                    place = f.at(place, plan.lines * count * LANES)
            yield Line(f, plan, group, step, unit, on, passes, found)


def cut(f: Function, memory: Value, sizes: Sequence[int]) -> list[Value]:
    """The addresses of parts of memory, one behind the other."""
    return [f.at(memory, sum(sizes[:number])) for number in range(len(sizes))]


def tanh(f: Function, z: Value) -> Value:
    """The hyperbolic tangent."""
    return mathematics.tanh_of_half(f, z + z)


def sigmoid(f: Function, z: Value) -> Value:
    """(1 + tanh(z / 2)) / 2."""
    return f.fma(mathematics.tanh_of_half(f, z), 0.5, f.constant(0.5, z.type))


def slope(f: Function, y: Value) -> Value:
    """1 - y², the derivative of tanh where it is y."""
    return 1.0 - y * y
