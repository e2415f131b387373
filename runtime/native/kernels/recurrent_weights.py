"""Gradients of recurrent layers for their weights and inputs, from the gradients dz of all steps' sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from graphnet.compiler.ops import GruGradWeights, RecurrentGradInput, RecurrentGradWeights
from graphnet.runtime.llvm.contract import K, blocks
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.turning import turn
from graphnet.runtime.llvm.values import F32, Index, Value
from graphnet.runtime.native.emit.call import Call, batch_innermost, emitter, floats, room
from graphnet.runtime.native.emit.gemm import Product, multiply

CHUNK = 256
"""Columns of a chunk of steps. A constant, since it cuts sums."""
Sum = tuple[int, int, Sequence[tuple[int, int, int, int]]]
"""Σ_t a_t b_tᵀ, where b has columns [first, first + count) of dz. Of each a: the input and the first of its rows there,
the output and the first of its columns there."""


def _steps(call: Call) -> int:
    """Steps of a chunk."""
    steps, _, batch = call.inputs[0].shape
    return max(1, min(steps, CHUNK // batch))


def _scratch(call: Call, machine: Machine) -> int:
    return _steps(call) * -(-call.inputs[0].shape[2] // LANES) * LANES * LANES


@emitter(RecurrentGradWeights, scratch=_scratch)
def recurrent_grad_weights(f: Function, call: Call) -> None:
    """dU, db and dW from h, 1 and x."""
    hidden = call.op.hidden
    _write(f, call, [(0, call.outputs[0].shape[1], [(1, 0, 1, 0), (1, hidden, 2, 0), (1, hidden + 1, 0, 0)])])


@emitter(GruGradWeights, scratch=_scratch)
def gru_grad_weights(f: Function, call: Call) -> None:
    """The same, but dq meets h, or dz_n meets q."""
    hidden = call.op.hidden
    n, dq = 2 * hidden, 3 * hidden
    of_n = [(1, hidden, 2, n), (1, hidden + 1, 0, n)]
    sums: list[Sum] = [(0, n, [(1, 0, 1, 0), (1, hidden, 2, 0), (1, hidden + 1, 0, 0)])]
    if call.op.reset_after:
        sums += [(n, hidden, of_n), (dq, hidden, [(1, 0, 1, n), (1, hidden, 3, 0)])]
    else:
        sums += [(n, hidden, [*of_n, (2, dq, 1, n), (1, hidden, 3, 0)])]
    _write(f, call, sums)


def _write(f: Function, call: Call, sums: Sequence[Sum]) -> None:
    floats(*call.inputs, *call.outputs)
    if not call.inputs[0].shape[0]:
        with f.one_thread(), f.when(f.first):
            for output, target in zip(call.outputs, call.y, strict=True):
                with f.loop(0, math.prod(output.shape)) as i:
                    f.put(f.constant(0.0, F32), target, i)
        return
    with f.loop(0, call.inputs[0].shape[0], _steps(call)) as t0:
        for total in sums:
            blocks(f, total[1], LANES, partial(_columns, f, call, total, t0), *f.share(-(-total[1] // LANES)))


def _columns(f: Function, call: Call, total: Sum, t0: Value, column: Index, lanes: int) -> None:
    """The sums of at most 16 columns over the steps of a chunk."""
    (steps, wide, batch), (first, _, targets) = call.inputs[0].shape, total
    extent, b = f.least(_steps(call), steps - t0), f.at(call.x[0], (t0 * wide + first + column) * batch)
    if batch > 1:
        with f.loop(0, extent) as t:
            turn(f, f.at(b, t * (wide * batch)), batch, lanes, batch, f.at(f.scratch, t * (batch * LANES)), LANES)
    for source, row, output, start in targets:
        shape, rows = call.outputs[output].shape, call.inputs[source].shape[1]
        count, apart = shape if len(shape) == 2 else (1, 0)
        dims = [K(extent, rows * batch, wide)] if batch == 1 else [K(extent, rows * batch, batch * LANES),
                                                                    K(batch, 1, LANES)]
        multiply(f, Product(count, lanes, dims, batch, apart, adds=True),
                 f.at(call.x[source], (t0 * rows + row) * batch), b if batch == 1 else f.scratch,
                 f.at(call.y[output], start + column), alone=True, done=t0 + f.base)


def _turned(call: Call, machine: Machine) -> int:
    """Floats of weights turned so that features are innermost; 0 if samples are to be."""
    features, wide = call.inputs[1].shape
    along = call.inputs[0].shape[2] == 1 or not batch_innermost(call.outputs[0])
    return -(-features // LANES) * LANES * wide if along else 0


def _turn(f: Function, call: Call) -> None:
    (features, wide), pieces = call.inputs[1].shape, -(-call.inputs[1].shape[0] // LANES)
    if call.prepared is not None:
        turn(f, call.x[1], wide, features, wide, call.prepared, pieces * LANES, *f.share(pieces))


@emitter(RecurrentGradInput, prepare=_turn, prepared=_turned)
def recurrent_grad_input(f: Function, call: Call) -> None:
    """At each step W dz, or where features are innermost dzᵀ Wᵀ."""
    floats(*call.inputs, *call.outputs)
    (steps, rows, batch), (features, wide), last = call.inputs[0].shape, call.inputs[1].shape, room(call.outputs[0])
    width = -(-features // LANES) * LANES
    if not steps:
        return
    with f.loop(*f.share(steps)) as t:
        dz = f.at(call.x[0], t * (rows * batch))
        if call.prepared is not None:
            multiply(f, Product(batch, features, [K(wide, batch, width)], 1, steps * features), dz, call.prepared,
                     f.at(call.y[0], t * features), alone=True)
        else:
            target = f.at(call.y[0], t * (features * last))
            if last > batch:  # gradients are 0 behind the samples
                with f.loop(0, features * last, LANES) as i:
                    f.store(f.zero(), target, i)
            multiply(f, Product(features, batch, [K(wide, 1, batch)], wide, last), call.x[1], dz, target, alone=True)
