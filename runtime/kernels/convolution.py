"""Convolution as blocks of im2col and a matrix product, with the batch innermost.

The input is used as (C, H, W, N): a row of the column matrix is then made of whole runs of memory, and a block of
columns is small enough to stay in the cache between being copied and being multiplied. Arrays in another layout go
through the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided

from graphnet.compiler.ops import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.compiler.types import Array
from graphnet.runtime.kernels.convolution_plan import FRUGAL, Plan, batch_last, make_plan, windows_of, workspace
from graphnet.runtime.kernels.registry import Call, Run, bind_reference, kernel, sequence
from graphnet.runtime.kernels.windows import clip_steps


def walk_columns(plan: Plan, image: Array, memory: Sequence[Array],
                 visit: Callable[[int, tuple[slice, slice], Run, Array], Run]) -> Run:
    """Goes through the column matrix of an image (C, H, W, N) block by block.

    Args:
        plan: how it is cut.
        image: the image.
        memory: for a block of columns, and for a padded band.
        visit: makes, from a group, a block, what fills its columns, and those columns as a matrix, what is done there.
    """
    flat, padded = memory
    steps: list[Run] = [partial(padded.fill, 0)] if plan.padded else []
    for band in plan.bands():
        source, count = image, plan.output[1]
        if plan.padded:
            source, count = padded, band.stop - band.start
            steps.append(_fill_band(plan, image, padded, band))
        for group in range(plan.groups):
            windows = windows_of(plan, source, group, count)
            for block in plan.blocks(band):
                first = band.start if plan.padded else 0
                taken = windows[:, :, :, block[0].start - first:block[0].stop - first, block[1]]
                matrix = flat[:taken.size].reshape(plan.depth, -1)
                fill = partial(np.copyto, matrix.reshape(taken.shape), taken)
                steps.append(visit(group, block, fill, matrix))
    return sequence(steps)


def _fill_band(plan: Plan, image: Array, padded: Array, band: slice) -> Run:
    """Copies the rows of the image that the windows of a band of outputs touch; rows in the padding become 0."""
    left = plan.window.padding[1][0]
    start = band.start * plan.window.strides[0] - plan.window.padding[0][0]
    rows, places = clip_steps(start, 1, plan.image[1], padded.shape[1])
    source, target = image[:, rows], padded[:, places, left:left + plan.image[2]]
    edges = [edge for edge in (padded[:, :places.start], padded[:, places.stop:]) if edge.size]

    def run() -> None:
        for edge in edges:
            edge.fill(0)
        np.copyto(target, source)
    return run


@kernel(Conv2d, workspace=workspace, frugal=FRUGAL)
def conv2d(call: Call) -> Run:
    """y = W · columns, block by block."""
    (x, w), (y,) = call.inputs, call.outputs
    image, result = batch_last(x), batch_last(y)
    if image is None or result is None:
        return bind_reference(call)
    plan = make_plan(call.op, x.shape, w.shape, y.shape, x.itemsize, call.workspace[0].nbytes)
    filters = w.reshape(plan.groups, plan.output[0] // plan.groups, plan.depth)
    results = _grouped(plan, result)

    def visit(group: int, block: tuple[slice, slice], fill: Run, matrix: Array) -> Run:
        weights, out = filters[group], _rows(results[group][:, block[0], block[1]])

        def run() -> None:
            fill()
            np.matmul(weights, matrix, out)
        return run
    return walk_columns(plan, image, call.workspace, visit)


def _grouped(plan: Plan, array: Array) -> Array:
    """A view with the first axis split in (groups, rest)."""
    return array.reshape(plan.groups, len(array) // plan.groups, *array.shape[1:])


def _rows(block: Array) -> Array:
    """A block (O, rows, columns, N) of a larger array as a matrix (O, rows · columns · N), without a copy.

    Blocks are whole rows of the image, or parts of one row, so that the last three axes lie in one run.
    """
    return as_strided(block, (len(block), block[0].size), (block.strides[0], block.itemsize))


@kernel(Conv2dGradWeight, workspace=workspace, frugal=FRUGAL)
def conv2d_grad_weight(call: Call) -> Run:
    """Σ over blocks of columns · gradientᵀ, turned round at the end: BLAS is twice as fast on a tall result."""
    (x, g), (w,) = call.inputs, call.outputs
    image, grad = batch_last(x), batch_last(g)
    if image is None or grad is None:
        return bind_reference(call)
    plan = make_plan(call.op, x.shape, w.shape, g.shape, x.itemsize, call.workspace[0].nbytes)
    *memory, share = call.workspace
    results = w.reshape(plan.groups, plan.output[0] // plan.groups, plan.depth)
    grads = _grouped(plan, grad)

    def visit(group: int, block: tuple[slice, slice], fill: Run, matrix: Array) -> Run:
        piece, result = _rows(grads[group][:, block[0], block[1]]).T, results[group]

        def run() -> None:
            fill()
            np.matmul(matrix, piece, share)
            np.add(result, share.T, result)
        return run
    walk = walk_columns(plan, image, memory, visit)

    def run_all() -> None:
        w.fill(0)
        walk()
    return run_all


@kernel(Conv2dGradInput, workspace=workspace, frugal=FRUGAL)
def conv2d_grad_input(call: Call) -> Run:
    """col2im of Wᵀ · gradient, block by block: every tap is added where it was read, and dropped if in the padding."""
    (g, w), (x,) = call.inputs, call.outputs
    image, grad = batch_last(x), batch_last(g)
    if image is None or grad is None:
        return bind_reference(call)
    plan = make_plan(call.op, x.shape, w.shape, g.shape, x.itemsize, call.workspace[0].nbytes)
    filters = w.reshape(plan.groups, plan.output[0] // plan.groups, plan.depth)
    grads = _grouped(plan, grad)
    images = _grouped(plan, image)
    steps: list[Run] = [partial(image.fill, 0)]
    for group in range(plan.groups):
        for block in plan.blocks():
            piece = _rows(grads[group][:, block[0], block[1]])
            steps.append(_scatter_block(plan, images[group], call.workspace[0], block, filters[group].T, piece))
    return sequence(steps)


def _scatter_block(plan: Plan, image: Array, flat: Array, block: tuple[slice, slice], filters: Array,
                   grad: Array) -> Run:
    shape = (block[0].stop - block[0].start, block[1].stop - block[1].start)
    columns = flat[:plan.depth * shape[0] * shape[1] * plan.output[3]]
    matrix = columns.reshape(plan.depth, -1)
    taken = columns.reshape(len(image), *plan.window.kernel, *shape, plan.output[3])
    taps = []
    for row, column in np.ndindex(plan.window.kernel):
        (places, rows), (across, chosen) = (_inside(plan, axis, offset, block[axis])
                                            for axis, offset in enumerate((row, column)))
        taps.append((image[:, places, across], taken[:, row, column, rows, chosen]))

    def run() -> None:
        np.matmul(filters, grad, matrix)
        for place, tap in taps:
            np.add(place, tap, place)
    return run


def _inside(plan: Plan, axis: int, offset: int, outputs: slice) -> tuple[slice, slice]:
    """Where element `offset` of the windows of some outputs lies in the image, and for which of them it does."""
    stride = plan.window.strides[axis]
    start = outputs.start * stride + offset * plan.window.dilation[axis] - plan.window.padding[axis][0]
    return clip_steps(start, stride, plan.image[1 + axis], outputs.stop - outputs.start)
