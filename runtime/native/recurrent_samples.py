"""Between arrays of samples and the panels of recurrent kernels, which have the units of a group row by row."""

from __future__ import annotations

from collections.abc import Sequence

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import batch_innermost, room
from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.recurrent_plan import Plan
from graphnet.runtime.native.turning import turn, turn_block
from graphnet.runtime.native.values import I64, MASK, Index, Value


def kept(f: Function, value: Value, mask: Value | None) -> Value:
    """The value where the mask holds, 0 elsewhere."""
    return value if mask is None else f.select(mask, value, 0.0)


class Steps:
    """An array (T, rows, N) of saved steps; N is not padded."""

    def __init__(self, f: Function, plan: Plan, operand: Operand, pointer: Value) -> None:
        self._f, self._plan, self._rows, self._pointer = f, plan, operand.shape[1], pointer

    def at(self, group: Index, step: Index, row: Index) -> Value:
        """The address of a row's vector."""
        return self._f.at(self._pointer, (self._f.constant(step) * self._rows + row) * self._plan.batch + group * LANES)

    def expect(self, group: Index, step: Index, unit: Value, every: int) -> None:
        """Says that a row, and those that lie multiples of `every` behind it, will soon be written."""
        for row in range(0, self._rows, every):
            self._f.prefetch(self.at(group, step, unit + row))

    def read(self, group: Index, step: Index, first: int, count: int, panel: Value) -> None:
        """Copies rows to a panel."""
        with self._plan.rows(self._f, group, count) as (row, lanes):
            vector = self._f.load(self.at(group, step, row + first), 0, lanes)
            self._f.store(vector, panel, row * self._plan.pitch)

    def write(self, group: Index, step: Index, count: int, panel: Value) -> None:
        """Copies a panel to its rows."""
        with self._plan.rows(self._f, group, count) as (row, lanes):
            self._f.store(self._f.load(panel, row * self._plan.pitch), self.at(group, step, row), 0, lanes)


class Samples:
    """An array (N, features) or (N, T, features), in rows or with its samples innermost."""

    def __init__(self, f: Function, plan: Plan, operand: Operand, pointer: Value) -> None:
        self._f, self._plan, self._pointer, self._features = f, plan, pointer, operand.shape[-1]
        self._sample = operand.shape[-1] * (operand.shape[1] if len(operand.shape) == 3 else 1)
        self._pitch = room(operand) if plan.batch == 1 or batch_innermost(operand) else 0

    def read(self, group: Value, samples: int, step: Index, panel: Value, mask: Value | None) -> None:
        """Copies the features at a step to a panel, with 0 where the mask does not hold."""
        f, first = self._f, self._first(group, step)
        if not self._pitch:
            turn(f, first, self._sample, samples, self._features, panel, LANES)
            if mask is None:
                return
        with self._plan.rows(f, group, self._features) as (row, lanes):
            source = f.at(first, row * self._pitch) if self._pitch else f.at(panel, row * LANES)
            vector = f.load(source, 0, lanes if self._plan.span > 1 else None)
            f.store(kept(f, vector, mask), panel, row * self._plan.pitch)

    def write(self, group: Value, samples: int, step: Index, panel: Value) -> None:
        """Copies a panel to the features at a step."""
        f, first = self._f, self._first(group, step)
        if self._pitch:
            with self._plan.rows(f, group, self._features) as (row, lanes):
                f.store(f.load(panel, row * self._plan.pitch), first, row * self._pitch,
                        lanes if self._plan.span > 1 else None)
            return
        blocks(f, self._features, LANES, lambda row, count: self._turn_out(
            f.at(panel, row * LANES), f.at(first, row), count, samples))

    def _turn_out(self, panel: Value, target: Value, rows: int, samples: int) -> None:
        f = self._f
        if rows == LANES:
            turn_block(f, panel, LANES, target, self._sample, LANES, samples)
            return
        lines = [f.load(panel, row * LANES) if row < rows else f.zero() for row in range(LANES)]
        for sample, line in enumerate(f.transpose(lines)[:samples]):
            f.store(line, target, self._sample * sample, rows)

    def _first(self, group: Value, step: Index) -> Value:
        if self._pitch:
            return self._f.at(self._pointer, self._f.constant(step) * (self._features * self._pitch) + group * LANES)
        return self._f.at(self._pointer, group * (LANES * self._sample) + self._f.constant(step) * self._features)


class States(Samples):
    """An array (N, H) that is made in the end, and until then holds states group by group, for all threads to see."""

    def at(self, group: Index, unit: Index) -> Value:
        """The address of a unit's vector."""
        f, plan = self._f, self._plan
        if self._pitch:
            return f.at(self._pointer, f.constant(unit) * self._pitch + group * LANES)
        lanes = plan.lanes(f, group)
        pitch = LANES if lanes is None else f.least(lanes, LANES)
        return f.at(self._pointer, f.constant(group) * (LANES * self._features) + f.constant(unit) * pitch)

    def load(self, group: Value, panel: Value, mask: Value | None = None) -> None:
        """Copies states to a panel."""
        with self._plan.rows(self._f, group, self._features) as (row, lanes):
            vector = self._f.load(self.at(group, row), 0, lanes)
            self._f.store(kept(self._f, vector, mask), panel, row * self._plan.pitch)

    def store(self, group: Value, panel: Value) -> None:
        """Copies a panel to the states."""
        with self._plan.rows(self._f, group, self._features) as (row, lanes):
            self._f.store(self._f.load(panel, row * self._plan.pitch), self.at(group, row), 0, lanes)

    def settle(self, panel: Value, group: Value, samples: int) -> None:
        """Puts the states of a group where they belong; the panel is scratch."""
        if not self._pitch:
            self.load(group, panel)
            self.write(group, samples, 0, panel)


class Masks:
    """Which samples there are, which sequences are running, and whose gradients pass a step; None for all.

    Args:
        f: the function.
        plan: of the layer.
        lengths: the address of the sequences' lengths, if they differ.
    """

    def __init__(self, f: Function, plan: Plan, lengths: Sequence[Value]) -> None:
        self._f, self._plan, self._lengths = f, plan, lengths

    def there(self, group: Value) -> Value | None:
        """Of the samples that a block has room for, those that there are."""
        if not self._f.blocked or self._plan.span > 1:
            return None
        return self._f.mask(self._f.n - group * LANES)

    def running(self, group: Value, step: Index) -> Value | None:
        """Whose sequence has not ended before a step."""
        if not self._lengths:
            return None
        lengths, f = self._of(group), self._f
        return f.instruction(f"icmp sgt {lengths.type}", lengths, f.splat(f.constant(step)), type=MASK)

    def both(self, group: Value, step: Index) -> Value | None:
        """Samples whose sequence is running."""
        a, b = self.there(group), self.running(group, step)
        return self._f.instruction(f"and {MASK}", a, b) if a is not None and b is not None else a or b

    def _of(self, group: Value) -> Value:
        f, (pointer,) = self._f, self._lengths
        if self._plan.span > 1:
            return f.splat(f.scalar(pointer, 0, I64))
        return f.load(pointer, group * LANES, self._plan.lanes(f, group), I64)

    def passes(self, group: Value, step: Value, steps: int, every: int, reverse: bool) -> Value | None:
        """Whose gradient leaves a step for the steps before; see `Walk.passes`."""
        if not every:
            return None
        f, running = self._f, self.running(group, step)
        number = f.splat(step)
        if reverse:
            number = (f.splat(f.constant(steps)) if running is None else self._of(group)) - 1 - number
        first = f.instruction(f"icmp sle {number.type}", number, f.constant(0, number.type), type=MASK)
        between = f.instruction(f"icmp ne {number.type}", number % every, f.constant(0, number.type), type=MASK)
        passes = f.instruction(f"or {MASK}", first, between)
        if running is None:
            return passes
        return f.select(running, passes, f.constant(1, MASK))
