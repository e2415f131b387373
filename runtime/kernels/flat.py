"""Flat views of arrays, whatever their layout, and pieces of them that stay in the cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided

from graphnet.compiler.types import Array

PIECE = 1 << 14  # elements


def in_memory_order(array: Array) -> Array:
    """A flat view of an array's elements in the order of memory; the operands of Programs have no gaps."""
    order = np.argsort([-stride for stride in array.strides], kind="stable")
    return array.transpose(order).reshape(-1)


def flat_runs(views: Sequence[Array]) -> list[Array]:
    """The elements of arrays in the order of memory: a flat view for each run of arrays without gaps between them."""
    runs: list[list[Array]] = []
    end = None
    for view in map(in_memory_order, views):
        if view.ctypes.data == end:
            runs[-1].append(view)
        else:
            runs.append([view])
        end = view.ctypes.data + view.nbytes
    return [as_strided(run[0], (sum(view.size for view in run),), (run[0].itemsize,)) for run in runs]


def flat(views: Sequence[Array]) -> Array:
    """The one run of memory in which weights (or gradients) lie one after the other, each in rows.

    Raises:
        ValueError: they do not; the plan would be wrong.
    """
    runs = flat_runs(views)
    if len(runs) != 1 or not all(view.flags.c_contiguous for view in views):
        raise ValueError("the weights of an update must lie one after the other in memory")
    return runs[0]


def flatten_alike(arrays: Sequence[Array]) -> list[Array] | None:
    """Flat views of arrays of one shape that are stored in one order; None if they are not."""
    order = np.argsort([-stride for stride in arrays[-1].strides], kind="stable")
    stored = [array.transpose(order) for array in arrays]
    if not all(view.flags.c_contiguous for view in stored):
        return None
    return [view.reshape(-1) for view in stored]


def cut(array: Array) -> list[Array]:
    """The pieces of a flat array."""
    return [array[start:start + PIECE] for start in range(0, len(array), PIECE)]
