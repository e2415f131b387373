"""Gradients of recurrent layers for their weights and inputs, from the gradients dz of all steps' sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from graphnet.compiler.ops import GruGradWeights, RecurrentGradInput, RecurrentGradWeights
from graphnet.runtime.native.call import Call, emitter, floats
from graphnet.runtime.native.contract import K, blocks, contract
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.recurrent_plan import Plan, padded
from graphnet.runtime.native.recurrent_products import Part, Segment, packing, products, rows_of
from graphnet.runtime.native.recurrent_samples import Samples, Steps
from graphnet.runtime.native.turning import turn
from graphnet.runtime.native.values import Index, Value

CHUNK = 256
"""Columns of a chunk of steps. A constant, since it cuts sums."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where products of so many rows with some columns of dz go: the output, and the first column there."""

    rows: int
    output: int
    column: int


@dataclass(frozen=True, slots=True)
class Sum:
    """Σ_t a_t b_tᵀ: b has columns [first, first + count) of dz, a rows of an input from `row` on, or a row of 1."""

    first: int
    count: int
    source: int | None
    row: int
    targets: tuple[Target, ...]


def _steps(call: Call) -> int:
    """Steps of a chunk."""
    steps, _, batch = call.inputs[0].shape
    return max(1, min(steps, CHUNK // batch))


def _scratch(call: Call, machine: Machine) -> int:
    batch = call.inputs[0].shape[2]
    return padded(batch) + (0 if batch == 1 else _steps(call) * batch * LANES)


@emitter(RecurrentGradWeights, scratch=_scratch)
def recurrent_grad_weights(f: Function, call: Call) -> None:
    """[dU; db; dW] as one sum."""
    features, wide = call.outputs[0].shape
    into = Target(call.op.hidden, 1, 0), Target(1, 2, 0), Target(features, 0, 0)
    _write(f, call, [Sum(0, wide, 1, 0, into)])


@emitter(GruGradWeights, scratch=_scratch)
def gru_grad_weights(f: Function, call: Call) -> None:
    """Those of r and z as one sum; of n what comes from the input, and what comes from h or q."""
    hidden, features = call.op.hidden, call.outputs[0].shape[0]
    n, after = 2 * hidden, call.op.reset_after
    column, source, row = (n + hidden, 1, 0) if after else (n, 2, n + hidden)
    _write(f, call, [Sum(0, n, 1, 0, (Target(hidden, 1, 0), Target(1, 2, 0), Target(features, 0, 0))),
                     Sum(n, hidden, 1, hidden, (Target(1, 2, n), Target(features, 0, n))),
                     Sum(column, hidden, source, row, (Target(hidden, 1, n),)),
                     Sum(column, hidden, None, 0, (Target(1, 3, 0),))])


def _write(f: Function, call: Call, sums: Sequence[Sum]) -> None:
    floats(*call.inputs, *call.outputs)
    steps = call.inputs[0].shape[0]
    if not steps:
        _write_nothing(f, call)
        return
    with f.loop(0, padded(call.inputs[0].shape[2]), LANES) as i:
        f.store(f.splat(1.0), f.scratch, i)
    with f.loop(0, steps, _steps(call)) as t0:
        for total in sums:
            lo, hi = f.share(-(-total.count // LANES))
            blocks(f, total.count, LANES, partial(_panel, f, call, total, t0), lo, hi)


def _write_nothing(f: Function, call: Call) -> None:
    with f.one_thread():
        for output, target in zip(call.outputs, call.y, strict=True):
            size = math.prod(output.shape)
            with f.loop(0, size, LANES) as i:
                lanes = f.constant(size) - i
                f.store(f.earlier(partial(f.load, target, i, lanes)), target, i, lanes)


def _panel(f: Function, call: Call, total: Sum, t0: Value, column: Index, lanes: int) -> None:
    """The sums of at most 16 columns over the steps of a chunk."""
    steps, wide, batch = call.inputs[0].shape
    rows = 0 if total.source is None else call.inputs[total.source].shape[1]
    extent = f.least(_steps(call), steps - t0)
    b = f.at(call.x[0], (t0 * wide + total.first + column) * batch)
    source, panel = f.scratch if total.source is None else call.x[total.source], f.at(f.scratch, padded(batch))
    a, dims = f.at(source, (t0 * rows + total.row) * batch), [K(extent, rows, wide)]
    following = f.at(b, batch * LANES)
    if batch > 1:
        with f.loop(0, extent) as t:
            turn(f, f.at(b, t * (wide * batch)), batch, lanes, batch, f.at(panel, t * (batch * LANES)), LANES)
        b, dims = panel, [K(extent, rows * batch, batch * LANES), K(batch, 1, LANES)]

    def tile(first: Value, count: int) -> None:
        places = [_place(f, call, total.targets, first + row, column) for row in range(count)]
        if batch > 1:
            _expect(f, call, following, sum(target.rows for target in total.targets), first, count)
        made = contract(f, f.at(a, first * batch), [row * batch for row in range(count)], b,
                        [(0, lanes if batch == 1 else None)], dims)
        totals = [f.variable(value) for (value,) in made]
        before = t0 + f.base
        with f.when(False if before.known == 0 else f.compare("ne", before, 0)):
            for variable, place in zip(totals, places, strict=True):
                variable.set(f.load(place, 0, lanes) + variable.get())
        for variable, place in zip(totals, places, strict=True):
            f.store(variable.get(), place, 0, lanes)
    size = 12 if f.machine.vectors > LANES else 6
    _evenly(f, sum(target.rows for target in total.targets), size, tile)


def _expect(f: Function, call: Call, following: Value, rows: int, first: Value, count: int) -> None:
    """Has a part of the following columns fetched while the sums of some rows are made."""
    _, wide, batch = call.inputs[0].shape
    each = -(-_steps(call) * batch // rows)
    with f.loop(first * each, (first + count) * each) as line:
        f.prefetch(f.at(following, line // batch * (wide * batch) + line % batch * LANES))


def _place(f: Function, call: Call, targets: Sequence[Target], row: Value, column: Index) -> Value:
    """The address at which the sums of a row go."""
    found, start = None, 0
    for target in targets:
        shape = call.outputs[target.output].shape
        pitch = shape[1] if len(shape) == 2 else 0
        place = f.at(call.y[target.output], (row - start) * pitch + target.column + column)
        found = place if found is None else f.select(f.compare("slt", row, start), found, place)
        start += target.rows
    if found is None:
        raise ValueError("a sum that goes nowhere")
    return found


def _evenly(f: Function, total: int, size: int, body: Callable[[Value, int], None]) -> None:
    """body(start, count) for as few blocks of at most `size` as there can be, of which none is one much smaller."""
    number = -(-total // size)
    small, more = divmod(total, number)
    if more:
        with f.loop(0, more) as i:
            body(i * (small + 1), small + 1)
    with f.loop(more, number) as i:
        body(i * small + more, small)


def _layout(call: Call, machine: Machine) -> tuple[Plan, list[Segment]]:
    features, wide = call.inputs[1].shape
    return Plan(machine, call.outputs[0].shape[0], features, 1), [Segment(0, (Part(wide, 1, wide, ((1, 0),)),))]


_prepare, _prepared = packing(_layout)


def _input_scratch(call: Call, machine: Machine) -> int:
    plan, segments = _layout(call, machine)
    return plan.count(rows_of(segments)) + plan.blocks * plan.lines * LANES


@emitter(RecurrentGradInput, scratch=_input_scratch, prepare=_prepare, prepared=_prepared)
def recurrent_grad_input(f: Function, call: Call) -> None:
    """W dz of a group of samples at a step, turned; threads share out steps and groups."""
    floats(*call.inputs, *call.outputs)
    plan, (segment,) = _layout(call, f.machine)
    dz, dx = Steps(f, plan, call.inputs[0], call.x[0]), Samples(f, plan, call.outputs[0], call.y[0])
    made, packed = f.at(f.scratch, plan.count(segment.depth)), call.prepared or f.scratch

    def group_at(t: Value, group: Value, samples: int) -> None:
        dz.read(group, t, 0, segment.depth, f.scratch)
        with f.loop(0, plan.blocks) as block:
            sums = f.at(made, block * (plan.lines * LANES))
            products(f, plan, [segment], packed, block, f.scratch, sums)
        dx.write(group, samples, t, made)
    if dz_steps := call.inputs[0].shape[0]:
        with f.loop(*f.share(dz_steps * plan.groups)) as piece:
            t, group = piece // plan.groups, piece % plan.groups
            plan.each_group(f, group, group + 1, lambda group, samples: group_at(t, group, samples))
