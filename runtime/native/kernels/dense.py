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


def _axis(call: Call, i: int) -> int | None:
    """Along which axis of the result an input with one axis lies."""
    axes: set[int | None] = {getattr(node.op, "axis", None) for node in call.op.chain
                             if call.op.body.inputs[i].value in node.inputs}
    need(len(axes) == 1, "a side input along two axes")
    return axes.pop()


# Gradients of weights ------------------------------------------------------------------------------------------------

_MANY = 64
"""Rows of a gradient, from which on it pays to bring a panel of g together."""
_LARGE = 1 << 17
"""Floats of x, beyond which it pays to bring strips of it together: a cache of 512 KB does not keep it. For 256 samples
of 784 the gradient of 784 x 512 weights took 2.6 ms and not 3.3; where only 128 are real, 1.4 and not 1.3."""


def _brings(call: Call, machine: Machine) -> tuple[int, int, int]:
    """The height of strips of x and the width of panels of g that are brought together, 0 for none; g with its samples
    innermost is turned anyway. And the floats that both take."""
    x, (k, m) = call.inputs[0], call.outputs[0].shape
    high, wide = tile(k, m, machine, exact=True)
    rows = _in_rows(*call.inputs)
    strips = high if rows and machine.vectors < LANES and m >= 8 * LANES and math.prod(x.shape) > _LARGE else 0
    panels = wide * LANES if k >= _MANY or not rows else 0
    return strips, panels, (panels + (k + high) * bool(strips)) * _places(x) * room(x) + LANES


@emitter(MatMulGradWeight, scratch=lambda call, machine: _brings(call, machine)[2])
def matmul_grad_weight(f: Function, call: Call) -> None:
    """Σ xᵀ g: vectors lie along outputs."""
    (x, g), w, (x_at, g_at) = call.inputs, call.outputs[0], call.x
    floats(x, g, w)
    need(math.prod(x.shape) > 0, "a sum of nothing")
    (k, m), places, lanes, (high, wide, _) = w.shape, _places(x), room(x), _brings(call, f.machine)
    if not _in_rows(x, g):
        def turned(n0: Index, count: int) -> Value:
            with f.loop(0, places) as place:
                turn(f, f.at(g_at, (place * m + n0) * lanes), lanes, count, lanes,
                     f.at(f.scratch, place * (lanes * wide)), wide)
            return f.scratch
        dims = [K(places, k * lanes, lanes * wide), K(lanes, 1, wide)]
        multiply(f, Product(k, m, dims, lanes, m, adds=True, padded=True), x_at, turned, call.y[0])
        return
    real, rows = samples(f, x) * places, lanes * places
    apart = f.at(f.scratch, wide * rows)  # each strip has room for all rows

    def strip(m0: Index, count: int) -> Value:
        return f.at(apart, m0 * rows)

    def panel(n0: Index, count: int) -> Value:
        bring(f, f.at(g_at, n0), m, real, count, f.scratch, wide)
        return f.scratch
    if high:
        blocks(f, k, high, lambda m0, count: bring(f, f.at(x_at, m0), k, real, count, strip(m0, count), high))
    p = Product(k, m, [K(real, high or k, wide or m)], 1, m, adds=True, padded=wide > 0)
    multiply(f, p, strip if high else x_at, panel if wide else g_at, call.y[0])


# Sample by sample ----------------------------------------------------------------------------------------------------

def _turns(call: Call) -> int:
    """Floats for B of a sample, if it is to be turned so that its columns are innermost."""
    b = call.inputs[1]
    return _whole(b.shape[1]) * b.shape[2] if call.root.transpose_b and b.shape[1] > 1 and _in_rows(b) else 0


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
    many, width = y.shape[0] > 1, _whole(p) if _turns(call) else p
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
