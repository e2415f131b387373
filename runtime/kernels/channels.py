"""Views of arrays as (outer, channels, inner) in the order of memory, whatever their layout, and sums over channels."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from graphnet.compiler.types import Array

BLOCK_BYTES = 1 << 18  # of the channels worked on at a time: they stay in the cache from one step to the next


def split_shape(axis: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, int, int]:
    """The shape (outer, channels, inner) of what lies in memory around an axis."""
    order = _memory_order(strides)
    at, sizes = order.index(axis % len(shape)), [shape[i] for i in order]
    return math.prod(sizes[:at]), sizes[at], math.prod(sizes[at + 1:])


def split_at(axis: int, *arrays: Array) -> tuple[Array, ...] | None:
    """Views (outer, channels, inner) of arrays that lie alike, each in memory order; None if they do not."""
    first = arrays[0]
    ordered = [a.transpose(_memory_order(first.strides)) for a in arrays]
    if any(a.strides != first.strides for a in arrays) or not all(a.flags.c_contiguous for a in ordered):
        return None
    return tuple(a.reshape(split_shape(axis, first.shape, first.strides)) for a in ordered)


def _memory_order(strides: tuple[int, ...]) -> list[int]:
    """The axes from the outermost to the innermost."""
    return sorted(range(len(strides)), key=lambda axis: -strides[axis])


def blocks(shape: tuple[int, ...], itemsize: int) -> Iterator[slice]:
    """Cuts the channels of a view (outer, channels, inner) into blocks, or not at all if the channels are innermost."""
    outer, channels, inner = shape
    step = channels if inner == 1 else max(BLOCK_BYTES // max(outer * inner * itemsize, 1), 1)
    for start in range(0, channels, max(step, 1)):
        yield slice(start, min(start + step, channels))


def block_size(shape: tuple[int, ...], itemsize: int) -> int:
    """Elements of the largest block."""
    first = next(blocks(shape, itemsize), slice(0, 0))
    return shape[0] * (first.stop - first.start) * shape[2]


def total(x: Array, out: Array) -> None:
    """Σ x over all but the channels (outer, channels, inner)."""
    np.add.reduce(x, axis=(0, 2), out=out)


def dot(a: Array, b: Array, out: Array) -> None:
    """Σ a b over all but the channels (outer, channels, inner)."""
    if len(a) == 1 and a.shape[2] > 1:  # BLAS is several times as fast as einsum on long runs
        np.matmul(a[0, :, None, :], b[0, :, :, None], out[:, None, None])
    else:
        np.einsum("acb,acb->c", a, b, out=out)
