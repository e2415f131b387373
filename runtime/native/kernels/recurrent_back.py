"""The way of gradients back through the steps of recurrent layers: those of a step's sums, then products with U.

A thread keeps the gradients of its own units' states to itself. Gradients of sums it reads from where they are given
out, so that there threads find what the others have made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from graphnet.compiler.ops import GruGrad, LstmGrad, SimpleRnnGrad
from graphnet.runtime.native.call import Call, emitter, floats
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.recurrent_lines import Line, cut, each_line, slope
from graphnet.runtime.native.recurrent_plan import Pieces, Plan
from graphnet.runtime.native.recurrent_products import Part, Segment, packing, products, rows_of
from graphnet.runtime.native.recurrent_samples import Masks, Samples, States, Steps
from graphnet.runtime.native.values import Value

Cell = Callable[["Back", Line], None]
Round = tuple[Sequence[tuple[int, int]], tuple[int, int]]
"""A product of a step: the rows of dz that it takes in and the columns of U that they meet, as (first, count)."""


def _rounds(call: Call) -> tuple[Round, ...]:
    hidden, rows = call.outputs[1].shape[1], call.outputs[0].shape[1]
    if not isinstance(call.op, GruGrad):
        return (([(0, rows)], (0, rows)),)
    both, n, dq = (0, 2 * hidden), (2 * hidden, hidden), (3 * hidden, hidden)
    return (([both, dq], (0, 3 * hidden)),) if call.op.reset_after else (([n], n), ([both], both))


def _weights(call: Call) -> int:
    """The position of U: the last one but for lengths."""
    return len(call.inputs) - (2 if call.inputs[-1].dtype == "int64" else 1)


def _layout(call: Call, machine: Machine) -> tuple[Plan, list[Segment]]:
    number = _weights(call)
    segments = [Segment(0, (Part(count, 1, call.inputs[number].shape[1], ((number, first),)),))
                for _, (first, count) in _rounds(call)]
    return Plan(machine, *call.outputs[1].shape, 1), segments


_prepare, _prepared = packing(_layout)


def _sizes(call: Call, machine: Machine) -> list[int]:
    """Floats of scratch: panels, sums, and the gradients of each state."""
    (plan, segments), states = _layout(call, machine), len(call.outputs) - 1
    return [plan.groups * plan.count(rows_of(segments)), plan.lines * LANES,
            *[plan.groups * plan.count(plan.units)] * states]


def _scratch(call: Call, machine: Machine) -> int:
    return sum(_sizes(call, machine))


class Back:
    """The walk through the steps, the last one first.

    Attributes:
        saved: what the walk forwards has saved.
        dz: gradients of sums.
    """

    def __init__(self, f: Function, call: Call) -> None:
        number, states = _weights(call), len(call.outputs) - 1
        floats(*call.inputs[:number + 1], *call.outputs)
        self.plan, self._segments = _layout(call, f.machine)
        self.f, self.op, self._rounds, self._most = f, call.op, _rounds(call), rows_of(self._segments)
        self.hidden, self._steps = self.plan.units, call.outputs[0].shape[0]
        self._pieces = Pieces(f, self.plan, self.plan.batch * self.hidden * self._most)
        self._masks = Masks(f, self.plan, call.x[number + 1:])
        self._last = [Samples(f, self.plan, o, p) for o, p in zip(call.inputs[:states], call.x, strict=False)]
        self._dy = Samples(f, self.plan, call.inputs[states], call.x[states]) if call.inputs[states].shape[1] else None
        self.saved = [Steps(f, self.plan, o, p) for o, p in zip(call.inputs[states + 1:number],
                                                                call.x[states + 1:number], strict=True)]
        self.dz = Steps(f, self.plan, call.outputs[0], call.y[0])
        self._first = [States(f, self.plan, o, p) for o, p in zip(call.outputs[1:], call.y[1:], strict=True)]
        self._panels, self._sums, *self._states = cut(f, f.scratch, _sizes(call, f.machine))
        self._packed = call.prepared or f.scratch

    def write(self, *cells: Cell) -> None:
        """Writes the kernel, given what is done before the first product and after each."""
        pieces = self._pieces
        with pieces.turns():
            pieces.touched(self._begin)
            if self._steps:
                with self.f.loop(0, self._steps) as s:
                    self._step(s if self.op.reverse else self._steps - 1 - s, cells)
            pieces.each(self._end)
            pieces.meet()
            for state in self._first:
                pieces.owned(partial(state.settle, self._panels))

    def state(self, line: Line, number: int = 0) -> Value:
        """The gradient of a state."""
        return self.f.load(line.own(self._states[number], self.hidden))

    def put(self, line: Line, value: Value, number: int = 0) -> None:
        """Sets the gradient of a state."""
        self.f.store(value, line.own(self._states[number], self.hidden))

    def result(self, line: Line) -> Value:
        """The gradient of h, with that of the step's result."""
        dh = self.state(line)
        if self._dy is None:
            return dh
        dh = dh + self.f.load(line.own(self._panels, self._most))
        self.put(line, dh)
        return dh

    def give(self, line: Line, *values: Value | None) -> None:
        """Writes the gradients of sums."""
        for row, value in enumerate(values):
            if value is not None:
                line.store(line.where_on(value, 0.0), self.dz, row * self.hidden)

    def _begin(self, group: Value, samples: int) -> None:
        for array, panels in zip(self._last, self._states, strict=True):
            panel = self.f.at(panels, group * self.plan.count(self.hidden))
            array.read(group, samples, 0, panel, self._masks.there(group))

    def _end(self, group: Value, block: Value) -> None:
        for line in each_line(self.f, self.plan, [], group, block, block, None, None):
            for number, state in enumerate(self._first):
                self.f.store(self.state(line, number), state.at(group, line.unit), 0, line.lanes)

    def _panel(self, group: Value) -> Value:
        return self.f.at(self._panels, group * self.plan.count(self._most))

    def _step(self, t: Value, cells: Sequence[Cell]) -> None:
        pieces, packed, dy = self._pieces, self._packed, self._dy
        if dy is not None:
            pieces.touched(lambda group, samples: dy.read(group, samples, t, self._panel(group),
                                                          self._masks.both(group, t)))
        pieces.each(partial(self._work, t, None, packed, cells[0]))
        for (rows, _), segment, cell in zip(self._rounds, self._segments, cells[1:], strict=True):
            pieces.meet()
            pieces.touched(partial(self._fill, t, rows))
            pieces.each(partial(self._work, t, segment, packed, cell))
            packed = self.f.at(packed, segment.packed(self.plan))

    def _fill(self, t: Value, rows: Sequence[tuple[int, int]], group: Value, _: int) -> None:
        panel = self._panel(group)
        for first, count in rows:
            self.dz.read(group, t, first, count, panel)
            panel = self.f.at(panel, count * self.plan.pitch)

    def _expect(self, group: Value, block: Value, t: Value) -> None:
        with self.f.loop(0, self.plan.lines) as j:
            unit = (block * self.plan.lines + j) * self.plan.span
            for array in (*self.saved, self.dz):
                array.expect(group, t + 1 if self.op.reverse else t - 1, unit, self.hidden)

    def _work(self, t: Value, segment: Segment | None, packed: Value, cell: Cell, group: Value, block: Value) -> None:
        f, plan, op = self.f, self.plan, self.op
        if segment is not None:
            self._expect(group, block, t)
            products(f, plan, [segment], packed, block, self._panel(group), self._sums)
        on = self._masks.running(group, t)
        passes = self._masks.passes(group, t, self._steps, op.truncate, op.reverse)
        for line in each_line(f, plan, [1] if segment else [], group, block, t, on, self._sums, passes):
            cell(self, line)


def _through_u(back: Back, line: Line) -> None:
    """dh of the step before."""
    back.put(line, line.where_passes(line.where_on(line.sums[0], back.state(line))))


def _through_u_and_z(back: Back, line: Line) -> None:
    """The same where a part of it has come past U."""
    past = back.state(line)
    back.put(line, line.where_passes(line.where_on(past + line.sums[0], past)))


@emitter(SimpleRnnGrad, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def simple_rnn_grad(f: Function, call: Call) -> None:
    """dz = dh f'(z)."""
    def first(back: Back, line: Line) -> None:
        h, dh = line.load(back.saved[0], 0), back.result(line)
        tanh = call.op.activation == "tanh"
        back.give(line, dh * (slope(f, h) if tanh else f.select(f.test("ogt", h, 0.0), f.splat(1.0), 0.0)))
    Back(f, call).write(first, _through_u)


@emitter(LstmGrad, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def lstm_grad(f: Function, call: Call) -> None:
    """See the op."""
    def first(back: Back, line: Line) -> None:
        gates, cells = back.saved
        i, forget, g, o = (line.load(gates, row * back.hidden) for row in range(4))
        before, squashed = (line.load(cells, row * back.hidden) for row in range(2))
        dh, dc = back.result(line), back.state(line, 1)
        cell = f.fma(dh * o, slope(f, squashed), dc)
        back.put(line, line.where_passes(line.where_on(cell * forget, dc)), 1)
        back.give(line, cell * g * i * (1.0 - i), cell * before * forget * (1.0 - forget), cell * i * slope(f, g),
                  dh * squashed * o * (1.0 - o))
    Back(f, call).write(first, _through_u)


@emitter(GruGrad, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def gru_grad(f: Function, call: Call) -> None:
    """See the op: with `reset_after` all gradients of sums come first, else dq and dr come of a product."""
    def first(back: Back, line: Line) -> None:
        gates, operands = back.saved
        r, z, n, q = (line.load(gates, row * back.hidden) for row in range(4))
        dh, h = back.result(line), line.load(operands, 0)
        dn, dz = dh * (1.0 - z) * slope(f, n), dh * (h - n) * z * (1.0 - z)
        back.put(line, line.where_on(dh * z, dh))
        after = call.op.reset_after
        back.give(line, dn * q * r * (1.0 - r) if after else None, dz, dn, dn * r if after else None)

    def second(back: Back, line: Line) -> None:
        gates, operands = back.saved
        r, h, past, (dq,) = line.load(gates, 0), line.load(operands, 0), back.state(line), line.sums
        back.put(line, line.where_on(f.fma(dq, r, past), past))
        back.give(line, dq * h * r * (1.0 - r), None, None, dq)
    cells = (first, _through_u_and_z) if call.op.reset_after else (first, second, _through_u_and_z)
    Back(f, call).write(*cells)
