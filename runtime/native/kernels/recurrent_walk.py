"""The walk through the steps of a recurrent layer, forwards or back, and what a cell sees of it.

A step has stages: products with the panel of the step, then the cell for each unit. There are two panels, since while
some threads still read that of a step others write into the next one. They lie, as states do, in memory that threads
have in common if they share a group's units; then the first one brings rows in and out for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphnet.compiler.ops.recurrent import Recurrent
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.contract import blocks
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.turning import turn
from graphnet.runtime.llvm.values import F32, I64, MASK, Index, Value
from graphnet.runtime.native.emit.call import Call, batch_innermost, floats, need, room
from graphnet.runtime.native.kernels.recurrent_plan import Plan


def weights_of(call: Call) -> int:
    """The position of U in the way back: the last input but for lengths."""
    return len(call.inputs) - 1 - (len(call.inputs[-1].shape) == 1)


@dataclass(frozen=True, slots=True)
class Group:
    """Some samples of a batch. Masks are None where they hold for all.

    Attributes:
        start, count: the first one, and how many there are, at most 16.
        lengths: the address of the lengths of all sequences, if they differ.
    """

    f: Function
    plan: Plan
    start: Index
    count: int
    lengths: Value | None

    def lanes(self, row: Index, rows: int) -> Lanes:
        """How many lanes there are of the vector of a row, of so many."""
        if self.plan.span == 1:
            return self.count
        return None if rows % LANES == 0 else self.f.constant(rows) - row

    def at_step(self, operand: Operand, pointer: Value, step: Index, row: Index) -> Value:
        """The address of a row's vector in an array (T, rows, N), whose N is not padded."""
        return self.f.at(pointer, (self.f.constant(step) * operand.shape[1] + row) * self.plan.batch + self.start)

    def copy(self, source: Value, apart: int, target: Value, target_apart: int, rows: int,
             mask: Value | None = None, roomy: bool = False) -> None:
        """Copies rows that lie so far apart, with 0 where the mask does not hold, and in the target's room behind."""
        with self.f.loop(0, rows, self.plan.span) as row:
            lanes = self.lanes(row, rows)
            value = self.f.load(source, row * apart, lanes)
            self.f.store(value if mask is None else self.f.select(mask, value, 0.0), target, row * target_apart,
                         None if roomy else lanes)

    def read(self, operand: Operand, pointer: Value, step: Index, panel: Value) -> None:
        """Copies the features of an array (N, F) or (N, T, F) at a step to a panel, with 0 for samples that are not
        there, or not running."""
        source, pitch, features, sample = self._features(operand, pointer, step)
        mask = self.running(step) if len(operand.shape) == 3 else None
        if self.f.blocked and self.plan.span == 1:
            there = self.f.mask(self.f.n - self.start)
            mask = there if mask is None else self.f.bitwise("and", there, mask)
        if sample:
            turn(self.f, source, sample, self.count, features, panel, LANES)
            source, pitch = panel, LANES
        if not sample or mask is not None:
            self.copy(source, pitch, panel, self.plan.pitch, features, mask)

    def write(self, operand: Operand, pointer: Value, step: Index, panel: Value) -> None:
        """Copies a panel to the features at a step."""
        target, pitch, features, sample = self._features(operand, pointer, step)
        if sample:
            turn(self.f, panel, LANES, features, self.count, target, sample, tight=True)
        else:
            self.copy(panel, self.plan.pitch, target, pitch, features, roomy=room(operand) > self.plan.batch)

    def _features(self, operand: Operand, pointer: Value, step: Index) -> tuple[Value, int, int, int]:
        """The address of the first, how far they lie apart, how many there are, and if they are innermost how far
        samples lie apart."""
        f, features, at = self.f, operand.shape[-1], self.f.constant(step)
        if self.plan.batch == 1 or batch_innermost(operand):
            return f.at(pointer, at * (features * room(operand)) + self.start), room(operand), features, 0
        sample = math.prod(operand.shape[1:])
        return f.at(pointer, at * features + f.constant(self.start) * sample), 1, features, sample

    def running(self, step: Index) -> Value | None:
        """Whose sequence has not ended before a step."""
        if self.lengths is None:
            return None
        lengths = self._lengths(self.lengths)
        return self._compare("sgt", lengths, self.f.splat(self.f.constant(step)))

    def passes(self, step: Index, steps: int, every: int, reverse: bool) -> Value | None:
        """Whose gradient leaves a step for the steps before; see `Walk.passes`."""
        if not every:
            return None
        f, number = self.f, self.f.splat(self.f.constant(step))
        if reverse:
            number = (f.splat(f.constant(steps)) if self.lengths is None else self._lengths(self.lengths)) - 1 - number
        passes = f.bitwise("or", self._compare("sle", number, 0), self._compare("ne", number % every, 0))
        running = self.running(step)
        return passes if running is None else f.select(running, passes, f.constant(1, MASK))

    def _compare(self, how: str, a: Value, b: Value | int) -> Value:
        return self.f.instruction(f"icmp {how} {a.type}", a, self.f.constant(b, a.type), type=MASK)

    def _lengths(self, pointer: Value) -> Value:
        if self.plan.span > 1:
            return self.f.splat(self.f.scalar(pointer, 0, I64))
        return self.f.load(pointer, self.start, self.count, I64)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a group.

    Attributes:
        number: its place.
        panel, following: the first rows of its panel, and of that of the next step.
        on, passes: which sequences are running, and whose gradients pass; None for all.
    """

    group: Group
    number: Index
    panel: Index
    following: Index
    on: Value | None = None
    passes: Value | None = None


class Walk:
    """The kernel that is being written. Panels begin with [h; 1; x], or with dz and the gradients of results.

    Args:
        f: the function.
        call: the op.
        plan: of the layer.

    Attributes:
        ahead: whether it goes forwards.
        states: how many are brought in and out.
        wide: rows that are products' of [h; 1; x] or dz.
    """

    def __init__(self, f: Function, call: Call, plan: Plan) -> None:
        self.f, self.call, self.op, self.plan = f, call, call.op, plan
        self.ahead = isinstance(call.op, Recurrent)
        self.states = call.op.states if self.ahead else len(call.outputs) - 1
        self._fed = 0 if self.ahead else self.states
        self.wide = plan.units + 1 + call.inputs[0].shape[2] if self.ahead else call.outputs[0].shape[1]
        self._steps = call.inputs[0].shape[1] if self.ahead else call.outputs[0].shape[0]
        arity = call.op.arity if self.ahead else weights_of(call) + 1
        floats(*call.inputs[:arity], *call.outputs)
        need(all(operand.dtype == "int64" for operand in call.inputs[arity:]), "lengths that are not int64")
        self._lengths = call.x[arity] if call.inputs[arity:] else None
        self._memory = f.of_first(f.scratch) if plan.shared else f.scratch
        self._one = f.compare("eq", f.thread, 0) if plan.shared else True  # of the threads that share a group

    def write(self, cells: Sequence[Callable[[Line], None]]) -> None:
        """Writes the kernel, given the cell of each stage."""
        plan, groups = self.plan, -(-self.plan.batch // LANES)
        lo, hi = (0, groups) if plan.shared else self.f.share(groups)
        blocks(self.f, plan.batch, LANES, lambda start, count: self._group(
            Group(self.f, plan, start, count, self._lengths), cells), lo, hi)

    def at(self, row: Index) -> Value:
        """The address of a row."""
        return self.f.at(self._memory, row * self.plan.pitch)

    def state(self, number: int, panel: Index) -> Index:
        """The row where a state begins. Forwards, h lies in the panel."""
        return panel if self.ahead and number == 0 else 2 * self.plan.rows + (number - self.ahead) * self.plan.units

    def _meet(self) -> None:
        if self.plan.shared:
            self.f.meet()

    def _group(self, group: Group, cells: Sequence[Callable[[Line], None]]) -> None:
        call, steps, down, rows = self.call, self._steps, self.op.reverse == self.ahead, self.plan.rows
        with self.f.when(self._one):
            for number in range(self.states):
                position = number + self.ahead
                group.read(call.inputs[position], call.x[position], 0, self.at(self.state(number, 0)))
            one = self.f.splat(1.0) if self.plan.span == 1 else self.f.constant(1.0, F32)
            for row in (self.plan.units, rows - 1) if self.ahead else ():  # x takes the last, if there is no [q; 1]
                self.f.put(one, self.at(row))
                self.f.put(one, self.at(row + rows))
            if steps:
                self._feed(group, steps - 1 if down else 0, 0)
        self._meet()
        with self.f.loop(0, max(steps, 1)) as s, self.f.when(steps > 0):
            place = steps - 1 - s if down else s
            here = Step(group, place, s % 2 * rows, (s + 1) % 2 * rows, group.running(place),
                        group.passes(place, steps, 0 if self.ahead else self.op.truncate, self.op.reverse))
            self._step(here, cells, self.f.most(place - 1, 0) if down else self.f.least(place + 1, steps - 1))
        with self.f.when(self._one):
            for number in range(self.states):
                position = number + (not self.ahead)
                group.write(call.outputs[position], call.y[position], 0, self.at(self.state(number, steps % 2 * rows)))

    def _step(self, step: Step, cells: Sequence[Callable[[Line], None]], after: Value) -> None:
        f, plan, packed, sums = self.f, self.plan, self.call.prepared or self.f.scratch, self.f.at(
            self.f.scratch, self.plan.sums)
        for stage, (products, cell) in enumerate(zip(plan.stages, cells, strict=True)):
            with f.loop(*(f.share(plan.blocks) if plan.shared else (0, plan.blocks))) as block:
                plan.multiply(f, products, packed, block, self.at(step.panel), sums)
                with f.loop(0, plan.lines) as j:
                    self._line(step, block, j, [product.gates for product in products], sums, cell)
            packed = f.at(packed, plan.packed(*products))
            if not stage:
                with f.when(self._one):
                    self._save(step)
                    self._feed(step.group, after, step.following)
            self._meet()
        if self.ahead and self.op.sequences:
            with f.when(self._one):
                self._give(step)

    def _line(self, step: Step, block: Value, j: Value, gates: Sequence[int], sums: Value,
              cell: Callable[[Line], None]) -> None:
        f, plan, found = self.f, self.plan, []
        unit = (block * plan.lines + j) * plan.span
        with f.when(plan.units % (plan.lines * plan.span) == 0 or f.compare("slt", unit, plan.units)):
            for count in gates:
                found += [f.load(sums, (j * count + gate) * LANES) for gate in range(count)]
                sums = f.at(sums, plan.lines * count * LANES)
            cell(Line(self, step, unit, found))

    def _feed(self, group: Group, number: Index, panel: Index) -> None:
        """Brings to a panel x, or the gradient of results, at a step."""
        operand, row = self.call.inputs[self._fed], panel + (self.plan.units + 1 if self.ahead else self.wide)
        if operand.shape[1]:
            group.read(operand, self.call.x[self._fed], number, self.at(row))

    def _save(self, step: Step) -> None:
        """Brings out [h; 1; x]."""
        if self.ahead and self.op.saved:
            operands = self.states + 1
            place = step.group.at_step(self.call.outputs[operands], self.call.y[operands], step.number, 0)
            step.group.copy(self.at(step.panel), self.plan.pitch, place, self.plan.batch, self.wide)

    def _give(self, step: Step) -> None:
        """Brings out the results of running sequences."""
        spare, pitch = self.f.at(self.f.scratch, self.plan.spare), self.plan.pitch
        step.group.copy(self.at(step.following), pitch, spare, pitch, self.plan.units, step.on)
        step.group.write(self.call.outputs[self.states], self.call.y[self.states], step.number, spare)


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

    def load(self, row: Index) -> Value:
        """What memory has of it, the first unit having this row."""
        return self.walk.f.load(self.walk.at(self.unit + row))

    def store(self, value: Value, row: Index) -> None:
        """Writes to memory."""
        self.walk.f.store(value, self.walk.at(self.unit + row), 0, self._lanes)

    def state(self, number: int = 0) -> Value:
        """A state."""
        return self.load(self.walk.state(number, self.step.panel))

    def put(self, value: Value, number: int = 0) -> None:
        """Sets a state: of running sequences, and to 0 where no gradient passes."""
        f, step = self.walk.f, self.step
        value = value if step.on is None else f.select(step.on, value, self.state(number))
        value = value if step.passes is None else f.select(step.passes, value, 0.0)
        self.store(value, self.walk.state(number, step.following))

    def saved(self, count: int, array: int = 0) -> list[Value]:
        """So many numbers that the walk forwards has saved."""
        call, position = self.walk.call, self.walk.states + 1 + array
        return [self.walk.f.load(self._place(call.inputs[position], call.x[position], row), 0, self._lanes)
                for row in range(count)]

    def save(self, *values: Value | None, array: int = 0) -> None:
        """Saves numbers for the gradient, if that is wanted; or gives out those of dz, which are 0 behind the end."""
        walk, position = self.walk, (self.walk.states + 2 if self.walk.ahead else 0) + array
        for row, value in enumerate(values if not walk.ahead or walk.op.saved else ()):
            if value is not None:
                place = self._place(walk.call.outputs[position], walk.call.y[position], row)
                walk.f.store(value, place, 0, self._lanes)

    def give(self, *values: Value | None) -> None:
        """Gives out numbers of dz, which are 0 where a sequence has ended."""
        f, on = self.walk.f, self.step.on
        made = [value if value is None or on is None else f.select(on, value, 0.0) for value in values]
        self.save(*made)
        for row, value in enumerate(made):
            if value is not None:
                self.store(value, self.step.panel + row * self.walk.plan.units)

    @property
    def _lanes(self) -> Lanes:
        return self.step.group.lanes(self.unit, self.walk.plan.units)

    def _place(self, operand: Operand, pointer: Value, row: int) -> Value:
        return self.step.group.at_step(operand, pointer, self.step.number, self.unit + row * self.walk.plan.units)
