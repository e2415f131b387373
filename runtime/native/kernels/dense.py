"""Products with weights, and of matrices sample by sample."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphnet.compiler.ops import BatchMatMul, MatMul, MatMulGradWeight
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import Call, emitter, floats, need, room
from graphnet.runtime.native.chains import Tail
from graphnet.runtime.native.contract import K, blocks, contract
from graphnet.runtime.native.function import Function, Lanes, vectors
from graphnet.runtime.native.gemm import Finish, Product, multiply, tile
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.turning import turn
from graphnet.runtime.native.values import F32, I1, I8, Index, Value, with_elements


def _in_rows(*operands: Operand) -> bool:
    """Whether they lie in rows; if not, they have their samples innermost.

    Raises:
        Unsupported: some do and some do not.
    """
    lie = {operand.layout == "rows" or room(operand) == 1 for operand in operands}
    need(len(lie) == 1, "operands of both layouts")
    return lie.pop()


def _places(operand: Operand) -> int:
    """How many vectors of features a sample has."""
    return math.prod(operand.shape[1:-1])


def _real(f: Function, operand: Operand) -> Index:
    """How many of an operand's samples are real."""
    return f.n if f.blocked and operand.shape[0] > 1 else operand.shape[0]


# x W -----------------------------------------------------------------------------------------------------------------

def _factors(call: Call) -> tuple[int, int]:
    """Which inputs are x and W."""
    if not isinstance(call.op, Fused):
        return 0, 1
    places = {item.value: i for i, item in enumerate(call.op.body.inputs)}
    x, w = call.op.chain[0].inputs
    return places[x], places[w]


def _fight(machine: Machine, rows: int, pitch: int) -> bool:
    """Whether rows that lie so far apart, in floats, fight for the same lines of a cache of 8 ways of 64 KB.

    It counts only where tiles are small, so that each line is soon needed again: with 512 floats between 784 rows, a
    product ran at 62 % of the peak on AVX2 as it was, at 87 % from weights laid out anew; on AVX-512 at 100 % as it was.
    """
    return machine.vectors < LANES and rows * math.gcd(4 * pitch, 1 << 16) > 1 << 19


def _laid_out(call: Call, machine: Machine) -> str:
    """How `prepare` lays out weights: in "panels" of 16 outputs, "turned" so that what is summed over is innermost, or
    "" if they serve as they are."""
    x, w = (call.inputs[i] for i in _factors(call))
    if _in_rows(x):
        fight = x.shape[0] * _places(x) > 1 and _fight(machine, *w.shape)
        return "panels" if fight or call.root.transpose_w else ""
    return "turned" if not call.root.transpose_w and _fight(machine, 2 * w.shape[0], w.shape[1]) else ""


def _weight_floats(call: Call, machine: Machine) -> int:
    how, (k, m) = _laid_out(call, machine), _sides(call)
    if how == "turned":
        return m * _whole(k)
    return k * _whole(m) if how else 0


def _sides(call: Call) -> tuple[int, int]:
    """How many inputs and outputs the weights have."""
    a, b = call.inputs[_factors(call)[1]].shape
    return (b, a) if call.root.transpose_w else (a, b)


def _whole(count: int) -> int:
    """So many and what is lacking to whole vectors."""
    return -(-count // LANES) * LANES


def _lay_out(f: Function, call: Call) -> None:
    how, (k, m), w = _laid_out(call, f.machine), _sides(call), call.x[_factors(call)[1]]
    if call.prepared is None or not how:
        return
    to = call.prepared
    if how == "turned":
        turn(f, w, m, k, m, to, _whole(k), *f.share(_whole(k) // LANES))
        return

    def panel(start: Index, count: int) -> None:
        target = f.at(to, start * k)
        if call.root.transpose_w:
            turn(f, f.at(w, start * k), k, count, k, target, LANES)
            return
        with f.loop(0, k) as row:
            f.store(f.load(w, row * m + start, count), target, row * LANES)
    blocks(f, m, LANES, panel, *f.share(_whole(m) // LANES))


@emitter(MatMul, prepare=_lay_out, prepared=_weight_floats)
def matmul(f: Function, call: Call) -> None:
    """x W: vectors lie along outputs in rows, else along samples."""
    at_x, at_w = _factors(call)
    x, w, y = call.inputs[at_x], call.inputs[at_w], call.outputs[0]
    floats(x, w, y)
    rows, how, finish = _in_rows(x, y), _laid_out(call, f.machine), _finish(f, call)
    if not math.prod(y.shape):
        return
    (k, m), places = _sides(call), _places(x)
    weights = call.prepared if how and call.prepared is not None else call.x[at_w]
    if rows:
        p = Product(x.shape[0] * places, m, [K(k, 1, LANES if how else m)], k, m, padded=bool(how), b_vector=k * LANES)
        multiply(f, p, call.x[at_x], (lambda n0, _: f.at(weights, n0 * k)) if how else weights, call.y[0], finish(0),
                 _real(f, x) * places)
        return
    lanes, innermost = room(x), _whole(k) if how else k
    row, step = (innermost, 1) if how or call.root.transpose_w else (1, m)
    p = Product(m, lanes, [K(k, step, lanes)], row, lanes)
    with f.loop(0, places) as place:
        multiply(f, p, weights, f.at(call.x[at_x], place * (k * lanes)), f.at(call.y[0], place * (m * lanes)),
                 finish(place))


def _finish(f: Function, call: Call) -> Callable[[Index], Finish]:
    """The epilogue at a place between batch and features. Rows of C are samples and places, or they are features."""
    tail, rows = Tail(f, call), _in_rows(call.outputs[0])
    strides = {i: _strides(call, i) for i in tail.inputs}
    places = _places(call.outputs[0])

    def side(i: int, place: Index, m: Index, n: Index, lanes: Lanes) -> Value:
        of_sample, of_place, of_feature = strides[i]
        along = of_feature if rows else of_sample
        need(along in (0, 1), "a side input of another layout")
        if not rows:
            offset = place * of_place + m * of_feature
        elif of_sample == places * of_place:
            offset = m * of_place
        else:
            m = f.constant(m)
            offset = m // places * of_sample + m % places * of_place
        return _read(f, call, i, offset + n * along, lanes, bool(along))
    return lambda place: lambda value, m, n, lanes: tail(value, lambda i: side(i, place, m, n, lanes))


def _strides(call: Call, i: int) -> tuple[int, int, int]:
    """How many elements a side input moves on with a sample, a place and a feature; 0 where one serves all."""
    form, y = call.inputs[i], call.outputs[0]
    steps = [stride // np.dtype(form.dtype).itemsize for stride in form.strides]
    if len(form.shape) == len(y.shape):
        between = form.shape[1:-1] == y.shape[1:-1] and _places(y) > 1
        need(between or _places(form) == 1, f"a side input of shape {form.shape}")
        return (steps[0] if form.shape[0] > 1 else 0, steps[-2] if between else 0,
                steps[-1] if form.shape[-1] > 1 else 0)
    if math.prod(form.shape) == 1:
        return 0, 0, 0
    axes = {node.op.axis % len(y.shape) for node in call.op.chain if call.op.body.inputs[i].value in node.inputs}
    need(axes == {len(y.shape) - 1}, f"a side input of shape {form.shape}")
    return 0, 0, 1


def _read(f: Function, call: Call, i: int, offset: Index, lanes: Lanes, vector: bool) -> Value:
    """Numbers of an input, or one of them in every lane; of bools, 1 for True."""
    element = I8 if call.inputs[i].dtype == "bool" else F32
    need(element == I8 or call.inputs[i].dtype == "float32", f"a side input of {call.inputs[i].dtype}")
    value = f.load(call.x[i], offset, lanes, element) if vector else f.scalar(call.x[i], offset, element)
    if element == I8:
        true = f.instruction(f"icmp ne {value.type}", value, f.constant(0, value.type),
                             type=with_elements(value.type, I1))
        value = f.select(true, f.constant(1.0, with_elements(value.type, F32)), 0.0)
    return f.splat(value)


# Gradients of weights ------------------------------------------------------------------------------------------------

_MANY = 64
"""Rows of a gradient, from which on it pays to bring a panel of g together."""


def _width(call: Call, machine: Machine) -> int:
    """Columns of a panel of the gradient."""
    return tile(*call.outputs[0].shape, machine, exact=True)[1] * LANES


def _panel_floats(call: Call, machine: Machine) -> int:
    x = call.inputs[0]
    if _in_rows(*call.inputs) and call.outputs[0].shape[0] < _MANY:
        return 0
    return _width(call, machine) * _places(x) * room(x)


@emitter(MatMulGradWeight, scratch=_panel_floats)
def matmul_grad_weight(f: Function, call: Call) -> None:
    """Σ xᵀ g: vectors lie along outputs. Panels of g are made: with samples innermost they are turned."""
    (x, g), w = call.inputs, call.outputs[0]
    floats(x, g, w)
    (k, m), places, width = w.shape, _places(x), _width(call, f.machine)
    need(math.prod(x.shape) > 0, "a sum of nothing")
    if _in_rows(x, g):
        real = _real(f, x) * places

        def copied(n0: Index, count: int) -> Value:
            with f.loop(0, real) as row:
                for start, lanes in vectors(count):
                    f.store(f.load(call.x[1], row * m + n0 + start, lanes), f.scratch, row * width + start)
            return f.scratch
        many = k >= _MANY
        p = Product(k, m, [K(real, k, width if many else m)], 1, m, adds=True, padded=many)
        multiply(f, p, call.x[0], copied if many else call.x[1], call.y[0])
        return
    lanes = room(x)

    def turned(n0: Index, count: int) -> Value:
        with f.loop(0, places) as place:
            turn(f, f.at(call.x[1], (place * m + n0) * lanes), lanes, count, lanes,
                 f.at(f.scratch, place * (lanes * width)), width)
        return f.scratch
    dims = [K(places, k * lanes, lanes * width), K(lanes, 1, width)]
    multiply(f, Product(k, m, dims, lanes, m, adds=True, padded=True), call.x[0], turned, call.y[0])


# Sample by sample ----------------------------------------------------------------------------------------------------

def _matrix_floats(call: Call, machine: Machine) -> int:
    """Room for B of a sample, if it is to be turned."""
    b = call.inputs[1]
    turned = call.root.transpose_b and b.shape[1] > 1 and _in_rows(b)
    return _whole(b.shape[1]) * b.shape[2] if turned else 0


@emitter(BatchMatMul, scratch=_matrix_floats)
def batch_matmul(f: Function, call: Call) -> None:
    """A[n] B[n]: vectors lie along columns of B in rows, else along samples."""
    (a, b), y, (a_turned, b_turned) = call.inputs, call.outputs[0], (call.root.transpose_a, call.root.transpose_b)
    floats(a, b, y)
    need(not isinstance(call.op, Fused), "a tail behind products of samples")
    (m, p), k = y.shape[1:], a.shape[1 if a_turned else 2]
    need(k > 0, "a sum of nothing")
    if not math.prod(y.shape):
        return
    a_row, a_k = (1, m) if a_turned else (k, 1)
    b_k, b_column = (1, k) if b_turned else (p, 1)
    if not _in_rows(a, b, y):
        _along_samples(f, call, (m, p, k), (a_row, a_k), (b_k, b_column))
        return
    alone, pitch = y.shape[0] > 1, _whole(p)
    lo, hi = f.share(_real(f, a)) if alone else (f.constant(0), f.constant(1))
    turned = _matrix_floats(call, f.machine) > 0
    with f.loop(lo, hi) as sample:
        right = f.at(call.x[1], sample * (k * p))
        if turned:
            turn(f, right, k, p, k, f.scratch, pitch)
        multiply(f, Product(m, p, [K(k, a_k, pitch if turned else p)], a_row, p),
                 f.at(call.x[0], sample * (m * k)), f.scratch if turned else right,
                 f.at(call.y[0], sample * (m * p)), alone=alone)


def _along_samples(f: Function, call: Call, shape: tuple[int, int, int], a: tuple[int, int],
                   b: tuple[int, int]) -> None:
    """Every lane has a product of its own."""
    (m, p, k), (a_row, a_k), (b_k, b_column), lanes = shape, a, b, room(call.outputs[0])
    r, v = min(m, 2), min(p, (f.machine.vectors - 2) // 2)
    across, deep = -(-p // v), lanes // LANES
    with f.loop(*f.share(-(-m // r) * across * deep)) as piece:
        m0, p0 = f.least(piece // (across * deep) * r, m - r), f.least(piece // deep % across * v, p - v)
        n0 = piece % deep * LANES
        acc = contract(f, f.at(call.x[0], m0 * (a_row * lanes) + n0), [i * a_row * lanes for i in range(r)],
                       f.at(call.x[1], p0 * (b_column * lanes) + n0), [(j * b_column * lanes, None) for j in range(v)],
                       [K(k, a_k * lanes, b_k * lanes)], along_lanes=True)
        target = f.at(call.y[0], (m0 * p + p0) * lanes + n0)
        for i, line in enumerate(acc):
            for j, value in enumerate(line):
                f.store(value, target, (i * p + j) * lanes)
