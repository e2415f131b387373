"""How a convolution is cut into blocks that stay in the cache, and the scratch memory that this takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided

from graphnet.compiler.op import Op
from graphnet.compiler.ops import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.compiler.ops.windows import Window
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType

COLUMN_BYTES = 1 << 19  # of a block of columns: half of a common second-level cache
SCATTER_BYTES = 5 << 18  # of a block that is added back tap by tap: fewer, longer calls outweigh the cache

Convolution = Conv2d | Conv2dGradInput | Conv2dGradWeight


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of one convolution, and how its output is cut: into bands of rows, those into blocks of columns."""

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
    def depth(self) -> int:
        """Rows of the column matrix of a group: C / groups · KH · KW."""
        return self.image[0] // self.groups * self.window.kernel[0] * self.window.kernel[1]

    def bands(self) -> Iterator[slice]:
        """The rows of the output, cut so that the input rows of each cut, padded, are held at one time."""
        step = self.rows if self.padded else self.output[1]
        for top in range(0, self.output[1], step):
            yield slice(top, min(top + step, self.output[1]))

    def blocks(self, band: slice | None = None) -> Iterator[tuple[slice, slice]]:
        """The blocks of the output (in a band), as slices of its rows and columns."""
        _, height, width, _ = self.output
        band = slice(0, height) if band is None else band
        for top in range(band.start, band.stop, self.rows):
            for left in range(0, width, self.columns):
                yield slice(top, min(top + self.rows, band.stop)), slice(left, min(left + self.columns, width))

    def block_bytes(self, dtype: str) -> int:
        """Bytes of the columns of a block."""
        return self.depth * self.rows * self.columns * self.output[3] * np.dtype(dtype).itemsize

    def band_shape(self) -> tuple[int, int, int, int]:
        """(C, rows, columns, N) of a padded band of the input; no rows if nothing is padded."""
        c, _, w, n = self.image
        rows = (self.rows - 1) * self.window.strides[0] + self.window.extent[0] if self.padded else 0
        return c, rows, w + sum(self.window.padding[1]), n


def make_plan(op: Convolution, image: tuple[int, ...], weight: tuple[int, ...], output: tuple[int, ...], itemsize: int,
              limit: int | None = None) -> Plan:
    """Plans a convolution of these shapes (N, C, H, W), (O, C / groups, KH, KW), (N, O, OH, OW).

    Args:
        op: the convolution or one of its gradients.
        image: the shape of its input.
        weight: of its filters.
        output: of its result.
        itemsize: bytes of an element.
        limit: bytes that a block of columns may take; by default what is fastest.
    """
    n, c, h, w = image
    window = op.window(weight)
    _, o, height, width = output
    position = c // op.groups * window.kernel[0] * window.kernel[1] * n * itemsize
    if limit is None:
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


def workspace(op: Convolution, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...],
              parts: int = 1) -> tuple[TensorType, ...]:
    """A block of columns, a padded band, and for the weight gradient a block's share of it.

    In 2 `parts` the block is about half as large as the fastest one.
    """
    dtype = inputs[0].dtype
    image, weight, output = _shapes(op, inputs, outputs)
    plan = make_plan(op, image, weight, output, np.dtype(dtype).itemsize)
    if parts > 1:
        plan = make_plan(op, image, weight, output, np.dtype(dtype).itemsize, plan.block_bytes(dtype) // parts)
    columns = TensorType(dtype, (plan.block_bytes(dtype) // np.dtype(dtype).itemsize,))
    if isinstance(op, Conv2dGradInput):
        return (columns,)
    band = TensorType(dtype, plan.band_shape())
    share = TensorType(dtype, (plan.depth, plan.output[0] // plan.groups))
    return (columns, band, share) if isinstance(op, Conv2dGradWeight) else (columns, band)


FRUGAL = partial(workspace, parts=2)


def windows_of(plan: Plan, image: Array, group: int, rows: int) -> Array:
    """A view (C/G, KH, KW, rows, OW, N) of the windows of an image, or of a padded band of it, (C, …, …, N)."""
    (kh, kw), (sh, sw), (dh, dw) = plan.window.kernel, plan.window.strides, plan.window.dilation
    channels = plan.image[0] // plan.groups
    source = image[group * channels:(group + 1) * channels]
    c, h, w, n = source.strides
    _, _, width, batch = plan.output
    return as_strided(source, (channels, kh, kw, rows, width, batch), (c, h * dh, w * dw, h * sh, w * sw, n))
