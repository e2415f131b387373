"""Plans memory: gives blocks with lifetimes offsets in one arena, so that no two live blocks overlap."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.liveness import BEFORE, live_bytes
from graphnet.compiler.planning.program import ALIGNMENT

_EXHAUSTIVE = 12_000  # blocks up to which the quadratic planners are tried too: a second
_FEW = 500  # blocks up to which a plain loop is faster than NumPy's calls


@dataclass(frozen=True, slots=True)
class Block:
    """`size` bytes that are live from instruction `first` to `last`, both included."""

    size: int
    first: int
    last: int


def plan(blocks: Sequence[Block]) -> tuple[list[int], int]:
    """Offsets for the blocks, and the bytes they take in all.

    Tries several orders until one takes no more than is live at one time, and keeps the smallest result: in order of
    time (linear), largest first (quadratic, so not for the largest Programs; "greedy by size" in Pisarchyk and Lee,
    Efficient Memory Management for Deep Neural Net Inference, 2020), and first what takes the most bytes times
    instructions.
    """
    bound, best = lower_bound(blocks), _by_time(blocks)
    for planner in (_by_size, _by_area) if len(blocks) <= _EXHAUSTIVE else ():
        if best[1] <= bound:
            break
        best = min(best, planner(blocks), key=lambda planned: planned[1])
    return best


def align(size: int) -> int:
    """`size` rounded up to the alignment of all blocks."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def lower_bound(blocks: Sequence[Block]) -> int:
    """The most bytes that are live at one time: no plan can take less."""
    length = max((block.last for block in blocks), default=BEFORE) + 1
    return max(live_bytes(((align(block.size), block.first, block.last) for block in blocks), length))


def _by_size(blocks: Sequence[Block]) -> tuple[list[int], int]:
    """The largest first."""
    return _placed(blocks, sorted(range(len(blocks)), key=lambda i: (-blocks[i].size, blocks[i].first, i)))


def _by_area(blocks: Sequence[Block]) -> tuple[list[int], int]:
    """First what takes the most bytes times instructions."""
    def key(i: int) -> tuple[int, int]:
        return -blocks[i].size * (blocks[i].last - blocks[i].first + 1), i

    return _placed(blocks, sorted(range(len(blocks)), key=key))


def _placed(blocks: Sequence[Block], order: Sequence[int]) -> tuple[list[int], int]:
    """Places the blocks in this order, each as low as it fits among those that are live with it."""
    return (_place_few if len(blocks) <= _FEW else _place_many)(blocks, order)


def _place_few(blocks: Sequence[Block], order: Sequence[int]) -> tuple[list[int], int]:
    offsets = [0] * len(blocks)
    starts: list[int] = []
    placed: list[tuple[int, int, int, int]] = []  # start, end, first, last, by start
    for i in order:
        size, first, last = align(blocks[i].size), blocks[i].first, blocks[i].last
        offset = 0
        for start, end, born, dies in placed:
            if dies < first or born > last:
                continue
            if start - offset >= size:
                break
            if end > offset:  # no call of max: this line runs for every pair of blocks
                offset = end
        at = bisect_left(starts, offset)
        starts.insert(at, offset)
        placed.insert(at, (offset, offset + size, first, last))
        offsets[i] = offset
    return offsets, max((end for _, end, _, _ in placed), default=0)


def _place_many(blocks: Sequence[Block], order: Sequence[int]) -> tuple[list[int], int]:
    offsets = [0] * len(blocks)
    total = sum(align(block.size) for block in blocks)
    dtype = np.int64 if total <= np.iinfo(np.int64).max else object  # no arena holds so much, but its size can be asked
    starts, ends, firsts, lasts = (np.zeros(len(blocks), dtype) for _ in range(4))  # of those placed, by start
    for count, i in enumerate(order):
        size, first, last = align(blocks[i].size), blocks[i].first, blocks[i].last
        live = np.flatnonzero((lasts[:count] >= first) & (firsts[:count] <= last))
        tops = np.maximum.accumulate(ends[live])  # up to where all is taken, or too small
        floors = np.concatenate(((0,), tops))
        fits = np.flatnonzero(starts[live] - floors[:-1] >= size)
        offset = int(floors[fits[0] if len(fits) else -1])
        offsets[i] = offset
        at = int(np.searchsorted(starts[:count], offset))
        for array, value in ((starts, offset), (ends, offset + size), (firsts, first), (lasts, last)):
            array[at + 1:count + 1] = array[at:count]
            array[at] = value
    return offsets, int(ends.max(initial=0))


def _by_time(blocks: Sequence[Block]) -> tuple[list[int], int]:
    """Best fit in order of birth, with a list of free ranges."""
    offsets, top = [0] * len(blocks), 0
    free: list[tuple[int, int]] = []  # (start, end), sorted, never touching
    births = sorted(range(len(blocks)), key=lambda i: (blocks[i].first, -blocks[i].size, i))
    deaths = sorted(range(len(blocks)), key=lambda i: (blocks[i].last, i))
    dead = 0
    for i in births:
        while dead < len(deaths) and blocks[deaths[dead]].last < blocks[i].first:
            gone = deaths[dead]
            _release(free, offsets[gone], offsets[gone] + align(blocks[gone].size))
            dead += 1
        size = align(blocks[i].size)
        fits = [(end - start, start, end) for start, end in free if end - start >= size]
        if fits:
            _, start, end = min(fits)
            free.remove((start, end))
            if end - start > size:
                insort(free, (start + size, end))
        elif free and free[-1][1] == top:
            start = free.pop()[0]
            top = start + size
        else:
            start, top = top, top + size
        offsets[i] = start
    return offsets, top


def _release(free: list[tuple[int, int]], start: int, end: int) -> None:
    if start == end:
        return
    insort(free, (start, end))
    i = free.index((start, end))
    if i + 1 < len(free) and free[i + 1][0] == end:
        free[i:i + 2] = [(start, free[i + 1][1])]
    if i > 0 and free[i - 1][1] == start:
        free[i - 1:i + 1] = [(free[i - 1][0], free[i][1])]
