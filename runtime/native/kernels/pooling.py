"""Pooling over windows, and its gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.ops import AvgPool2d, AvgPool2dGrad, MaxPool2d, MaxPool2dGrad
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array
from graphnet.runtime.native.call import Call, batch_innermost, emitter, floats, need, room
from graphnet.runtime.native.chains import Tail
from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function
from graphnet.runtime.native.machine import LANES, Machine
from graphnet.runtime.native.sweeping import Lanes, Reach, Sweep, Weigh, fill, strided
from graphnet.runtime.native.values import F32, Index, Value


def planes(image: Operand, sides: int = 2) -> tuple[int, int]:
    """Planes of the last axes, and the samples within each that there is room for: 1 where samples are outside."""
    if batch_innermost(image):
        return math.prod(image.shape[1:-sides]), room(image)
    return math.prod(image.shape[:-sides]), 1


def _reaches(call: Call, image: Operand, back: bool = False) -> tuple[Reach, Reach]:
    """Of the rows and columns of an image, or, going back, of the results of pooling it."""
    op, sizes = call.root, image.shape[2:]
    need(0 not in sizes, "images without a pixel")
    places, results = (op.window.output(sizes), sizes) if back else (sizes, op.window.output(sizes))
    down, across = (Reach(places[axis], results[axis], op.kernel[axis], op.strides[axis], op.padding[axis][0], back)
                    for axis in (0, 1))
    return down, across


def _line(call: Call, machine: Machine) -> int:
    return _reaches(call, call.inputs[0])[1].floats


@emitter(MaxPool2d, scratch=_line)
def max_pool2d(f: Function, call: Call) -> None:
    """The greatest element of each window, NaN where there is one; padding is left out."""
    image, (count, samples) = call.inputs[0], planes(call.inputs[0])
    floats(*call.inputs, *call.outputs)
    tail = Tail(f, call)

    def finish(value: Value, plane: Index, row: Index, column: Index, offset: Index, lanes: Lanes) -> Value:
        channel = plane if batch_innermost(image) else plane % image.shape[1]
        return tail(value, lambda i: _beside(f, call, i, channel, offset, lanes))
    sweep = Sweep(f, count, samples, *_reaches(call, image), -math.inf, f.greater, f.scratch)
    sweep.write(call.x[0], call.y[0], _as_it_is, finish)


def _beside(f: Function, call: Call, i: int, channel: Index, offset: Index, lanes: Lanes) -> Value:
    """An input of the tail: formed as the output, a number for each channel, or one for all."""
    form, y = call.inputs[i], call.outputs[0]
    floats(form)
    if form.shape == y.shape:
        need(form.strides == y.strides and form.room == y.room, "an input of another layout behind pooling")
        return f.load(call.x[i], offset, lanes)
    if math.prod(form.shape) == 1:
        return f.splat(f.scalar(call.x[i]))
    axes = {node.op.axis % 4 for node in call.op.chain if call.op.body.inputs[i].value in node.inputs}
    need(axes == {1}, "a number for each row or column behind pooling")
    return f.splat(f.scalar(call.x[i], channel))


def _as_it_is(value: Value, row: Index, column: Index) -> Value:
    return value


@emitter(AvgPool2d, scratch=lambda call, machine: _line(call, machine) + _shares_floats(call.outputs[0].shape))
def average_pool2d(f: Function, call: Call) -> None:
    """The sum of each window, times 1 / n."""
    floats(*call.inputs)
    image, reaches = call.inputs[0], _reaches(call, call.inputs[0])
    count, samples = planes(image)
    weigh = _shares(f, call.op.divisors(image.shape), f.at(f.scratch, reaches[1].floats), samples)
    sweep = Sweep(f, count, samples, *reaches, 0.0, lambda a, b: a + b, f.scratch)
    sweep.write(call.x[0], call.y[0], _as_it_is, lambda value, plane, row, column, *_: weigh(value, row, column))


def _back_line(call: Call, machine: Machine) -> int:
    return _reaches(call, call.outputs[0], back=True)[1].floats + _shares_floats(call.inputs[0].shape)


@emitter(AvgPool2dGrad, scratch=_back_line)
def average_pool2d_grad(f: Function, call: Call) -> None:
    """The sum of g / n over the windows that each element lies in."""
    floats(*call.inputs)
    image, reaches = call.outputs[0], _reaches(call, call.outputs[0], back=True)
    count, samples = planes(image)
    weigh = _shares(f, call.op.divisors(image.shape), f.at(f.scratch, reaches[1].floats), samples)
    sweep = Sweep(f, count, samples, *reaches, 0.0, lambda a, b: a + b, f.scratch)
    sweep.write(call.x[0], call.y[0], weigh, lambda value, *_: value)


def _shares_floats(results: Sequence[int]) -> int:
    return sum(-(-size // LANES) * LANES for size in results[2:])


def _shares(f: Function, counts: Array, tables: Value, samples: int) -> Weigh:
    """Multiplies by 1 / n, for n elements (OH, OW) in each window; where they differ, from tables of two factors."""
    if (counts == counts[0, 0]).all():
        share = 1 / float(counts[0, 0])
        return _as_it_is if share == 1 else lambda value, row, column: value * share
    columns = f.at(tables, -(-len(counts) // LANES) * LANES)
    _tabulate(f, tables, counts[0, 0] / counts[:, 0])
    _tabulate(f, columns, 1 / counts[0])

    def weigh(value: Value, row: Index, column: Index) -> Value:
        across = f.load(columns, column) if samples == 1 else f.splat(f.scalar(columns, column))
        return value * (f.splat(f.scalar(tables, row)) * across)
    return weigh


def _tabulate(f: Function, table: Value, numbers: Array) -> None:
    """Writes numbers, most of which are the same."""
    usual = float(np.median(numbers))
    fill(f, table, 0, len(numbers), usual)
    for i in np.flatnonzero(numbers != usual):
        f.put(f.constant(float(numbers[i]), F32), table, int(i))


@emitter(MaxPool2dGrad)
def max_pool2d_grad(f: Function, call: Call) -> None:
    """The first element of a window that is its greatest, or NaN, gets the gradient.

    Where windows lie apart, results may lie over the images: each element is read before its result is written.
    """
    floats(*call.inputs)
    image, (down, across) = call.inputs[1], _reaches(call, call.inputs[1])
    (count, samples), (h, w), apart = planes(image), image.shape[2:], bool(call.op.inplace)
    covered = (down.results * down.kernel, across.results * across.kernel) if apart else (0, 0)
    low, high = f.share(count)
    with f.loop(low, high) as plane:
        g, x, y, dx = (f.at(p, plane * (math.prod(form.shape[2:]) * samples))
                       for p, form in zip((*call.x, *call.y), (*call.inputs, *call.outputs), strict=True))
        route = _Route(f, g, x, y, dx, down, across, samples, apart)
        _clear(f, dx, (h, w), covered, samples)
        with f.loop(0, down.results) as row:
            route.write(row)


def _clear(f: Function, dx: Value, image: tuple[int, int], covered: tuple[int, int], samples: int) -> None:
    """Writes 0 to rows and columns of an image that lie in no window."""
    (h, w), (rows, columns) = image, covered
    rows = rows if columns else 0
    if rows and columns < w:
        with f.loop(0, rows) as row:
            fill(f, f.at(dx, row * (w * samples)), columns * samples, w * samples, 0)
    fill(f, dx, rows * w * samples, h * w * samples, 0)


@dataclass(frozen=True, slots=True)
class _Route:
    """The way of gradients back to the images, on one plane."""

    f: Function
    g: Value
    x: Value
    y: Value
    dx: Value
    down: Reach
    across: Reach
    samples: int
    apart: bool

    def write(self, row: Index) -> None:
        """The windows of a row, by vectors of samples, or of windows none of which is clipped, or one by one."""
        f, results, n = self.f, self.across.results, self.samples
        if n > 1:
            count = 2 if n % (2 * LANES) == 0 else 1
            with f.loop(0, results) as column, f.loop(0, n, count * LANES) as v:
                self._windows(row, column, [v + u * LANES for u in range(count)], None)
        elif self.across.taps:
            blocks(f, results, LANES, lambda column, lanes: self._windows(row, column, [0], lanes))
        else:
            with f.loop(0, results) as column:
                self._windows(row, column, [0], 0)

    def _windows(self, row: Index, column: Index, offsets: Sequence[Index], lanes: Lanes) -> None:
        f, n = self.f, self.samples
        at = (row * self.across.results + f.constant(column)) * n
        step = self.across.stride if n == 1 else 1
        windows = [(v, self._load(self.y, at + v, 1, lanes), f.variable(self._load(self.g, at + v, 1, lanes)))
                   for v in offsets]

        def visit(i: Value, c: Value) -> None:
            for v, top, left in windows:
                place = (i * self.across.places + c) * n + v
                e, given = self._load(self.x, place, step, lanes), left.get()
                equal = f.test("oeq", e, top)
                hit = f.instruction(f"or {equal.type}", equal, f.test("uno", e, e))
                share = f.select(hit, given, 0.0)
                if not self.apart:
                    share = share + self._load(self.dx, place, step, lanes)
                self._store(share, place, step, lanes)
                left.set(f.select(hit, 0.0, given))
        self.down.each(f, row, lambda i: self.across.each(f, column, lambda c: visit(i, c)))

    def _load(self, p: Value, offset: Index, step: int, lanes: Lanes) -> Value:
        return self.f.scalar(p, offset) if lanes == 0 else strided(self.f, self.f.at(p, offset), step, lanes)

    def _store(self, value: Value, offset: Index, step: int, lanes: Lanes) -> None:
        if lanes == 0:
            self.f.put(value, self.dx, offset)
        elif step == 1:
            self.f.store(value, self.dx, offset, lanes)
        else:
            self.f.scatter(value, self.f.at(self.dx, offset), step, lanes)
