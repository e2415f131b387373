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
             mask: Value | None = None) -> None:
        """Copies rows that lie so far apart, with 0 where the mask does not hold."""
        with self.f.loop(0, rows, self.plan.span) as row:
            lanes = self.lanes(row, rows)
            value = self.f.load(source, row * apart, lanes)
            self.f.store(value if mask is None else self.f.select(mask, value, 0.0), target, row * target_apart, lanes)

    def read(self, operand: Operand, pointer: Value, step: Index, panel: Value) -> None:
        """Copies the features of an array (N, F) or (N, T, F) at a step to a panel, with 0 for samples that are not
        there, or not running."""
        source, pitch, features, sample = self._features(operand, pointer, step)
        mask = self.running(step) if len(operand.shape) == 3 else None
        if self.f.blocked and self.plan.span == 1:
            there = self.f.mask(self.f.n - self.start)
            mask = there if mask is None else self.f.instruction(f"and {MASK}", there, mask)
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
            self.copy(panel, self.plan.pitch, target, pitch, features)

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
        passes = f.instruction(f"or {MASK}", self._compare("sle", number, 0), self._compare("ne", number % every, 0))
        running = self.running(step)
        return passes if running is None else f.select(running, passes, f.constant(1, MASK))

    def _compare(self, how: str, a: Value, b: Value | int) -> Value:
        return self.f.instruction(f"icmp {how} {a.type}", a, self.f.constant(b, a.type), type=MASK)

    def _lengths(self, pointer: Value) -> Value:
        if self.plan.span > 1:
            return self.f.splat(self.f.scalar(pointer, 0, I64))
        return self.f.load(pointer, self.start, self.count, I64)
