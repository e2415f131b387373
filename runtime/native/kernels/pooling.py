"""Pooling over windows and its gradients; nearest-neighbour upsampling and sums over blocks, windows side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from graphnet.compiler.ops import AvgPool2d, AvgPool2dGrad, MaxPool2d, MaxPool2dGrad, SumBlocks, Upsample
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.values import F32, Index, Value
from graphnet.runtime.native.emit.call import Call, batch_innermost, emitter, floats, need
from graphnet.runtime.native.emit.epilogue import epilogue
from graphnet.runtime.native.emit.sweeping import Reach, Sweep, each_window, fill, planes, strided


def _reaches(call: Call, image: Operand, back: bool = False) -> tuple[Reach, Reach]:
    """Of the rows and columns of an image, or, going back, of the results of pooling it."""
    op, sizes = call.root, image.shape[2:]
    need(0 not in sizes, "images without a pixel")
    places, results = (op.window.output(sizes), sizes) if back else (sizes, op.window.output(sizes))
    down, across = (Reach(places[axis], results[axis], op.kernel[axis], op.strides[axis], op.padding[axis][0], back)
                    for axis in (0, 1))
    return down, across


@emitter(MaxPool2d)
def max_pool2d(f: Function, call: Call) -> None:
    """The greatest element of each window, NaN where there is one; padding is left out."""
    image = call.inputs[0]
    floats(*call.inputs, *call.outputs)
    after, inside = epilogue(f, call), batch_innermost(image)

    def finish(value: Value, plane: Index, offset: Index, lanes: Lanes) -> Value:
        return after(value, plane if inside else plane % image.shape[1], offset, lanes)
    Sweep(f, *planes(image), *_reaches(call, image), -math.inf, f.greater).write(call.x[0], call.y[0], finish=finish)


@emitter(AvgPool2d, AvgPool2dGrad)
def average_pool2d(f: Function, call: Call) -> None:
    """The sum of each window, times 1 / n; and that of g / n over the windows that each element lies in."""
    floats(*call.inputs)
    op, back = call.op, isinstance(call.op, AvgPool2dGrad)
    image = call.outputs[0] if back else call.inputs[0]
    counts = op.divisors(image.shape)

    def number(axis: int, at: Index) -> Value:
        """Of the elements of a window, or of each of those beside each other, along an axis."""
        first, (before, after) = f.constant(at) * op.strides[axis] - op.padding[axis][0], op.counted[axis]
        return f.least(first + op.kernel[axis], image.shape[axis + 2] + after) - f.most(first, -before)

    def share(value: Value, row: Index, column: Index) -> Value:
        if (counts == counts[0, 0]).all():
            return value * (1 / float(counts[0, 0]))
        return value * f.splat(1.0 / f.convert("sitofp", number(0, row) * number(1, column), F32))
    Sweep(f, *planes(image), *_reaches(call, image, back)).write(
        call.x[0], call.y[0], share if back else None, None if back else share)


@emitter(MaxPool2dGrad)
def max_pool2d_grad(f: Function, call: Call) -> None:
    """The first element of a window that is its greatest, or NaN, gets the gradient.

    Where windows lie apart, results may lie over the images: each element is read before its result is written.
    """
    floats(*call.inputs)
    image, (down, across) = call.inputs[1], _reaches(call, call.inputs[1])
    (count, n), (h, w), apart = planes(image), image.shape[2:], bool(call.op.inplace)
    rows, columns = (down.results * down.kernel, across.results * across.kernel) if apart else (0, 0)
    with f.loop(*f.share(count)) as plane:
        g, x, y, dx = (f.at(p, plane * (math.prod(form.shape[2:]) * n))
                       for p, form in zip((*call.x, *call.y), (*call.inputs, *call.outputs), strict=True))
        if rows * columns and columns < w:
            with f.loop(0, rows) as row:
                fill(f, f.at(dx, row * (w * n)), columns * n, w * n, 0)
        fill(f, dx, (rows if columns else 0) * w * n, h * w * n, 0)

        def windows(row: Index, column: Index, offsets: Sequence[Index], lanes: Lanes, whole: bool = False) -> None:
            """Windows of samples, or beside each other."""
            at, step = (row * across.results + f.constant(column)) * n, across.stride if n == 1 else 1
            beside = [(v, f.load(y, at + v, lanes), f.variable(f.load(g, at + v, lanes))) for v in offsets]

            def visit(i: Value, c: Value) -> None:
                for v, top, left in beside:
                    place = (i * across.places + c) * n + v
                    e, given, target = strided(f, f.at(x, place), step, lanes), left.get(), f.at(dx, place)
                    hit = f.bitwise("or", f.test("oeq", e, top), f.test("uno", e, e))
                    share = f.select(hit, given, 0.0)
                    share = share if apart else share + strided(f, target, step, lanes)
                    if step == 1:
                        f.store(share, target, 0, lanes)
                    else:
                        f.scatter(share, target, step, lanes)
                    left.set(f.select(hit, 0.0, given))
            down.each(f, row, lambda i: across.each(f, column, lambda c: visit(i, c), whole))
        with f.loop(0, down.results) as row:
            each_window(f, across, n, partial(windows, row))


# Blocks of elements --------------------------------------------------------------------------------------------------


def _block_reaches(call: Call) -> tuple[Reach, Reach]:
    """Of rows and columns; with one factor there is one row."""
    factors, sides = call.op.factors, len(call.op.factors)
    x, y = call.inputs[0].shape, call.outputs[0].shape
    need(sides <= 2 and len(x) > sides, f"blocks of {sides} of {len(x)} dims")
    *above, across = (Reach(a, b, factor, factor, back=isinstance(call.op, Upsample))
                      for a, b, factor in zip(x[-sides:], y[-sides:], factors, strict=True))
    return above[0] if above else Reach(1, 1, 1, 1), across


@emitter(SumBlocks, Upsample)
def sweep_blocks(f: Function, call: Call) -> None:
    """Sums over blocks; and the way back, on which each element takes the one that its block comes from."""
    floats(*call.inputs)
    if 0 not in call.inputs[0].shape:
        sweep = Sweep(f, *planes(call.inputs[0], len(call.op.factors)), *_block_reaches(call), -0.0)
        sweep.write(call.x[0], call.y[0])
