"""Counts work: calls of functions, and bytes of memory, which unlike time are the same in every run."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple


class Work(NamedTuple):
    """The calls of functions, of Python and of C, and the most bytes that were held at one time."""

    calls: int
    peak: int

    def is_like(self, other: Work) -> bool:
        """Whether it is about as much."""
        return self.calls <= 1.5 * other.calls + 100 and self.peak <= 1.5 * other.peak + 20_000


def work_of(run: Callable[[], object]) -> Work:
    """What a call does, once what it caches is there."""
    run()
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    tracemalloc.start()
    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(before)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return Work(calls, peak)
