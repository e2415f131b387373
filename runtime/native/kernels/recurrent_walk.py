"""The walk through the steps of a recurrent layer, forwards or back, and what a cell sees of it.

Forwards a step has stages: products with the panel of the step, then a cell for each unit. On the way back its first
stage ends the step before as well, whose gradient for the state is that stage's product; so threads that share units
meet once a stage. There are two panels, since while some threads still read that of a step others write into the next.
Panels and states lie in memory that threads have in common if they share a group's units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from graphnet.compiler.ops.recurrent import Recurrent
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.contract import blocks
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.turning import turn_block
from graphnet.runtime.llvm.values import F32, I64, MASK, Index, Value
from graphnet.runtime.native.emit.call import Call, batch_innermost, floats, need, room
from graphnet.runtime.native.kernels.recurrent_plan import Plan, Product


def weights_of(call: Call) -> int:
    """The position of U in the way back: the last input but for lengths."""
    return len(call.inputs) - 1 - (len(call.inputs[-1].shape) == 1)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a group.

    Attributes:
        number: its place.
        panel, following: the first rows of its panel, and of that of the next step.
        on, passes: which sequences are running, and whose gradients pass; None for all.
    """

    number: Index
    panel: Index
    following: Index
    on: Value | None
    passes: Value | None


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
        steps: how many there are.
        start, count: the first sample of the group that is being worked off, and how many it has, at most 16.
    """

    def __init__(self, f: Function, call: Call, plan: Plan) -> None:
        self.f, self.call, self.op, self.plan = f, call, call.op, plan
        self.ahead = isinstance(call.op, Recurrent)
        self.states = call.op.states if self.ahead else len(call.outputs) - 1
        self.wide = plan.units + 1 + call.inputs[0].shape[2] if self.ahead else call.outputs[0].shape[1]
        self.steps = call.inputs[0].shape[1] if self.ahead else call.outputs[0].shape[0]
        arity = call.op.arity if self.ahead else weights_of(call) + 1
        floats(*call.inputs[:arity], *call.outputs)
        need(all(operand.dtype == "int64" for operand in call.inputs[arity:]), "lengths that are not int64")
        self._lengths = call.x[arity] if call.inputs[arity:] else None
        self._memory = f.of_first(f.scratch) if plan.shared else f.scratch
        self.start: Index = 0
        self.count = 0

    def write(self, cells: Sequence[Cell]) -> None:
        """Writes the kernel, given the cells: one a stage, and on the way back the one that ends a step."""
        def group(start: Index, count: int) -> None:
            self.start, self.count = start, count
            self._group(cells)
        groups = -(-self.plan.batch // LANES)
        blocks(self.f, self.plan.batch, LANES, group, *((0, groups) if self.plan.shared else self.f.share(groups)))

    def at(self, row: Index) -> Value:
        """The address of a row."""
        return self.f.at(self._memory, row * self.plan.pitch)

    def state(self, number: int, panel: Index) -> Index:
        """The row where a state begins. Forwards, h lies in the panel."""
        return panel if self.ahead and number == 0 else 2 * self.plan.rows + (number - self.ahead) * self.plan.units

    def _share(self, pieces: int) -> tuple[Index, Index]:
        """What this thread does for a group."""
        return self.f.share(pieces) if self.plan.shared else (0, pieces)

    def _meet(self) -> None:
        if self.plan.shared:
            self.f.meet()

    def _group(self, cells: Sequence[Cell]) -> None:
        f, call, steps, rows = self.f, self.call, self.steps, self.plan.rows
        way = -1 if self.op.reverse == self.ahead else 1
        for number in range(self.states):
            position = number + self.ahead
            self._read(call.inputs[position], call.x[position], 0, self.state(number, 0))
        one = f.splat(1.0) if self.plan.span == 1 else f.constant(1.0, F32)
        for row in (self.plan.units, *([rows - 1] if rows > self.wide else ())) if self.ahead else ():  # of [q; 1] too
            f.put(one, self.at(row))
            f.put(one, self.at(row + rows))
        self._feed(steps - 1 if way < 0 else 0, 0)
        self._meet()
        rounds = steps if self.ahead else steps + 1
        if rounds:
            with f.loop(0, rounds) as s:
                self._step(s, way, cells)
        for number in range(self.states):
            position = number + (not self.ahead)
            self._write(call.outputs[position], call.y[position], 0, self.state(number, steps % 2 * rows))

    def _step(self, s: Value, way: int, cells: Sequence[Cell]) -> None:
        f, plan, packed = self.f, self.plan, self.call.prepared or self.f.scratch
        panel, other, place = s % 2 * plan.rows, (s + 1) % 2 * plan.rows, s * way + (self.steps - 1 if way < 0 else 0)
        begins = self.ahead or f.compare("slt", s, self.steps)
        here = Step(place, panel, other, self._running(place), self._passes(place))
        for stage, products in enumerate(plan.stages):
            run: Run = begins, here, cells[stage]
            if self.ahead or stage:
                with f.when(begins):
                    self._stage(products, packed, [run])
            else:
                ended = Step(place - way, other, panel, self._running(place - way), self._passes(place - way))
                self._stage(products, packed, [(f.compare("sgt", s, 0), ended, cells[-1]), run])
            packed = f.at(packed, plan.packed(*products))
            if not stage:
                self._save(here)
                self._feed(f.most(f.least(place + way, self.steps - 1), 0), other)
            self._meet()
        if self.ahead and self.op.sequences:
            self._write(self.call.outputs[self.states], self.call.y[self.states], place, other, here.on)

    def _stage(self, products: Sequence[Product], packed: Value, runs: Sequence[Run]) -> None:
        """The products of the first of the steps, and the cells of all."""
        f, plan, (worked, step, _) = self.f, self.plan, runs[0]
        with f.loop(*self._share(plan.blocks)) as block:
            sums = f.at(f.scratch, plan.sums)
            with f.when(worked):
                plan.multiply(f, products, packed, block, self.at(step.panel), sums)
            with f.loop(0, plan.lines) as j:
                unit, found = (block * plan.lines + j) * plan.span, []
                with f.when(plan.units % (plan.lines * plan.span) == 0 or f.compare("slt", unit, plan.units)):
                    for product in products:
                        found += [f.load(sums, (j * product.gates + gate) * LANES) for gate in range(product.gates)]
                        sums = f.at(sums, plan.lines * product.gates * LANES)
                    for runs_now, step, cell in runs:
                        with f.when(runs_now):
                            cell(Line(self, step, unit, found))

    # Samples and panels ------------------------------------------------------------------------------------------

    def lanes(self, row: Index, rows: int) -> Lanes:
        """How many lanes there are of the vector of a row, of so many."""
        if self.plan.span == 1:
            return self.count
        return None if rows % LANES == 0 else self.f.constant(rows) - row

    def at_step(self, operand: Operand, pointer: Value, step: Index, row: Index) -> Value:
        """The address of a row's vector in an array (T, rows, N), whose N is not padded."""
        return self.f.at(pointer, (self.f.constant(step) * operand.shape[1] + row) * self.plan.batch + self.start)

    def _feed(self, step: Index, panel: Index) -> None:
        """Brings to a panel x, or the gradient of results, at a step."""
        position, row = (0, self.plan.units + 1) if self.ahead else (self.states, self.wide)
        if self.call.inputs[position].shape[1]:
            self._read(self.call.inputs[position], self.call.x[position], step, panel + row)

    def _save(self, step: Step) -> None:
        """Brings out [h; 1; x]."""
        number = self.states + 1
        if self.ahead and self.op.saved:
            place = self.at_step(self.call.outputs[number], self.call.y[number], step.number, 0)
            self._copy(self.at(step.panel), self.plan.pitch, place, self.plan.batch, self.wide)

    def _read(self, operand: Operand, pointer: Value, step: Index, row: Index) -> None:
        """Copies the features of an array (N, F) or (N, T, F) at a step to rows, with 0 for samples that are not there,
        or not running. Where samples are innermost, those that are not there are as others are."""
        panel, pitch, (source, apart, features, sample) = self.at(row), self.plan.pitch, self._place(
            operand, pointer, step)
        mask = self._running(step) if len(operand.shape) == 3 else None
        if sample:
            for rows, outside, width in self._turned(features, panel, source):
                there = self.f.least(self.f.n - self.start, self.count) if self.f.blocked else self.count
                turn_block(self.f, outside, sample, rows, LANES, there, width)
        if not sample or mask is not None:
            self._copy(panel if sample else source, pitch if sample else apart, panel, pitch, features, mask)

    def _write(self, operand: Operand, pointer: Value, step: Index, row: Index, mask: Value | None = None) -> None:
        """Copies rows to the features at a step, with 0 where the mask does not hold."""
        panel, pitch, (target, apart, features, sample) = self.at(row), self.plan.pitch, self._place(
            operand, pointer, step)
        if not sample:
            self._copy(panel, pitch, target, apart, features, mask, roomy=room(operand) > self.plan.batch)
            return
        if mask is not None:
            spare = self.f.at(self.f.scratch, self.plan.spare)
            self._copy(panel, pitch, spare, pitch, features, mask)
            panel = spare
        for rows, outside, width in self._turned(features, panel, target):
            turn_block(self.f, rows, LANES, outside, sample, width, self.count, width)

    def _turned(self, features: int, panel: Value, outside: Value) -> Iterator[tuple[Value, Value, Index]]:
        """Writes a loop over this thread's share of features, 16 at a time: where their rows are, where they are
        innermost, and how many there are."""
        f = self.f
        with f.loop(*self._pieces(features)) as piece:
            width = f.least(f.constant(features) - piece * LANES, LANES) if features % LANES else LANES
            yield f.at(panel, piece * (LANES * LANES)), f.at(outside, piece * LANES), width

    def _place(self, operand: Operand, pointer: Value, step: Index) -> tuple[Value, int, int, int]:
        """The address of the first, how far they lie apart, how many there are, and if they are innermost how far
        samples lie apart."""
        f, features, at = self.f, operand.shape[-1], self.f.constant(step)
        if self.plan.batch == 1 or batch_innermost(operand):
            return f.at(pointer, at * (features * room(operand)) + self.start), room(operand), features, 0
        sample = math.prod(operand.shape[1:])
        return f.at(pointer, at * features + f.constant(self.start) * sample), 1, features, sample

    def _pieces(self, rows: int) -> tuple[Index, Index]:
        """This thread's share of so many rows, in pieces of 16."""
        return self._share(-(-rows // LANES))

    def _width(self, piece: Value, rows: int) -> Index:
        return self.f.least(self.f.constant(rows) - piece * LANES, LANES) if rows % LANES else LANES

    def _copy(self, source: Value, apart: int, target: Value, target_apart: int, rows: int, mask: Value | None = None,
              roomy: bool = False) -> None:
        """Copies rows that lie so far apart, with 0 where the mask does not hold, and in the target's room behind."""
        lo, hi = self._pieces(rows)
        with self.f.loop(lo * LANES, self.f.least(hi * LANES, rows), self.plan.span) as row:
            lanes = self.lanes(row, rows)
            value = self.f.load(source, row * apart, lanes)
            self.f.store(value if mask is None else self.f.select(mask, value, 0.0), target, row * target_apart,
                         None if roomy else lanes)

    # Sequences ---------------------------------------------------------------------------------------------------

    def _running(self, step: Index) -> Value | None:
        """Whose sequence has not ended before a step; None if all are running."""
        if self._lengths is None:
            return None
        return self._compare("sgt", self._length(), self.f.splat(self.f.constant(step)))

    def _passes(self, step: Index) -> Value | None:
        """Whose gradient leaves a step for the steps before; None if all do."""
        if self.ahead or not self.op.truncate:
            return None
        f, number, running = self.f, self.f.splat(self.f.constant(step)), self._running(step)
        if self.op.reverse:
            number = self._length() - 1 - number
        passes = f.bitwise("or", self._compare("sle", number, 0), self._compare("ne", number % self.op.truncate, 0))
        return passes if running is None else f.select(running, passes, f.constant(1, MASK))

    def _length(self) -> Value:
        if self._lengths is None:
            return self.f.splat(self.f.constant(self.steps))
        if self.plan.span > 1:
            return self.f.splat(self.f.scalar(self._lengths, 0, I64))
        return self.f.load(self._lengths, self.start, self.count, I64)

    def _compare(self, how: str, a: Value, b: Value | int) -> Value:
        return self.f.instruction(f"icmp {how} {a.type}", a, self.f.constant(b, a.type), type=MASK)


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
        position = self.walk.states + 1 + array
        return [self.walk.f.load(self._place(self.walk.call.inputs, self.walk.call.x, position, row), 0, self._lanes)
                for row in range(count)]

    def save(self, *values: Value | None, array: int = 0) -> None:
        """Saves numbers for the gradient, if that is wanted; or gives out those of dz."""
        walk, position = self.walk, (self.walk.states + 2 if self.walk.ahead else 0) + array
        for row, value in enumerate(values if not walk.ahead or walk.op.saved else ()):
            if value is not None:
                walk.f.store(value, self._place(walk.call.outputs, walk.call.y, position, row), 0, self._lanes)

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
        return self.walk.lanes(self.unit, self.walk.plan.units)

    def _place(self, operands: Sequence[Operand], pointers: Sequence[Value], position: int, row: int) -> Value:
        row_of_unit = self.unit + row * self.walk.plan.units
        return self.walk.at_step(operands[position], pointers[position], self.step.number, row_of_unit)


Cell = Callable[[Line], None]
Run = tuple[Value | bool, Step, Cell]
"""Whether there is a step, the step, and what it does."""
