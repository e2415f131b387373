"""Products with weights, and of matrices sample by sample."""

from __future__ import annotations

import math
from collections.abc import Callable

from graphnet.compiler.ops import BatchMatMul, MatMul, MatMulGradWeight
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.contract import K, blocks, contract
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.machine import LANES, Machine
from graphnet.runtime.llvm.turning import turn
from graphnet.runtime.llvm.values import Index, Value
from graphnet.runtime.native.emit.call import Call, emitter, floats, need, room
from graphnet.runtime.native.emit.copying import offset
from graphnet.runtime.native.emit.formulas import Tail
from graphnet.runtime.native.emit.gemm import Finish, Product, bring, multiply, tile
from graphnet.runtime.native.emit.lines import whole_vectors
from graphnet.runtime.native.emit.views import View, load, samples, view
from graphnet.runtime.native.kernels.elementwise import number


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


def _panel(call: Call, machine: Machine) -> int:
    """How many outputs wide the panels are that products in rows take weights from, 0 if they serve as they lie."""
    x, w = (call.inputs[i] for i in _factors(call))
    rows = max(x.shape[0] * _places(x), 1)
    panels = _in_rows(x) and (call.root.transpose_w or (rows > 1 and _fight(machine, *w.shape)))
    return LANES * tile(rows, max(_sides(call)[1], 1), machine, exact=True)[1] if panels else 0


def _kept(call: Call, machine: Machine) -> int:
    """Floats of all panels. In training weights are others at each step, and panels are made one by one as needed."""
    k, m = _sides(call)
    wide = 0 if call.training or call.root.transpose_w else _panel(call, machine)
    return k * -(-m // wide) * wide if wide else 0


def _write_panel(f: Function, call: Call, start: Index, count: int, target: Value) -> None:
    """So many outputs of the weights from `start` on."""
    (k, m), w, wide = _sides(call), call.x[_factors(call)[1]], _panel(call, f.machine)
    if call.root.transpose_w:
        turn(f, f.at(w, start * k), k, count, k, target, wide)
    else:
        bring(f, f.at(w, start), m, k, count, target, wide)


def _keep(f: Function, call: Call) -> None:
    (k, m), wide, to = _sides(call), _panel(call, f.machine), call.prepared
    if to is not None:
        blocks(f, m, wide, lambda start, count: _write_panel(f, call, start, count, f.at(to, start * k)),
               *f.share(-(-m // wide)))


@emitter(MatMul, prepare=_keep, prepared=_kept,
         scratch=lambda call, machine: 0 if _kept(call, machine) else _sides(call)[0] * _panel(call, machine))
def matmul(f: Function, call: Call) -> None:
    """x W: vectors lie along outputs in rows, else along samples."""
    at_x, at_w = _factors(call)
    x, y = call.inputs[at_x], call.outputs[0]
    floats(x, call.inputs[at_w], y)
    rows, finish, (k, m), places, lanes = _in_rows(x, y), _finish(f, call), _sides(call), _places(x), room(x)
    if not math.prod(y.shape):
        return
    if not rows:
        row, step = (k, 1) if call.root.transpose_w else (1, m)
        with f.loop(0, places) as place:
            multiply(f, Product(m, lanes, [K(k, step, lanes)], row, lanes), call.x[at_w],
                     f.at(call.x[at_x], place * (k * lanes)), f.at(call.y[0], place * (m * lanes)), finish(place))
        return

    def panel(n0: Index, count: int) -> Value:
        if call.prepared:
            return f.at(call.prepared, n0 * k)
        _write_panel(f, call, n0, count, f.scratch)
        return f.scratch
    wide = _panel(call, f.machine)
    multiply(f, Product(lanes * places, m, [K(k, 1, wide or m)], k, m, padded=wide > 0), call.x[at_x],
             panel if wide else call.x[at_w], call.y[0], finish(0), samples(f, x) * places)


def _finish(f: Function, call: Call) -> Callable[[Index], Finish]:
    """The epilogue at a place between batch and features. Rows of C are samples and places, or they are features."""
    tail, y, rows = Tail(f, call), call.outputs[0], _in_rows(call.outputs[0])
    places, views = _places(y), {i: view(call.x[i], call.inputs[i], y, tail.axis(i)) for i in tail.inputs}
    for found in views.values():
        need(all(stride == found.strides[-2] * math.prod(y.shape[axis + 1:-1])
                 for axis, stride in enumerate(found.strides[:-1]) if axis and y.shape[axis] > 1),
             "a side input that is spread along some of the places")

    def side(found: View, place: Index, m: Index, n: Index, lanes: Lanes) -> Value:
        of_sample, of_place, along = found.strides[0], found.strides[-2] if places > 1 else 0, found.strides[-1]
        if rows:
            at = offset(f, m, [(places, of_place), (0, of_sample)])
        else:
            at, along = place * of_place + f.constant(m) * along, of_sample
        start = f.at(found.pointer, at, found.element)
        return number(f, load(f, start, along, n, lanes, found.element) if along else
                      f.splat(f.scalar(start, 0, found.element)))
    return lambda place: lambda value, m, n, lanes: tail(value, lambda i: side(views[i], place, m, n, lanes))


# Gradients of weights ------------------------------------------------------------------------------------------------

_MANY = 64
"""Rows of a gradient, from which on it pays to bring a panel of g together."""


def _gathered(call: Call, machine: Machine) -> int:
    """How wide the panels of g are that are brought together, 0 for none; with its samples innermost it is turned."""
    k, m = call.outputs[0].shape
    wide = tile(k, m, machine, exact=True)[1] * LANES
    return wide if k >= _MANY or not _in_rows(*call.inputs) else 0


@emitter(MatMulGradWeight, scratch=lambda call, machine: (
    _gathered(call, machine) * _places(call.inputs[0]) * room(call.inputs[0]) + LANES))
def matmul_grad_weight(f: Function, call: Call) -> None:
    """Σ xᵀ g: vectors lie along outputs."""
    (x, g), w, (x_at, g_at) = call.inputs, call.outputs[0], call.x
    floats(x, g, w)
    need(math.prod(x.shape) > 0, "a sum of nothing")
    (k, m), places, lanes, wide = w.shape, _places(x), room(x), _gathered(call, f.machine)
    rows, real = _in_rows(x, g), samples(f, x) * places

    def panel(n0: Index, count: int) -> Value:
        if rows:
            bring(f, f.at(g_at, n0), m, real, count, f.scratch, wide)
            return f.scratch
        with f.loop(0, places) as place:
            turn(f, f.at(g_at, (place * m + n0) * lanes), lanes, count, lanes,
                 f.at(f.scratch, place * (lanes * wide)), wide)
        return f.scratch
    dims = [K(real, k, wide or m)] if rows else [K(places, k * lanes, lanes * wide), K(lanes, 1, wide)]
    multiply(f, Product(k, m, dims, 1 if rows else lanes, m, adds=True, padded=wide > 0), x_at,
             panel if wide else g_at, call.y[0])


# Sample by sample ----------------------------------------------------------------------------------------------------

def _turns(call: Call) -> int:
    """Floats for B of a sample, if it is to be turned so that its columns are innermost."""
    b = call.inputs[1]
    return whole_vectors(b.shape[1]) * b.shape[2] if call.root.transpose_b and b.shape[1] > 1 and _in_rows(b) else 0


@emitter(BatchMatMul, scratch=lambda call, machine: _turns(call))
def batch_matmul(f: Function, call: Call) -> None:
    """A[n] B[n]: vectors lie along columns of B in rows, else along samples."""
    (a, b), y, (left, right) = call.inputs, call.outputs[0], call.x
    floats(a, b, y)
    (m, p), k = y.shape[1:], a.shape[1 if call.root.transpose_a else 2]
    need(k > 0, "a sum of nothing")
    a_row, a_k = (1, m) if call.root.transpose_a else (k, 1)
    if not math.prod(y.shape):
        return
    if not _in_rows(a, b, y):
        _along_samples(f, call, (m, p), (a_row, a_k, k), (1, k) if call.root.transpose_b else (p, 1))
        return
    many, width = y.shape[0] > 1, whole_vectors(p) if _turns(call) else p
    with f.loop(*(f.share(samples(f, a)) if many else (0, 1))) as sample:
        columns = f.at(right, sample * (k * p))
        if _turns(call):
            turn(f, columns, k, p, k, f.scratch, width)
            columns = f.scratch
        multiply(f, Product(m, p, [K(k, a_k, width)], a_row, p), f.at(left, sample * (m * k)), columns,
                 f.at(call.y[0], sample * (m * p)), alone=many)


def _along_samples(f: Function, call: Call, shape: tuple[int, int], a: tuple[int, int, int],
                   b: tuple[int, int]) -> None:
    """Every lane has a product of its own."""
    (m, p), lanes = shape, room(call.outputs[0])
    (a_row, a_k, k), (b_k, b_column) = (tuple(stride * lanes for stride in strides) for strides in (a, b))
    r, v = min(m, 2), min(p, (f.machine.vectors - 2) // 2)
    across, deep = -(-p // v), lanes // LANES
    with f.loop(*f.share(-(-m // r) * across * deep)) as piece:
        m0, p0 = f.least(piece // (across * deep) * r, m - r), f.least(piece // deep % across * v, p - v)
        n0 = piece % deep * LANES
        acc = contract(f, f.at(call.x[0], m0 * a_row + n0), [i * a_row for i in range(r)],
                       f.at(call.x[1], p0 * b_column + n0), [(j * b_column, None) for j in range(v)],
                       [K(k // lanes, a_k, b_k)], along_lanes=True)
        for i, line in enumerate(acc):
            for j, value in enumerate(line):
                f.store(value, call.y[0], ((m0 + i) * p + p0 + j) * lanes + n0)
