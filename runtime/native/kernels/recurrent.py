"""Recurrent layers and the way of gradients back through them, a whole sequence in one kernel.

A cell has one function a stage of a step, which makes states of sums, and saves what the way back needs. On the way
back the first has no sums, and the last one ends the step, with the sums of the next one's first stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphnet.compiler.op import Op
from graphnet.compiler.ops import Gru, GruGrad, Lstm, LstmGrad, SimpleRnn, SimpleRnnGrad
from graphnet.compiler.ops.recurrent import Recurrent
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import Machine
from graphnet.runtime.llvm.values import Value
from graphnet.runtime.native.emit.call import Call, emitter
from graphnet.runtime.native.emit.mathematics import tanh_of_half
from graphnet.runtime.native.kernels.recurrent_plan import Part, Plan, Product
from graphnet.runtime.native.kernels.recurrent_walk import Cell, Line, Walk, weights_of


def _plan(call: Call, machine: Machine) -> Plan:
    return (_plan_ahead if isinstance(call.op, Recurrent) else _plan_back)(call, machine)


def _plan_ahead(call: Call, machine: Machine) -> Plan:
    """Panels are [h; 1; x], and [q; 1] behind it for a GRU that resets h before its product and then keeps z."""
    op, features, (batch, hidden) = call.op, call.inputs[0].shape[2], call.outputs[0].shape
    weight, wide, panel = 1 + op.states, op.gates * hidden, hidden + 1 + features

    def product(start: int, rows: str, *gates: int, bias: int | None = None) -> Product:
        def part(depth: int, position: int, apart: int = wide) -> Part:
            return Part(depth, apart, 1, [(position, gate * hidden) for gate in gates])
        one = part(1, weight + 2) if bias is None else Part(1, 0, 1, [(bias, 0)])
        parts = {"h": part(hidden, weight + 1), "1": one, "x": part(features, weight)}
        return Product(start, [parts[row] for row in rows])
    if not isinstance(op, Gru):
        return Plan(machine, batch, hidden, [[product(0, "h1x", *range(op.gates))]], panel, op.states - 1)
    both, x = product(0, "h1x", 0, 1), product(hidden, "1x", 2)
    if op.reset_after:
        return Plan(machine, batch, hidden, [[both, product(0, "h1", 2, bias=weight + 3), x]], panel, 0)
    stages = [[both], [product(panel, "h1", 2, bias=weight + 3), x]]
    return Plan(machine, batch, hidden, stages, panel + hidden + 1, 1)


def _plan_back(call: Call, machine: Machine) -> Plan:
    """Panels are dz, and the gradients of the step's results behind it."""
    position, (batch, hidden), rows = weights_of(call), call.outputs[1].shape, call.outputs[0].shape[1]

    def product(start: int, count: int, column: int) -> Product:
        return Product(start, [Part(count, 1, call.inputs[position].shape[1], [(position, column)])])
    stages, n = [[product(0, rows, 0)]], 2 * hidden
    if isinstance(call.op, GruGrad):
        both, of_n = product(0, n, 0), product(n + hidden if call.op.reset_after else n, hidden, n)
        stages = [[both, of_n]] if call.op.reset_after else [[both], [of_n]]
    return Plan(machine, batch, hidden, stages, rows + hidden, len(call.outputs) - 1)


def _prepare(f: Function, call: Call) -> None:
    if call.prepared is not None:
        _plan(call, f.machine).pack(f, call.x, call.prepared)


def _cells(op: type[Op]) -> Callable[[Callable[[Function, Walk], Sequence[Cell]]], None]:
    """Registers a function that makes the cells of an op."""
    def register(make: Callable[[Function, Walk], Sequence[Cell]]) -> None:
        @emitter(op, scratch=lambda call, machine: _plan(call, machine).scratch, prepare=_prepare,
                 prepared=lambda call, machine: _plan(call, machine).prepared)
        def emit(f: Function, call: Call) -> None:
            walk = Walk(f, call, _plan(call, f.machine))
            walk.write(make(f, walk))
    return register


def _tanh(f: Function, z: Value) -> Value:
    return tanh_of_half(f, z + z)


def _sigmoid(f: Function, z: Value) -> Value:
    """(1 + tanh(z / 2)) / 2."""
    return f.fma(tanh_of_half(f, z), 0.5, f.constant(0.5, z.type))


def _slope(y: Value) -> Value:
    """1 - y², the derivative of tanh where it is y."""
    return 1.0 - y * y


def _result(line: Line) -> Value:
    """The gradient of h, with that of the step's result."""
    walk = line.walk
    if not walk.call.inputs[walk.states].shape[1]:
        return line.state()
    return line.state() + line.load(line.step.panel + walk.wide)


@_cells(SimpleRnn)
def _simple_rnn(f: Function, walk: Walk) -> Sequence[Cell]:
    """h = tanh(z) or max(z, 0)."""
    def cell(line: Line) -> None:
        (z,) = line.sums
        h = _tanh(f, z) if walk.op.activation == "tanh" else f.greater(z, 0.0)
        line.save(h)
        line.put(h)
    return [cell]


@_cells(SimpleRnnGrad)
def _simple_rnn_grad(f: Function, walk: Walk) -> Sequence[Cell]:
    """dz = dh f'(z)."""
    def cell(line: Line) -> None:
        (h,) = line.saved(1)
        slope = _slope(h) if walk.op.activation == "tanh" else f.select(f.test("ogt", h, 0.0), f.splat(1.0), 0.0)
        line.give(_result(line) * slope)
    return [cell, lambda line: line.put(line.sums[0])]


@_cells(Lstm)
def _lstm(f: Function, walk: Walk) -> Sequence[Cell]:
    """c = f c + i g, h = o tanh(c)."""
    def cell(line: Line) -> None:
        i, forget, g, o = (_tanh(f, z) if gate == 2 else _sigmoid(f, z) for gate, z in enumerate(line.sums))
        before = line.state(1)
        c = f.fma(forget, before, i * g)
        squashed = _tanh(f, c)
        line.save(i, forget, g, o)
        line.save(before, squashed, array=1)
        line.put(c, 1)
        line.put(o * squashed)
    return [cell]


@_cells(LstmGrad)
def _lstm_grad(f: Function, walk: Walk) -> Sequence[Cell]:
    """See the op."""
    def cell(line: Line) -> None:
        (i, forget, g, o), (before, squashed), dh = line.saved(4), line.saved(2, 1), _result(line)
        c = f.fma(dh * o, _slope(squashed), line.state(1))
        line.put(c * forget, 1)
        line.give(c * g * i * (1.0 - i), c * before * forget * (1.0 - forget), c * i * _slope(g),
                  dh * squashed * o * (1.0 - o))
    return [cell, lambda line: line.put(line.sums[0])]


@_cells(Gru)
def _gru(f: Function, walk: Walk) -> Sequence[Cell]:
    """h = n + z (h - n), and n takes in r q with q made of U h, or U q with q = r h."""
    def whole(line: Line) -> None:
        r, z, q, n = line.sums
        r, z = _sigmoid(f, r), _sigmoid(f, z)
        n = _tanh(f, f.fma(r, q, n))
        line.save(r, z, n, q)
        line.put(f.fma(z, line.state(), (1.0 - z) * n))

    def first(line: Line) -> None:
        r, z = (_sigmoid(f, total) for total in line.sums)
        q = r * line.state()
        line.store(q, line.step.panel + walk.wide)
        line.put(z, 1)
        line.save(r, z, None, q)

    def second(line: Line) -> None:
        z, n = line.state(1), _tanh(f, line.sums[0] + line.sums[1])
        line.save(None, None, n)
        line.put(f.fma(z, line.state(), (1.0 - z) * n))
    return [whole] if walk.op.reset_after else [first, second]


@_cells(GruGrad)
def _gru_grad(f: Function, walk: Walk) -> Sequence[Cell]:
    """See the op: with `reset_after` all gradients of sums come first, else dq and dr come of a product."""
    after = walk.op.reset_after

    def first(line: Line) -> None:
        (r, z, n, q), (h,), dh = line.saved(4), line.saved(1, 1), _result(line)
        dn, dz = dh * (1.0 - z) * _slope(n), dh * (h - n) * z * (1.0 - z)
        line.put(dh * z)
        line.give(dn * q * r * (1.0 - r) if after else None, dz, dn, dn * r if after else None)

    def second(line: Line) -> None:
        (r,), (h,), (dq,) = line.saved(1), line.saved(1, 1), line.sums
        line.put(f.fma(dq, r, line.state()))
        line.give(dq * h * r * (1.0 - r), None, None, dq)

    def last(line: Line) -> None:
        line.put(sum(line.sums, line.state()))
    return [first, last] if after else [first, second, last]
