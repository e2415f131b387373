"""Gradients of recurrent layers for their weights and inputs, from the gradients dz of all steps' sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphnet.compiler.ops import GruGradWeights, RecurrentGradInput, RecurrentGradWeights
from graphnet.runtime.native.call import Call, batch_innermost, emitter, floats, room
from graphnet.runtime.native.contract import K, blocks
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.gemm import Product, multiply
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.turning import turn
from graphnet.runtime.native.values import Index, Value

CHUNK = 256
"""Columns of a chunk of steps. A constant, since it cuts sums."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where products of dz with rows of an input, from one on, go: columns of an output, from one on."""

    source: int
    row: int
    output: int
    column: int = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """Σ_t a_t b_tᵀ, where b has columns [first, first + count) of dz and a rows of inputs."""

    first: int
    count: int
    targets: Sequence[Target]


def _steps(call: Call) -> int:
    """Steps of a chunk."""
    steps, _, batch = call.inputs[0].shape
    return max(1, min(steps, CHUNK // batch))


def _scratch(call: Call, machine: Machine) -> int:
    return _steps(call) * -(-call.inputs[0].shape[2] // LANES) * LANES * LANES


@emitter(RecurrentGradWeights, scratch=_scratch)
def recurrent_grad_weights(f: Function, call: Call) -> None:
    """[dU; db; dW] as one sum."""
    hidden = call.op.hidden
    _write(f, call, [Sum(0, call.outputs[0].shape[1], [Target(1, 0, 1), Target(1, hidden, 2),
                                                       Target(1, hidden + 1, 0)])])


@emitter(GruGradWeights, scratch=_scratch)
def gru_grad_weights(f: Function, call: Call) -> None:
    """The part of U that n takes in meets h and dq, or q and the sums of n."""
    hidden, after = call.op.hidden, call.op.reset_after
    n = 2 * hidden
    one, x = (Target(1, hidden, 2), Target(1, hidden + 1, 0)), (Target(1, hidden, 2, n), Target(1, hidden + 1, 0, n))
    of_q = (Target(1, 0, 1, n) if after else Target(2, n + hidden, 1, n)), Target(1, hidden, 3)
    sums = [Sum(0, n, [Target(1, 0, 1), *one])]
    sums += [Sum(n, hidden, x), Sum(n + hidden, hidden, of_q)] if after else [Sum(n, hidden, [*x, *of_q])]
    _write(f, call, sums)


def _write(f: Function, call: Call, sums: Sequence[Sum]) -> None:
    floats(*call.inputs, *call.outputs)
    if not call.inputs[0].shape[0]:
        _write_nothing(f, call)
        return
    with f.loop(0, call.inputs[0].shape[0], _steps(call)) as t0:
        for total in sums:
            blocks(f, total.count, LANES, lambda column, lanes, total=total: _columns(f, call, total, t0, column, lanes),
                   *f.share(-(-total.count // LANES)))


def _write_nothing(f: Function, call: Call) -> None:
    with f.one_thread(), f.when(f.first):
        for output, target in zip(call.outputs, call.y, strict=True):
            with f.loop(0, math.prod(output.shape)) as i:
                f.put(f.constant(0.0, "float"), target, i)


def _columns(f: Function, call: Call, total: Sum, t0: Value, column: Index, lanes: int) -> None:
    """The sums of at most 16 columns over the steps of a chunk."""
    steps, wide, batch = call.inputs[0].shape
    extent, b = f.least(_steps(call), steps - t0), f.at(call.x[0], (t0 * wide + total.first + column) * batch)
    if batch > 1:
        with f.loop(0, extent) as t:
            turn(f, f.at(b, t * (wide * batch)), batch, lanes, batch, f.at(f.scratch, t * (batch * LANES)), LANES)
    for target in total.targets:
        operand, output = call.inputs[target.source], call.outputs[target.output].shape
        rows, apart = operand.shape[1], output[1] if len(output) == 2 else 0
        dims = [K(extent, rows * batch, wide)] if batch == 1 else [K(extent, rows * batch, batch * LANES),
                                                                    K(batch, 1, LANES)]
        p = Product(output[0] if apart else 1, lanes, dims, batch, apart, adds=True)
        multiply(f, p, f.at(call.x[target.source], (t0 * rows + target.row) * batch), b if batch == 1 else f.scratch,
                 f.at(call.y[target.output], target.column + column), alone=True, done=t0 + f.base)


# The gradient for inputs ------------------------------------------------------------------------------------------

def _turned(call: Call) -> bool:
    """Whether vectors lie along features."""
    return call.inputs[0].shape[2] == 1 or not batch_innermost(call.outputs[0])


def _turn_weights(f: Function, call: Call) -> None:
    features, wide = call.inputs[1].shape
    if call.prepared is not None:
        turn(f, call.x[1], wide, features, wide, call.prepared, -(-features // LANES) * LANES,
             *f.share(-(-features // LANES)))


def _turned_floats(call: Call, machine: Machine) -> int:
    features, wide = call.inputs[1].shape
    return -(-features // LANES) * LANES * wide if _turned(call) else 0


@emitter(RecurrentGradInput, prepare=_turn_weights, prepared=_turned_floats)
def recurrent_grad_input(f: Function, call: Call) -> None:
    """At each step W dz, or where features are innermost dzᵀ Wᵀ."""
    floats(*call.inputs, *call.outputs)
    (steps, rows, batch), (features, wide), dx = call.inputs[0].shape, call.inputs[1].shape, call.outputs[0]
    if not steps:
        return
    with f.loop(*f.share(steps)) as t:
        dz = f.at(call.x[0], t * (rows * batch))
        if call.prepared is not None:
            width = -(-features // LANES) * LANES
            p = Product(batch, features, [K(wide, batch, width)], 1, steps * features)
            multiply(f, p, dz, call.prepared, f.at(call.y[0], t * features), alone=True)
        else:
            p = Product(features, batch, [K(wide, 1, batch)], wide, room(dx))
            multiply(f, p, call.x[1], dz, f.at(call.y[0], t * (features * room(dx))), alone=True)
