"""Products with weights, and of matrices sample by sample."""

from __future__ import annotations

import math
from collections.abc import Callable

from graphnet.compiler.ops import BatchMatMul, MatMul, MatMulGradWeight
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import Call, emitter, floats, need, room
from graphnet.runtime.native.contract import K, blocks, contract
from graphnet.runtime.native.formulas import Tail
from graphnet.runtime.native.function import Function, Lanes
from graphnet.runtime.native.gemm import Finish, Product, bring, multiply, tile
from graphnet.runtime.native.kernels.elementwise import number
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.turning import turn
from graphnet.runtime.native.values import Index, Value
from graphnet.runtime.native.views import load, samples, view


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


def _whole(count: int) -> int:
    """So many, and what they lack to whole vectors."""
    return -(-count // LANES) * LANES


# x W -----------------------------------------------------------------------------------------------------------------

def _factors(call: Call) -> tuple[int, int]:
    """Which inputs are x and W."""
    if not isinstance(call.op, Fused):
        return 0, 1
    places = {item.value: i for i, item in enumerate(call.op.body.inputs)}
    x, w = call.op.chain[0].inputs
    return places[x], places[w]


def _sides(call: Call) -> tuple[int, int]:
    """How many inputs and outputs the weights have."""
    a, b = call.inputs[_factors(call)[1]].shape
    return (b, a) if call.root.transpose_w else (a, b)


def _fight(machine: Machine, rows: int, pitch: int) -> bool:
    """Whether rows that lie so far apart, in floats, fill the lines that are theirs in a cache of 8 ways of 64 KB.

    It counts only where tiles are small, so that each line is soon needed again. With 512 floats between 784 rows, a
    product ran at 62 % of the peak on AVX2, and at 92 % from weights laid out anew; on AVX-512 at 100 % as it was.
    """
    return machine.vectors < LANES and rows * math.gcd(4 * pitch, 1 << 16) >= 1 << 19


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
    return {"": 0, "panels": k * _whole(m), "turned": m * _whole(k)}[how]


def _lay_out(f: Function, call: Call) -> None:
    (k, m), w, to = _sides(call), call.x[_factors(call)[1]], call.prepared
    if to is None:
        return
    if _laid_out(call, f.machine) == "turned":
        turn(f, w, m, k, m, to, _whole(k), *f.share(_whole(k) // LANES))
        return

    def panel(start: Index, count: int) -> None:
        target = f.at(to, start * k)
        if call.root.transpose_w:
            turn(f, f.at(w, start * k), k, count, k, target, LANES)
        else:
            bring(f, f.at(w, start), m, k, count, target, LANES)
    blocks(f, m, LANES, panel, *f.share(_whole(m) // LANES))


@emitter(MatMul, prepare=_lay_out, prepared=_weight_floats)
def matmul(f: Function, call: Call) -> None:
    """x W: vectors lie along outputs in rows, else along samples."""
    at_x, at_w = _factors(call)
    x, y = call.inputs[at_x], call.outputs[0]
    floats(x, call.inputs[at_w], y)
    rows, finish, (k, m), places, lanes = _in_rows(x, y), _finish(f, call), _sides(call), _places(x), room(x)
    if not math.prod(y.shape):
        return
    new, weights = call.prepared is not None, call.prepared or call.x[at_w]
    if rows:
        p = Product(lanes * places, m, [K(k, 1, LANES if new else m)], k, m, padded=new, b_vector=k * LANES)
        multiply(f, p, call.x[at_x], (lambda n0, _: f.at(weights, n0 * k)) if new else weights, call.y[0], finish(0),
                 samples(f, x) * places)
        return
    row, step = (_whole(k), 1) if new else (k, 1) if call.root.transpose_w else (1, m)
    with f.loop(0, places) as place:
        multiply(f, Product(m, lanes, [K(k, step, lanes)], row, lanes), weights,
                 f.at(call.x[at_x], place * (k * lanes)), f.at(call.y[0], place * (m * lanes)), finish(place))


def _finish(f: Function, call: Call) -> Callable[[Index], Finish]:
    """The epilogue at a place between batch and features. Rows of C are samples and places, or they are features."""
    tail, y, rows = Tail(f, call), call.outputs[0], _in_rows(call.outputs[0])
    places, views = _places(y), {i: view(call.x[i], call.inputs[i], y, _axis(call, i)) for i in tail.inputs}
    for found in views.values():
        apart = [stride == found.strides[-2] * math.prod(y.shape[axis + 1:-1])
                 for axis, stride in enumerate(found.strides[:-1]) if axis and y.shape[axis] > 1]
        need(all(apart), "a side input that is spread along some of the places")

    def side(i: int, place: Index, m: Index, n: Index, lanes: Lanes) -> Value:
        found = views[i]
        of_sample, of_place, of_feature = found.strides[0], found.strides[-2] if places > 1 else 0, found.strides[-1]
        if rows:
            row = f.constant(m)
            offset = row // places * of_sample + row % places * of_place if places > 1 else row * of_sample
            along = of_feature
        else:
            offset, along = f.constant(place) * of_place + m * of_feature, of_sample
        start = f.at(found.pointer, offset, found.element)
        return number(f, load(f, start, along, n, lanes, found.element) if along else
                      f.splat(f.scalar(start, 0, found.element)))
    return lambda place: lambda value, m, n, lanes: tail(value, lambda i: side(i, place, m, n, lanes))


def _axis(call: Call, i: int) -> int | None:
    """Along which axis of the result an input with one axis lies."""
    axes = {getattr(node.op, "axis", None) for node in call.op.chain if call.op.body.inputs[i].value in node.inputs}
    need(len(axes) == 1, "a side input along two axes")
    axis: int | None = axes.pop()
    return axis


# Gradients of weights ------------------------------------------------------------------------------------------------

_MANY = 64
"""Rows of a gradient, from which on it pays to bring a panel of g together."""
_LARGE = 1 << 17
"""Floats of x, beyond which it pays to bring strips of it together: a cache of 512 KB does not keep it. For 256 samples
of 784 the gradient of 784 x 512 weights took 2.6 ms and not 3.3; where only 128 are real, 1.4 and not 1.3."""


def _gradient_tile(call: Call, machine: Machine) -> tuple[int, int]:
    k, m = call.outputs[0].shape
    return tile(k, m, machine, exact=True)


def _brings(call: Call, machine: Machine) -> tuple[bool, bool]:
    """Whether strips of x and panels of g are brought together; g with its samples innermost is turned anyway."""
    x, (k, m) = call.inputs[0], call.outputs[0].shape
    if not _in_rows(*call.inputs):
        return False, True
    return machine.vectors < LANES and m >= 8 * LANES and math.prod(x.shape) > _LARGE, k >= _MANY


def _panel_floats(call: Call, machine: Machine) -> int:
    x, (strips, panels), (high, wide) = call.inputs[0], _brings(call, machine), _gradient_tile(call, machine)
    columns = wide * LANES * panels + (x.shape[-1] + high) * strips
    return columns * _places(x) * room(x) + LANES


@emitter(MatMulGradWeight, scratch=_panel_floats)
def matmul_grad_weight(f: Function, call: Call) -> None:
    """Σ xᵀ g: vectors lie along outputs."""
    (x, g), w = call.inputs, call.outputs[0]
    floats(x, g, w)
    need(math.prod(x.shape) > 0, "a sum of nothing")
    (k, m), places, lanes = w.shape, _places(x), room(x)
    (high, wide), (strips, panels) = _gradient_tile(call, f.machine), _brings(call, f.machine)
    wide *= LANES
    if not _in_rows(x, g):
        def turned(n0: Index, count: int) -> Value:
            with f.loop(0, places) as place:
                turn(f, f.at(call.x[1], (place * m + n0) * lanes), lanes, count, lanes,
                     f.at(f.scratch, place * (lanes * wide)), wide)
            return f.scratch
        dims = [K(places, k * lanes, lanes * wide), K(lanes, 1, wide)]
        multiply(f, Product(k, m, dims, lanes, m, adds=True, padded=True), call.x[0], turned, call.y[0])
        return
    real, rows = samples(f, x) * places, lanes * places
    apart = f.at(f.scratch, wide * rows)  # each strip has room for all rows

    def strip(m0: Index, count: int) -> Value:
        return f.at(apart, m0 * rows)

    def panel(n0: Index, count: int) -> Value:
        bring(f, f.at(call.x[1], n0), m, real, count, f.scratch, wide)
        return f.scratch
    if strips:
        blocks(f, k, high, lambda m0, count: bring(f, f.at(call.x[0], m0), k, real, count, strip(m0, count), high))
    p = Product(k, m, [K(real, high if strips else k, wide if panels else m)], 1, m, adds=True, padded=panels)
    multiply(f, p, strip if strips else call.x[0], panel if panels else call.x[1], call.y[0])


# Sample by sample ----------------------------------------------------------------------------------------------------

def _turns(call: Call) -> bool:
    """Whether B of a sample is to be turned, so that its columns are innermost."""
    b = call.inputs[1]
    return bool(call.root.transpose_b) and b.shape[1] > 1 and _in_rows(b)


def _matrix_floats(call: Call, machine: Machine) -> int:
    p, k = call.inputs[1].shape[1:]
    return _whole(p) * k if _turns(call) else 0


@emitter(BatchMatMul, scratch=_matrix_floats)
def batch_matmul(f: Function, call: Call) -> None:
    """A[n] B[n]: vectors lie along columns of B in rows, else along samples."""
    (a, b), y, turned = call.inputs, call.outputs[0], _turns(call)
    floats(a, b, y)
    (m, p), k = y.shape[1:], a.shape[1 if call.root.transpose_a else 2]
    need(k > 0, "a sum of nothing")
    a_row, a_k = (1, m) if call.root.transpose_a else (k, 1)
    if not math.prod(y.shape):
        return
    if not _in_rows(a, b, y):
        _along_samples(f, call, (m, p, k), (a_row, a_k), (1, k) if call.root.transpose_b else (p, 1))
        return
    alone, width = y.shape[0] > 1, _whole(p)
    with f.loop(*(f.share(samples(f, a)) if alone else (0, 1))) as sample:
        right = f.at(call.x[1], sample * (k * p))
        if turned:
            turn(f, right, k, p, k, f.scratch, width)
        multiply(f, Product(m, p, [K(k, a_k, width if turned else p)], a_row, p), f.at(call.x[0], sample * (m * k)),
                 f.scratch if turned else right, f.at(call.y[0], sample * (m * p)), alone=alone)


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
