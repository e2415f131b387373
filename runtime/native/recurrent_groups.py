"""A group of samples as recurrent kernels see it: how its numbers get from arrays to panels and back, and its masks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import batch_innermost, room
from graphnet.runtime.native.function import Function, Lanes
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.recurrent_plan import Plan
from graphnet.runtime.native.turning import turn
from graphnet.runtime.native.values import I64, MASK, Index, Value


@dataclass(frozen=True, slots=True)
class Group:
    """Some samples of a batch.

    Attributes:
        start, count: the first one, and how many there are, at most 16.
        lengths: the address of the lengths of all sequences, if they differ.
    """

    f: Function
    plan: Plan
    start: Index
    count: int
    lengths: Value | None

    def lanes(self, unit: Index, units: int) -> Lanes:
        """How many lanes of a unit's vector there are."""
        if self.plan.span == 1:
            return self.count
        return None if units % LANES == 0 else self.f.constant(units) - unit

    def steps(self, operand: Operand, pointer: Value, step: Index, row: Index) -> Value:
        """The address of a row's vector in an array (T, rows, N), whose N is not padded."""
        return self.f.at(pointer, (self.f.constant(step) * operand.shape[1] + row) * self.plan.batch + self.start)

    def copy(self, source: Value, apart: int, target: Value, target_apart: int, rows: int,
             mask: Value | None = None) -> None:
        """Copies rows that lie so far apart, with 0 where the mask does not hold."""
        with self.f.loop(0, rows, self.plan.span) as row:
            lanes = self.lanes(row, rows)
            value = self.f.load(source, row * apart, lanes)
            value = value if mask is None else self.f.select(mask, value, 0.0)
            self.f.store(value, target, row * target_apart, lanes)

    def read(self, operand: Operand, pointer: Value, step: Index, panel: Value, mask: Value | None) -> None:
        """Copies the features of an array (N, F) or (N, T, F) at a step to a panel."""
        source, apart, features = self._features(operand, pointer, step), self.plan.pitch, operand.shape[-1]
        if self._turned(operand):
            turn(self.f, source, math.prod(operand.shape[1:]), self.count, features, panel, LANES)
            if mask is not None:
                self.copy(panel, apart, panel, apart, features, mask)
            return
        self.copy(source, room(operand), panel, apart, features, mask)

    def write(self, operand: Operand, pointer: Value, step: Index, panel: Value) -> None:
        """Copies a panel to the features at a step."""
        target, features = self._features(operand, pointer, step), operand.shape[-1]
        if self._turned(operand):
            turn(self.f, panel, LANES, features, self.count, target, math.prod(operand.shape[1:]), tight=True)
        else:
            self.copy(panel, self.plan.pitch, target, room(operand), features)

    def _turned(self, operand: Operand) -> bool:
        return self.plan.batch > 1 and not batch_innermost(operand)

    def _features(self, operand: Operand, pointer: Value, step: Index) -> Value:
        f, features = self.f, operand.shape[-1]
        if self._turned(operand):
            return f.at(pointer, f.constant(self.start) * math.prod(operand.shape[1:]) + f.constant(step) * features)
        return f.at(pointer, f.constant(step) * (features * room(operand)) + self.start)

    # Masks, None for all ------------------------------------------------------------------------------------------

    def there(self) -> Value | None:
        """Of the samples that a block has room for, those that there are."""
        if not self.f.blocked or self.plan.span > 1:
            return None
        return self.f.mask(self.f.n - self.start)

    def running(self, step: Index) -> Value | None:
        """Whose sequence has not ended before a step."""
        if self.lengths is None:
            return None
        lengths, f = self._lengths(self.lengths), self.f
        return f.instruction(f"icmp sgt {lengths.type}", lengths, f.splat(f.constant(step)), type=MASK)

    def both(self, step: Index) -> Value | None:
        """Samples whose sequence is running."""
        a, b = self.there(), self.running(step)
        return self.f.instruction(f"and {MASK}", a, b) if a is not None and b is not None else a or b

    def passes(self, step: Value, steps: int, every: int, reverse: bool) -> Value | None:
        """Whose gradient leaves a step for the steps before; see `Walk.passes`."""
        if not every:
            return None
        f, number = self.f, self.f.splat(step)
        if reverse:
            number = (f.splat(f.constant(steps)) if self.lengths is None else self._lengths(self.lengths)) - 1 - number
        first = f.instruction(f"icmp sle {number.type}", number, f.constant(0, number.type), type=MASK)
        between = f.instruction(f"icmp ne {number.type}", number % every, f.constant(0, number.type), type=MASK)
        passes, running = f.instruction(f"or {MASK}", first, between), self.running(step)
        return passes if running is None else f.select(running, passes, f.constant(1, MASK))

    def _lengths(self, pointer: Value) -> Value:
        if self.plan.span > 1:
            return self.f.splat(self.f.scalar(pointer, 0, I64))
        return self.f.load(pointer, self.start, self.count, I64)
