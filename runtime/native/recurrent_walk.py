"""The walk through the steps of a recurrent layer, forwards or back, and what a cell sees of it.

A step has stages: products with the panel of the step, then the cell for each unit. There are two panels, since while
some threads still read that of a step others write into the next one. They lie, as states do, in memory that threads
have in common if they share a group's units; then the first one brings rows in and out for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from graphnet.runtime.native.call import Call, floats, need
from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.recurrent_groups import Group
from graphnet.runtime.native.recurrent_plan import Plan
from graphnet.runtime.native.values import Index, Value


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a group.

    Attributes:
        number: its place.
        panel, following: the panels of this step and of the next one.
        on, passes: which sequences are running, and whose gradients pass; None for all.
    """

    group: Group
    number: Index
    panel: Value
    following: Value
    on: Value | None = None
    passes: Value | None = None


class Walk:
    """A kernel that is being written, forwards or back.

    Args:
        f: the function.
        call: the op.
        plan: of the layer.
        arity: number of inputs without lengths.
        steps: how many there are.
        down: whether the last place comes first.
    """

    def __init__(self, f: Function, call: Call, plan: Plan, arity: int, steps: int, down: bool) -> None:
        floats(*call.inputs[:arity], *call.outputs)
        need(all(operand.dtype == "int64" for operand in call.inputs[arity:]), "lengths that are not int64")
        self.f, self.call, self.op, self.plan, self.steps, self.down = f, call, call.op, plan, steps, down
        self._lengths = call.x[arity] if call.inputs[arity:] else None
        self._memory = f.of_first(f.scratch) if plan.shared else f.scratch
        self.spare = f.at(f.scratch, plan.spare)

    def begin(self, step: Step) -> None:
        """Brings in what there is before the first step."""
        raise NotImplementedError

    def feed(self, step: Step) -> None:
        """Brings to the panel of a step what it has from elsewhere."""
        raise NotImplementedError

    def seen(self, step: Step) -> None:
        """Brings out what the panel of a step has."""

    def made(self, step: Step) -> None:
        """Brings out what the following panel has."""

    def end(self, step: Step) -> None:
        """Brings out what there is when the panel is that of a step behind the last."""
        raise NotImplementedError

    def write(self, *cells: Callable[[Line], None]) -> None:
        """Writes the kernel, given the cell of each stage."""
        plan, groups = self.plan, -(-self.plan.batch // LANES)
        lo, hi = (0, groups) if plan.shared else self.f.share(groups)
        blocks(self.f, plan.batch, LANES, lambda start, count: self._group(
            Group(self.f, plan, start, count, self._lengths), cells), lo, hi)

    def row(self, panel: Value, row: int) -> Value:
        """The address of a row."""
        return self.f.at(panel, row * self.plan.pitch)

    def state(self, number: int) -> Value:
        """The address of a state."""
        return self.f.at(self._panel(2), number * self.plan.floats(self.plan.units))

    def _panel(self, number: Index) -> Value:
        return self.f.at(self._memory, number * self.plan.floats(self.plan.rows))

    @contextmanager
    def _one(self) -> Iterator[None]:
        """What is done by one of the threads that share a group."""
        with self.f.when(self.f.compare("eq", self.f.thread, 0) if self.plan.shared else True):
            yield

    def _meet(self) -> None:
        if self.plan.shared:
            self.f.meet()

    def _group(self, group: Group, cells: Sequence[Callable[[Line], None]]) -> None:
        f, last = self.f, self.steps - 1
        with self._one():
            first = Step(group, last if self.down else 0, self._panel(0), self._panel(1))
            self.begin(first)
            if self.steps:
                self.feed(first)
        self._meet()
        if self.steps:
            with f.loop(0, self.steps) as s:
                number = last - s if self.down else s
                self._step(Step(group, number, self._panel(s % 2), self._panel((s + 1) % 2), group.running(number),
                                group.passes(number, self.steps, self.op.truncate, self.op.reverse)), cells)
        with self._one():
            self.end(Step(group, 0, self._panel(self.steps % 2), self._panel(0)))

    def _step(self, step: Step, cells: Sequence[Callable[[Line], None]]) -> None:
        f, plan, packed = self.f, self.plan, self.call.prepared or self.f.scratch
        for stage, (products, cell) in enumerate(zip(plan.stages, cells, strict=True)):
            with f.loop(*(f.share(plan.blocks) if plan.shared else (0, plan.blocks))) as block:
                sums = f.at(f.scratch, plan.common)
                plan.multiply(f, products, packed, block, step.panel, sums)
                with f.loop(0, plan.lines) as j:
                    self._line(step, block, j, [product.gates for product in products], sums, cell)
            packed = f.at(packed, plan.packed(products))
            if not stage:
                with self._one():
                    self.seen(step)
                    number = f.most(step.number - 1, 0) if self.down else f.least(step.number + 1, self.steps - 1)
                    self.feed(Step(step.group, number, step.following, step.panel))
            self._meet()
        with self._one():
            self.made(step)

    def _line(self, step: Step, block: Value, j: Value, gates: Sequence[int], sums: Value,
              cell: Callable[[Line], None]) -> None:
        f, plan, found = self.f, self.plan, []
        unit = (block * plan.lines + j) * plan.span
        with f.when(plan.units % (plan.lines * plan.span) == 0 or f.compare("slt", unit, plan.units)):
            for count in gates:
                found += [f.load(sums, (j * count + gate) * LANES) for gate in range(count)]
                sums = f.at(sums, plan.lines * count * LANES)
            cell(Line(self, step, unit, found))


@dataclass(frozen=True, slots=True)
class Line:
    """A unit of a group, or 16 units of one sample, at a step.

    Attributes:
        unit: the first one.
        sums: of the products of the stage, by gate.
    """

    walk: Walk
    step: Step
    unit: Value
    sums: Sequence[Value]

    def load(self, panel: Value, row: int = 0) -> Value:
        """What rows of a panel have, the first unit's being `row`."""
        return self.walk.f.load(self.walk.row(panel, row), self.unit * self.walk.plan.pitch)

    def store(self, value: Value, panel: Value, row: int = 0) -> None:
        """Writes to rows of a panel."""
        lanes = self.step.group.lanes(self.unit, self.walk.plan.units)
        self.walk.f.store(value, self.walk.row(panel, row), self.unit * self.walk.plan.pitch, lanes)

    def state(self, number: int = 0) -> Value:
        """A state."""
        return self.load(self.walk.state(number))

    def put(self, value: Value, number: int = 0) -> None:
        """Sets a state."""
        self.store(value, self.walk.state(number))

    def read(self, position: int, row: int) -> Value:
        """What input `position` has, an array of steps with numbers of all units one after another."""
        step, units = self.step, self.walk.plan.units
        place = step.group.steps(self.walk.call.inputs[position], self.walk.call.x[position], step.number,
                                 self.unit + row * units)
        return self.walk.f.load(place, 0, step.group.lanes(self.unit, units))

    def write(self, position: int, *values: Value | None) -> None:
        """Writes numbers to output `position`, an array of steps."""
        step, units = self.step, self.walk.plan.units
        for row, value in enumerate(values):
            if value is not None:
                place = step.group.steps(self.walk.call.outputs[position], self.walk.call.y[position], step.number,
                                         self.unit + row * units)
                self.walk.f.store(value, place, 0, step.group.lanes(self.unit, units))

    def where_on(self, new: Value, old: Value | float) -> Value:
        """New for running sequences, old for the others."""
        return new if self.step.on is None else self.walk.f.select(self.step.on, new, old)

    def where_passes(self, value: Value) -> Value:
        """0 where no gradient passes."""
        return value if self.step.passes is None else self.walk.f.select(self.step.passes, value, 0.0)
