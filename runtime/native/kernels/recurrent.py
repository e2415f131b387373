"""Recurrent layers, a whole sequence in one kernel: products of [h; 1; x] with all weights, then the cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from graphnet.compiler.ops import Gru, Lstm, SimpleRnn
from graphnet.runtime.native.call import Call, emitter, floats
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.recurrent_lines import Line, cut, each_line, sigmoid, tanh
from graphnet.runtime.native.recurrent_plan import Pieces, Plan, padded
from graphnet.runtime.native.recurrent_products import Part, Segment, packing, products, rows_of
from graphnet.runtime.native.recurrent_samples import Masks, Samples, States, Steps
from graphnet.runtime.native.values import F32, Value

Cell = Callable[["Front", Line], Value]
Round = tuple[Segment, ...]
"""Products whose sums a cell takes in one go."""


def _rounds(call: Call) -> tuple[Round, ...]:
    """Products of a step with a panel [h; 1; x], and [q; 1] behind it for a GRU that resets h before its product."""
    op, features, hidden = call.op, int(call.inputs[0].shape[2]), int(call.outputs[0].shape[1])
    first, wide = 1 + op.states, op.gates * hidden

    def h(*gates: int) -> Part:
        return Part(hidden, wide, 1, tuple((first + 1, gate * hidden) for gate in gates))

    def one(*gates: int, bias: int = first + 2) -> Part:
        return Part(1, 0, 1, tuple((bias, gate * hidden) for gate in gates))

    def x(*gates: int) -> Part:
        return Part(features, wide, 1, tuple((first, gate * hidden) for gate in gates))
    if not isinstance(op, Gru):
        gates = range(op.gates)
        return ((Segment(0, (h(*gates), one(*gates), x(*gates))),),)
    c, into_n = one(0, bias=first + 3), Segment(hidden, (one(2), x(2)))
    if op.reset_after:
        return ((Segment(0, (h(0, 1, 2),)), Segment(hidden, (one(0, 1, 2), x(0, 1, 2))), Segment(hidden, (c,))),)
    return (Segment(0, (h(0, 1), one(0, 1), x(0, 1))),), (Segment(_q(hidden + 1 + features), (h(2), c)), into_n)


def _q(wide: int) -> int:
    return padded(wide) + LANES


def _layout(call: Call, machine: Machine) -> tuple[Plan, list[Segment]]:
    batch, hidden = call.outputs[0].shape
    gates = [max(segment.gates for segment in segments) for segments in _rounds(call)]
    return Plan(machine, batch, hidden, *gates), [segment for segments in _rounds(call) for segment in segments]


_prepare, _prepared = packing(_layout)


def _sizes(call: Call, machine: Machine) -> list[int]:
    """Floats of scratch: panels, sums, a panel of units, and such a panel for each group."""
    (plan, segments), rounds = _layout(call, machine), _rounds(call)
    sums = max(sum(segment.gates for segment in segments) for segments in rounds)
    units = plan.count(plan.units)
    return [plan.groups * plan.count(rows_of(segments)), plan.lines * sums * LANES, units,
            plan.groups * units * (len(rounds) - 1)]


def _scratch(call: Call, machine: Machine) -> int:
    return sum(_sizes(call, machine))


class Front:
    """The walk through the steps of a layer.

    Attributes:
        saved: what each step saves beside its operand.
        states: they are where they will be given out, for all threads to see.
        kept: scratch for a number of each unit from one round to the next.
    """

    def __init__(self, f: Function, call: Call) -> None:
        op = self.op = call.op
        self.plan, segments = _layout(call, f.machine)
        self.f, self.rounds, self._rows = f, _rounds(call), rows_of(segments)
        (_, self.steps, features), self.hidden = call.inputs[0].shape, call.outputs[0].shape[1]
        floats(*(operand for operand in (*call.inputs[:op.arity], *call.outputs)))
        self.wide = self.hidden + 1 + features
        work = self.plan.batch * self.hidden * op.gates * self.wide
        self.pieces, self.masks = Pieces(f, self.plan, work), Masks(f, self.plan, call.x[op.arity:])
        arrays = [Samples(f, self.plan, o, p) for o, p in zip(call.inputs, call.x, strict=True) if len(o.shape) > 1]
        self._x, self._first = arrays[0], arrays[1:1 + op.states]
        self.states = [States(f, self.plan, o, p) for o, p in zip(call.outputs[:op.states], call.y, strict=False)]
        self._y = Samples(f, self.plan, call.outputs[op.states], call.y[op.states])
        self._operands, *self.saved = [Steps(f, self.plan, o, p) for o, p in zip(
            call.outputs[op.states + 1:], call.y[op.states + 1:], strict=True)]
        self._panels, self._sums, self._lines, self.kept = cut(f, f.scratch, _sizes(call, f.machine))
        self._packed = call.prepared or f.scratch

    def write(self, *cells: Cell) -> None:
        """Writes the kernel, given what comes of the sums of each round: q, or the new h."""
        pieces = self.pieces
        with pieces.turns():
            pieces.owned(self._begin)
            pieces.meet()
            if self.steps:
                with self.f.loop(0, self.steps) as s:
                    self._step(self.steps - 1 - s if self.op.reverse else s, cells)
            for state in self.states:
                pieces.owned(partial(state.settle, self._lines))

    def save(self, line: Line, *values: Value | None, array: int = 0) -> None:
        """Saves numbers of a unit for the gradient, if that is wanted."""
        for row, value in enumerate(values if self.op.saved else ()):
            if value is not None:
                line.store(value, self.saved[array], row * self.hidden)

    def before(self, line: Line) -> Value:
        """h before the step."""
        return self.f.load(line.own(self._panels, self._rows))

    def _begin(self, group: Value, samples: int) -> None:
        for first, state in zip(self._first, self.states, strict=True):
            first.read(group, samples, 0, self._lines, self.masks.there(group))
            state.store(group, self._lines)

    def _step(self, t: Value, cells: Sequence[Cell]) -> None:
        pieces, packed = self.pieces, self._packed
        for number, (segments, cell) in enumerate(zip(self.rounds, cells, strict=True)):
            pieces.touched(partial(self._fill, t, number))
            if self.op.saved and number == 0:
                pieces.owned(lambda group, _: self._operands.write(group, t, self.wide, self._panel(group)))
            pieces.meet()
            pieces.each(partial(self._work, t, segments, packed, cell, number == len(cells) - 1))
            pieces.meet()
            packed = self.f.at(packed, sum(segment.packed(self.plan) for segment in segments))
        if self.op.sequences:
            pieces.owned(partial(self._give, t))

    def _panel(self, group: Value, row: int = 0) -> Value:
        return self.f.at(self._panels, group * self.plan.count(self._rows) + row * self.plan.pitch)

    def _fill(self, t: Value, number: int, group: Value, samples: int) -> None:
        first = _q(self.wide) if number else 0
        self.states[0].load(group, self._panel(group, first))
        ones = self.f.splat(1.0) if self.plan.span == 1 else self.f.constant(1.0, F32)
        self.f.put(ones, self._panel(group, first + self.hidden))
        if number == 0:
            self._x.read(group, samples, t, self._panel(group, self.hidden + 1), self.masks.both(group, t))

    def _work(self, t: Value, segments: Round, packed: Value, cell: Cell, last: bool, group: Value,
              block: Value) -> None:
        f, plan, on = self.f, self.plan, self.masks.running(group, t)
        if self.op.saved:
            self._expect(group, block, t)
        products(f, plan, segments, packed, block, self._panel(group), self._sums)
        gates = [segment.gates for segment in segments]
        for line in each_line(f, plan, gates, group, block, t, on, self._sums):
            value = cell(self, line)
            if last:
                value = line.where_on(value, self.before(line))
            f.store(value, self.states[0].at(group, line.unit), 0, line.lanes)

    def _expect(self, group: Value, block: Value, t: Value) -> None:
        """Has the memory of what will be saved fetched meanwhile."""
        with self.f.loop(0, self.plan.lines) as j:
            unit = (block * self.plan.lines + j) * self.plan.span
            for array in self.saved:
                array.expect(group, t, unit, self.hidden)
            self._operands.expect(group, t - 1 if self.op.reverse else t + 1, unit, self.hidden)

    def _give(self, t: Value, group: Value, samples: int) -> None:
        self.states[0].load(group, self._lines, self.masks.running(group, t))
        self._y.write(group, samples, t, self._lines)


@emitter(SimpleRnn, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def simple_rnn(f: Function, call: Call) -> None:
    """h = tanh(z) or max(z, 0)."""
    def cell(front: Front, line: Line) -> Value:
        (z,) = line.sums
        new = tanh(f, z) if call.op.activation == "tanh" else f.greater(z, 0.0)
        front.save(line, new)
        return new
    Front(f, call).write(cell)


@emitter(Lstm, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def lstm(f: Function, call: Call) -> None:
    """c = f c + i g, h = o tanh(c)."""
    def cell(front: Front, line: Line) -> Value:
        i, forget, g, o = (tanh(f, z) if gate == 2 else sigmoid(f, z) for gate, z in enumerate(line.sums))
        place = front.states[1].at(line.group, line.unit)
        before = f.load(place, 0, line.lanes)
        c = f.fma(forget, before, i * g)
        squashed = tanh(f, c)
        f.store(line.where_on(c, before), place, 0, line.lanes)
        front.save(line, i, forget, g, o)
        front.save(line, before, squashed, array=1)
        return o * squashed
    Front(f, call).write(cell)


@emitter(Gru, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def gru(f: Function, call: Call) -> None:
    """h = n + z (h - n), and n takes in r q with q made of U h, or U q with q = r h."""
    def whole(front: Front, line: Line) -> Value:
        r_h, z_h, q_h, r_x, z_x, n_x, c = line.sums
        r, z, q = sigmoid(f, r_h + r_x), sigmoid(f, z_h + z_x), q_h + c
        n = tanh(f, f.fma(r, q, n_x))
        front.save(line, r, z, n, q)
        return new(front, line, z, n)

    def first(front: Front, line: Line) -> Value:
        r, z = (sigmoid(f, total) for total in line.sums)
        q = r * front.before(line)
        f.store(z, line.own(front.kept, front.hidden))
        front.save(line, r, z, None, q)
        return q

    def second(front: Front, line: Line) -> Value:
        n = tanh(f, line.sums[0] + line.sums[1])
        front.save(line, None, None, n)
        return new(front, line, f.load(line.own(front.kept, front.hidden)), n)

    def new(front: Front, line: Line, z: Value, n: Value) -> Value:
        return f.fma(z, front.before(line), (1.0 - z) * n)
    Front(f, call).write(*((whole,) if call.op.reset_after else (first, second)))
