"""The way of gradients back through the steps of recurrent layers: those of a step's sums, then products with U."""

from __future__ import annotations

from graphnet.compiler.ops import GruGrad, LstmGrad, SimpleRnnGrad
from graphnet.runtime.native.call import Call, emitter
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import Machine
from graphnet.runtime.native.recurrent_plan import Part, Plan, Product
from graphnet.runtime.native.recurrent_walk import Line, Step, Walk
from graphnet.runtime.native.values import Value


def _weights(call: Call) -> int:
    """The position of U: the last one but for lengths."""
    return len(call.inputs) - 1 - (len(call.inputs[-1].shape) == 1)


def _plan(call: Call, machine: Machine) -> Plan:
    """Panels are dz, and the gradients of the step's results behind it."""
    number, (batch, hidden), rows = _weights(call), call.outputs[1].shape, call.outputs[0].shape[1]

    def product(start: int, count: int, column: int) -> Product:
        return Product(start, (Part(count, 1, call.inputs[number].shape[1], ((number, column),)),))
    stages = [[], [product(0, rows, 0)]]
    if isinstance(call.op, GruGrad):
        both, n = product(0, 2 * hidden, 0), 2 * hidden
        stages = ([[], [both, product(n + hidden, hidden, n)]] if call.op.reset_after else
                  [[], [product(n, hidden, n)], [both]])
    return Plan(machine, batch, hidden, stages, rows + hidden, len(call.outputs) - 1)


def _prepare(f: Function, call: Call) -> None:
    if call.prepared is not None:
        _plan(call, f.machine).pack(f, call.x, call.prepared)


def _scratch(call: Call, machine: Machine) -> int:
    return _plan(call, machine).scratch


def _prepared(call: Call, machine: Machine) -> int:
    plan = _plan(call, machine)
    return sum(plan.packed(products) for products in plan.stages)


class Back(Walk):
    """The walk back."""

    def __init__(self, f: Function, call: Call) -> None:
        steps, self.rows, _ = call.outputs[0].shape
        super().__init__(f, call, _plan(call, f.machine), _weights(call) + 1, steps, not call.op.reverse)
        self.states = len(call.outputs) - 1

    def begin(self, step: Step) -> None:
        for number in range(self.states):
            step.group.read(self.call.inputs[number], self.call.x[number], 0, self.state(number), step.group.there())

    def feed(self, step: Step) -> None:
        results = self.call.inputs[self.states]
        if results.shape[1]:
            step.group.read(results, self.call.x[self.states], step.number, self.row(step.panel, self.rows),
                            step.group.both(step.number))

    def end(self, step: Step) -> None:
        for number in range(self.states):
            step.group.write(self.call.outputs[1 + number], self.call.y[1 + number], 0, self.state(number))

    def saved(self, line: Line, count: int, array: int = 0) -> list[Value]:
        """What the walk forwards has saved."""
        return [line.read(self.states + 1 + array, row) for row in range(count)]

    def result(self, line: Line) -> Value:
        """The gradient of h, with that of the step's result."""
        if not self.call.inputs[self.states].shape[1]:
            return line.state()
        dh = line.state() + line.load(line.step.panel, self.rows)
        line.put(dh)
        return dh

    def give(self, line: Line, *values: Value | None) -> None:
        """Gives out the gradients of sums."""
        made = [None if value is None else line.where_on(value, 0.0) for value in values]
        line.write(0, *made)
        for row, value in enumerate(made):
            if value is not None:
                line.store(value, line.step.panel, row * self.plan.units)


def _through_u(line: Line) -> None:
    """dh of the step before."""
    line.put(line.where_passes(line.where_on(line.sums[0], line.state())))


def _slope(y: Value) -> Value:
    """1 - y², the derivative of tanh where it is y."""
    return 1.0 - y * y


@emitter(SimpleRnnGrad, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def simple_rnn_grad(f: Function, call: Call) -> None:
    """dz = dh f'(z)."""
    walk = Back(f, call)

    def first(line: Line) -> None:
        (h,), dh = walk.saved(line, 1), walk.result(line)
        tanh = call.op.activation == "tanh"
        walk.give(line, dh * (_slope(h) if tanh else f.select(f.test("ogt", h, 0.0), f.splat(1.0), 0.0)))
    walk.write(first, _through_u)


@emitter(LstmGrad, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def lstm_grad(f: Function, call: Call) -> None:
    """See the op."""
    walk = Back(f, call)

    def first(line: Line) -> None:
        (i, forget, g, o), (before, squashed) = walk.saved(line, 4), walk.saved(line, 2, 1)
        dh, dc = walk.result(line), line.state(1)
        cell = f.fma(dh * o, _slope(squashed), dc)
        line.put(line.where_passes(line.where_on(cell * forget, dc)), 1)
        walk.give(line, cell * g * i * (1.0 - i), cell * before * forget * (1.0 - forget), cell * i * _slope(g),
                  dh * squashed * o * (1.0 - o))
    walk.write(first, _through_u)


@emitter(GruGrad, scratch=_scratch, prepare=_prepare, prepared=_prepared)
def gru_grad(f: Function, call: Call) -> None:
    """See the op: with `reset_after` all gradients of sums come first, else dq and dr come of a product."""
    walk, after = Back(f, call), call.op.reset_after

    def first(line: Line) -> None:
        (r, z, n, q), (h,), dh = walk.saved(line, 4), walk.saved(line, 1, 1), walk.result(line)
        dn, dz = dh * (1.0 - z) * _slope(n), dh * (h - n) * z * (1.0 - z)
        line.put(line.where_on(dh * z, dh))
        walk.give(line, dn * q * r * (1.0 - r) if after else None, dz, dn, dn * r if after else None)

    def second(line: Line) -> None:
        (r,), (h,), past, (dq,) = walk.saved(line, 1), walk.saved(line, 1, 1), line.state(), line.sums
        line.put(line.where_on(f.fma(dq, r, past), past))
        walk.give(line, dq * h * r * (1.0 - r), None, None, dq)

    def last(line: Line) -> None:
        past = line.state()
        for total in line.sums:
            past = past + line.where_on(total, 0.0)
        line.put(line.where_passes(past))
    walk.write(*((first, last) if after else (first, second, last)))
