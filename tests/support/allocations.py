"""Measures what a call allocates.

Two things take memory up to a fixed limit however large the arrays are: NumPy's iterators, which take a buffer for each
operand that they broadcast or convert, and kernels that run a reference piece by piece. `small_pieces` lowers
both limits, so that small arrays reach them and whatever really grows is seen.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from graphnet.runtime.kernels import blocks, pieces, reduction_max
from graphnet.runtime.session import Executable

SLACK = 1024  # bytes: interpreter objects such as ints and frames, which do not grow


@contextmanager
def small_pieces(monkeypatch: pytest.MonkeyPatch, elements: int) -> Iterator[None]:
    """Within the block NumPy's buffers and pieces of arrays have at most about this many elements."""
    before = np.setbufsize(elements)
    for module in (blocks, pieces, reduction_max):
        monkeypatch.setattr(module, "PIECE", elements)
    try:
        yield
    finally:
        np.setbufsize(before)


def peak_of(step: Callable[[], object]) -> int:
    """The most bytes that a warm call takes beyond what is there before it.

    The lesser of two calls: what other threads of the process take meanwhile counts too, such as that of a worker of
    pytest-xdist that receives the next tests.
    """
    tracemalloc.start()
    try:
        step()
        return min(_peak_of_warm(step), _peak_of_warm(step))
    finally:
        tracemalloc.stop()


def _peak_of_warm(step: Callable[[], object]) -> int:
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    step()
    return tracemalloc.get_traced_memory()[1] - before


def bytes_held(run: Executable) -> int:
    """What is there for a Program, alignment apart: its buffers, and what the native backend has beside them."""
    shared = [run.buffers.sizes[name] for name in run.program.buffers if name in run.buffers.sizes]
    memory, rows = getattr(run, "_memory", None), getattr(run, "_rows", {})
    own = [memory.packed.nbytes, memory.scratch.nbytes] if memory else []
    return sum(shared) + sum(own) + sum(array.nbytes for array in rows.values())
