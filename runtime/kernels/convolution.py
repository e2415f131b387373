"""Convolution as blocks of im2col and a matrix product, with the batch innermost.

The input is used as (C, H, W, N): a row of the column matrix is then made of whole runs of memory, and a block of
columns is small enough to stay in the cache between being copied and being multiplied. Arrays in another layout go
through the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided

from graphnet.compiler.op import Op
from graphnet.compiler.ops import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.compiler.ops.windows import Window
from graphnet.compiler.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.registry import Array, Call, Run, bind_reference, kernel

COLUMN_BYTES = 1 << 19  # of a block of columns: half of a common second-level cache
SCATTER_BYTES = 1 << 21  # of a block that is added back tap by tap: fewer, longer calls outweigh the cache


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of one convolution, and how its output is cut into blocks of rows × columns."""

    window: Window
    groups: int
    image: tuple[int, int, int, int]  # (C, H, W, N)
    output: tuple[int, int, int, int]  # (O, OH, OW, N)
    rows: int
    columns: int

    @property
    def padded(self) -> bool:
        """Whether the input has to be padded."""
        return any(map(any, self.window.padding))

    @property
    def padded_image(self) -> tuple[int, int, int, int]:
        """(C, H + padding, W + padding, N)."""
        c, h, w, n = self.image
        return c, h + sum(self.window.padding[0]), w + sum(self.window.padding[1]), n

    @property
    def depth(self) -> int:
        """Rows of the column matrix of a group: C / groups · KH · KW."""
        return self.image[0] // self.groups * self.window.kernel[0] * self.window.kernel[1]

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """The blocks of the output, as slices of its rows and columns."""
        _, height, width, _ = self.output
        for top in range(0, height, self.rows):
            for left in range(0, width, self.columns):
                yield slice(top, min(top + self.rows, height)), slice(left, min(left + self.columns, width))

    def interior(self) -> tuple[slice, ...]:
        """Where the image lies in the padded image."""
        (top, _), (left, _) = self.window.padding
        return slice(None), slice(top, top + self.image[1]), slice(left, left + self.image[2])


def make_plan(op: Conv2d | Conv2dGradInput | Conv2dGradWeight, image: tuple[int, ...], weight: tuple[int, ...],
              output: tuple[int, ...], itemsize: int) -> Plan:
    """Plans a convolution of these shapes (N, C, H, W), (O, C / groups, KH, KW), (N, O, OH, OW)."""
    n, c, h, w = image
    window = op.window(weight)
    _, o, height, width = output
    position = c // op.groups * window.kernel[0] * window.kernel[1] * n * itemsize
    limit = SCATTER_BYTES if isinstance(op, Conv2dGradInput) else COLUMN_BYTES
    positions = max(limit // max(position, 1), 1)
    rows, columns = (min(positions // width, height), width) if positions >= width else (1, positions)
    return Plan(window, op.groups, (c, h, w, n), (o, height, width, n), rows, columns)


def batch_last(x: Array) -> Array | None:
    """The contiguous view (C, H, W, N) of a batch-last array (N, C, H, W); None if it is stored otherwise."""
    view = x.transpose(1, 2, 3, 0)
    return view if view.flags.c_contiguous else None


def _shapes(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[tuple[int, ...], ...]:
    a, b, c = inputs[0].shape, inputs[1].shape, outputs[0].shape
    if isinstance(op, Conv2d):
        return a, b, c
    return (c, b, a) if isinstance(op, Conv2dGradInput) else (a, c, b)


def workspace(op: Conv2d | Conv2dGradInput | Conv2dGradWeight, inputs: tuple[Operand, ...],
              outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """A block of columns, the padded image, and for the weight gradient a block's share of it and their sum."""
    dtype = inputs[0].dtype
    image, weight, output = _shapes(op, inputs, outputs)
    plan = make_plan(op, image, weight, output, np.dtype(dtype).itemsize)
    columns = TensorType(dtype, (plan.depth * plan.rows * plan.columns * plan.output[3],))
    padded = TensorType(dtype, plan.padded_image if plan.padded else (0,))
    share = TensorType(dtype, (plan.depth, plan.output[0] // plan.groups))
    return (columns, padded, share, share) if isinstance(op, Conv2dGradWeight) else (columns, padded)


def windows_of(plan: Plan, image: Array, group: int) -> Array:
    """A view (C/G, KH, KW, OH, OW, N) of the windows of a (padded) image (C, H, W, N)."""
    (kh, kw), (sh, sw), (dh, dw) = plan.window.kernel, plan.window.strides, plan.window.dilation
    channels = plan.image[0] // plan.groups
    source = image[group * channels:(group + 1) * channels]
    c, h, w, n = source.strides
    _, height, width, batch = plan.output
    return as_strided(source, (channels, kh, kw, height, width, batch), (c, h * dh, w * dw, h * sh, w * sw, n))


def fill_columns(plan: Plan, windows: Array, flat: Array, block: tuple[slice, slice]) -> tuple[Array, Array, Array]:
    """The views needed to copy a block of windows into columns: (windows, columns as windows, columns as matrix)."""
    source = windows[:, :, :, block[0], block[1]]
    matrix = flat[:source.size].reshape(plan.depth, -1)
    return source, matrix.reshape(source.shape), matrix


def _pad_step(plan: Plan, x: Array, padded: Array) -> tuple[Array, Run | None]:
    """The image to take windows of, and what must run before (filling in the padding)."""
    if not plan.padded:
        return x, None
    target = padded[plan.interior()]

    def run() -> None:
        padded.fill(0)
        np.copyto(target, x)
    return padded, run


def _sequence(steps: list[Run]) -> Run:
    def run() -> None:
        for step in steps:
            step()
    return run


@kernel(Conv2d, workspace=workspace)
def conv2d(call: Call) -> Run:
    """y = W · columns, block by block."""
    (x, w), (y,) = call.inputs, call.outputs
    image, result = batch_last(x), batch_last(y)
    if image is None or result is None:
        return bind_reference(call)
    plan = make_plan(call.op, x.shape, w.shape, y.shape, x.itemsize)
    source, pad = _pad_step(plan, image, call.workspace[1])
    steps = [pad] if pad else []
    filters = w.reshape(plan.groups, plan.output[0] // plan.groups, plan.depth)
    results = result.reshape(plan.groups, -1, *result.shape[1:])
    for group in range(plan.groups):
        windows = windows_of(plan, source, group)
        for block in plan.blocks():
            target = results[group][:, block[0], block[1]]
            steps.append(_conv_block(plan, windows, call.workspace[0], block, filters[group], target))
    return _sequence(steps)


def _conv_block(plan: Plan, windows: Array, flat: Array, block: tuple[slice, slice], filters: Array,
                target: Array) -> Run:
    taken, columns, matrix = fill_columns(plan, windows, flat, block)
    out = target.reshape(len(target), -1) if target.flags.c_contiguous else _rows(target)

    def run() -> None:
        np.copyto(columns, taken)
        np.matmul(filters, matrix, out)
    return run


def _rows(block: Array) -> Array:
    """A block (O, rows, columns, N) of a larger array as a matrix (O, rows · columns · N), without a copy.

    Blocks are whole rows of the image, or parts of one row, so that the last three axes lie in one run.
    """
    return as_strided(block, (len(block), block[0].size), (block.strides[0], block.itemsize))


@kernel(Conv2dGradWeight, workspace=workspace)
def conv2d_grad_weight(call: Call) -> Run:
    """Σ over blocks of columns · gradientᵀ, turned round at the end: BLAS is twice as fast on a tall result."""
    (x, g), (w,) = call.inputs, call.outputs
    image, grad = batch_last(x), batch_last(g)
    if image is None or grad is None:
        return bind_reference(call)
    plan = make_plan(call.op, x.shape, w.shape, g.shape, x.itemsize)
    columns, padded, share, total = call.workspace
    source, pad = _pad_step(plan, image, padded)
    steps = [pad] if pad else []
    results = w.reshape(plan.groups, plan.output[0] // plan.groups, plan.depth)
    grads = grad.reshape(plan.groups, -1, *grad.shape[1:])
    for group in range(plan.groups):
        windows = windows_of(plan, source, group)
        for index, block in enumerate(plan.blocks()):
            piece = _rows(grads[group][:, block[0], block[1]])
            steps.append(_weight_block(plan, windows, columns, block, piece, (share, total), index == 0))
        steps.append(partial(np.copyto, results[group], total.T))
    return _sequence(steps)


def _weight_block(plan: Plan, windows: Array, flat: Array, block: tuple[slice, slice], grad: Array,
                  sums: tuple[Array, Array], first: bool) -> Run:
    taken, columns, matrix = fill_columns(plan, windows, flat, block)
    transposed, (share, total) = grad.T, sums

    def start() -> None:
        np.copyto(columns, taken)
        np.matmul(matrix, transposed, total)

    def more() -> None:
        np.copyto(columns, taken)
        np.matmul(matrix, transposed, share)
        np.add(total, share, total)
    return start if first else more


@kernel(Conv2dGradInput, workspace=workspace)
def conv2d_grad_input(call: Call) -> Run:
    """col2im of Wᵀ · gradient, block by block: every tap is added where it was read."""
    (g, w), (x,) = call.inputs, call.outputs
    image, grad = batch_last(x), batch_last(g)
    if image is None or grad is None:
        return bind_reference(call)
    plan = make_plan(call.op, x.shape, w.shape, g.shape, x.itemsize)
    target = call.workspace[1] if plan.padded else image
    filters = w.reshape(plan.groups, plan.output[0] // plan.groups, plan.depth)
    grads = grad.reshape(plan.groups, -1, *grad.shape[1:])
    steps: list[Run] = [lambda: target.fill(0)]
    for group in range(plan.groups):
        windows = windows_of(plan, target, group)
        for block in plan.blocks():
            piece = _rows(grads[group][:, block[0], block[1]])
            steps.append(_input_block(plan, windows, call.workspace[0], block, filters[group].T, piece))
    if plan.padded:
        interior = target[plan.interior()]
        steps.append(lambda: np.copyto(image, interior))
    return _sequence(steps)


def _input_block(plan: Plan, windows: Array, flat: Array, block: tuple[slice, slice], filters: Array,
                 grad: Array) -> Run:
    target, columns, matrix = fill_columns(plan, windows, flat, block)
    taps = [(target[:, row, column], columns[:, row, column]) for row, column in np.ndindex(plan.window.kernel)]

    def run() -> None:
        np.matmul(filters, grad, matrix)
        for place, tap in taps:
            np.add(place, tap, place)
    return run
