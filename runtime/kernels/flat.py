"""Walks over weights, gradients and moments that lie in flat buffers, in pieces that stay in the cache."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.lib.stride_tricks import as_strided

from graphnet.runtime.kernels.registry import Array

PIECE = 1 << 14  # elements


def flat_runs(views: Sequence[Array]) -> list[Array]:
    """The elements of arrays as flat views, one for each run of memory in which they lie one after the other.

    Raises:
        ValueError: an array has gaps; the plan would be wrong.
    """
    runs: list[list[Array]] = []
    end = None
    for view in views:
        if not view.flags.c_contiguous:
            raise ValueError("weights and gradients must be stored without gaps")
        if view.ctypes.data == end:
            runs[-1].append(view)
        else:
            runs.append([view])
        end = view.ctypes.data + view.nbytes
    return [as_strided(run[0].reshape(-1), (sum(view.size for view in run),), (run[0].itemsize,)) for run in runs]


def flat(views: Sequence[Array]) -> Array:
    """The one run of memory in which weights (or gradients) lie one after the other.

    Raises:
        ValueError: they do not; the plan would be wrong.
    """
    runs = flat_runs(views)
    if len(runs) != 1:
        raise ValueError("the weights of an update must lie one after the other in memory")
    return runs[0]


def cut(array: Array) -> list[Array]:
    """The pieces of a flat array."""
    return [array[start:start + PIECE] for start in range(0, len(array), PIECE)]
