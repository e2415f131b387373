"""Recurrent layers, a whole sequence in one kernel: products of [h; 1; x] with all weights, then the cells."""

from __future__ import annotations

from graphnet.compiler.ops import Gru, Lstm, SimpleRnn
from graphnet.runtime.native.call import Call, emitter
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import Machine
from graphnet.runtime.native.mathematics import tanh_of_half
from graphnet.runtime.native.recurrent_plan import Part, Plan, Product
from graphnet.runtime.native.recurrent_walk import Line, Step, Walk
from graphnet.runtime.native.values import F32, Value


def _plan(call: Call, machine: Machine) -> Plan:
    """Panels are [h; 1; x], and [q; 1] behind it for a GRU that resets h before its product."""
    op, features, (batch, hidden) = call.op, int(call.inputs[0].shape[2]), call.outputs[0].shape
    weight, wide = 1 + op.states, op.gates * hidden
    before, panel = isinstance(op, Gru) and not op.reset_after, hidden + 1 + features

    def product(start: int, rows: str, *gates: int, bias: int | None = None) -> Product:
        places = [gate * hidden for gate in gates]
        h = Part(hidden, wide, 1, tuple((weight + 1, place) for place in places))
        one = Part(1, 0, 1, tuple((weight + 2, place) for place in places) if bias is None else ((bias, 0),))
        x = Part(features, wide, 1, tuple((weight, place) for place in places))
        return Product(start, tuple(part for name, part in (("h", h), ("1", one), ("x", x)) if name in rows))
    if not isinstance(op, Gru):
        return Plan(machine, batch, hidden, [[product(0, "h1x", *range(op.gates))]], panel, op.states - 1)
    both, x = product(0, "h1x", 0, 1), product(hidden, "1x", 2)
    n = product(panel if before else 0, "h1", 2, bias=weight + 3)
    stages = [[both], [n, x]] if before else [[both, n, x]]
    return Plan(machine, batch, hidden, stages, panel + (hidden + 1) * before, int(before))


def _prepare(f: Function, call: Call) -> None:
    if call.prepared is not None:
        _plan(call, f.machine).pack(f, call.x, call.prepared)


class Forwards(Walk):
    """The walk through a layer.

    Attributes:
        hidden: number of units.
        wide: rows of [h; 1; x].
    """

    def __init__(self, f: Function, call: Call) -> None:
        op = call.op
        super().__init__(f, call, _plan(call, f.machine), op.arity, call.inputs[0].shape[1], op.reverse)
        self.hidden, self.wide = self.plan.units, self.plan.units + 1 + call.inputs[0].shape[2]
        self._states = op.states

    def begin(self, step: Step) -> None:
        group, call, there = step.group, self.call, step.group.there()
        for number, panel in enumerate([step.panel, self.state(0)][:self._states]):
            group.read(call.inputs[1 + number], call.x[1 + number], 0, panel, there)
        for panel in (step.panel, step.following):
            for row in {self.hidden, self.plan.rows - 1}:
                one = self.f.splat(1.0) if self.plan.span == 1 else self.f.constant(1.0, F32)
                self.f.put(one, self.row(panel, row))

    def feed(self, step: Step) -> None:
        step.group.read(self.call.inputs[0], self.call.x[0], step.number, self.row(step.panel, self.hidden + 1),
                        step.group.both(step.number))

    def seen(self, step: Step) -> None:
        if self.op.saved:
            to = 1 + self._states
            place = step.group.steps(self.call.outputs[to], self.call.y[to], step.number, 0)
            step.group.copy(step.panel, self.plan.pitch, place, self.plan.batch, self.wide)

    def made(self, step: Step) -> None:
        if self.op.sequences:
            panel = step.following
            if step.on is not None:
                panel = self.spare
                step.group.copy(step.following, self.plan.pitch, panel, self.plan.pitch, self.hidden, step.on)
            step.group.write(self.call.outputs[self._states], self.call.y[self._states], step.number, panel)

    def end(self, step: Step) -> None:
        for number, panel in enumerate([step.panel, self.state(0)][:self._states]):
            step.group.write(self.call.outputs[number], self.call.y[number], 0, panel)

    def save(self, line: Line, *values: Value | None, array: int = 0) -> None:
        """Saves numbers for the gradient, if that is wanted."""
        if self.op.saved:
            line.write(self._states + 2 + array, *values)

    def give(self, line: Line, h: Value) -> None:
        """Sets h after the step."""
        line.store(line.where_on(h, line.load(line.step.panel)), line.step.following)


def _scratch(call: Call, machine: Machine) -> int:
    return _plan(call, machine).scratch


def _prepared(call: Call, machine: Machine) -> int:
    plan = _plan(call, machine)
    return sum(plan.packed(products) for products in plan.stages)


def _tanh(f: Function, z: Value) -> Value:
    return tanh_of_half(f, z + z)


def _sigmoid(f: Function, z: Value) -> Value:
    """(1 + tanh(z / 2)) / 2."""
    return f.fma(tanh_of_half(f, z), 0.5, f.constant(0.5, z.type))


@emitter(SimpleRnn, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def simple_rnn(f: Function, call: Call) -> None:
    """h = tanh(z) or max(z, 0)."""
    walk = Forwards(f, call)

    def cell(line: Line) -> None:
        (z,) = line.sums
        new = _tanh(f, z) if call.op.activation == "tanh" else f.greater(z, 0.0)
        walk.save(line, new)
        walk.give(line, new)
    walk.write(cell)


@emitter(Lstm, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def lstm(f: Function, call: Call) -> None:
    """c = f c + i g, h = o tanh(c)."""
    walk = Forwards(f, call)

    def cell(line: Line) -> None:
        i, forget, g, o = (_tanh(f, z) if gate == 2 else _sigmoid(f, z) for gate, z in enumerate(line.sums))
        before = line.state()
        c = f.fma(forget, before, i * g)
        squashed = _tanh(f, c)
        line.put(line.where_on(c, before))
        walk.save(line, i, forget, g, o)
        walk.save(line, before, squashed, array=1)
        walk.give(line, o * squashed)
    walk.write(cell)


@emitter(Gru, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def gru(f: Function, call: Call) -> None:
    """h = n + z (h - n), and n takes in r q with q made of U h, or U q with q = r h."""
    walk = Forwards(f, call)

    def whole(line: Line) -> None:
        r, z, q, n = line.sums
        r, z = _sigmoid(f, r), _sigmoid(f, z)
        n = _tanh(f, f.fma(r, q, n))
        walk.save(line, r, z, n, q)
        new(line, z, n)

    def first(line: Line) -> None:
        r, z = (_sigmoid(f, total) for total in line.sums)
        q = r * line.load(line.step.panel)
        line.store(q, line.step.panel, walk.wide)
        line.put(z)
        walk.save(line, r, z, None, q)

    def second(line: Line) -> None:
        n = _tanh(f, line.sums[0] + line.sums[1])
        walk.save(line, None, None, n)
        new(line, line.state(), n)

    def new(line: Line, z: Value, n: Value) -> None:
        walk.give(line, f.fma(z, line.load(line.step.panel), (1.0 - z) * n))
    walk.write(*((whole,) if call.op.reset_after else (first, second)))
