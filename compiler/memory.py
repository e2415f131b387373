"""Plans memory: gives blocks with lifetimes offsets in one arena, so that no two live blocks overlap."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

from graphnet.compiler.program import ALIGNMENT

_EXHAUSTIVE = 1500  # blocks up to which the quadratic planner is tried too


@dataclass(frozen=True, slots=True)
class Block:
    """`size` bytes that are live from instruction `first` to `last`, both included."""

    size: int
    first: int
    last: int


def plan(blocks: Sequence[Block]) -> tuple[list[int], int]:
    """Offsets for the blocks, and the bytes they take in all.

    Tries two orders and keeps the smaller result: in order of time (linear), and largest first (quadratic, so for small
    Programs only; "greedy by size" in Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference,
    2020).
    """
    plans = [_by_time(blocks)]
    if len(blocks) <= _EXHAUSTIVE:
        plans.append(_by_size(blocks))
    return min(plans, key=lambda planned: planned[1])


def align(size: int) -> int:
    """`size` rounded up to the alignment of all blocks."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def lower_bound(blocks: Sequence[Block]) -> int:
    """The most bytes that are live at one time: no plan can take less."""
    changes: dict[int, int] = {}
    for block in blocks:
        changes[block.first] = changes.get(block.first, 0) + align(block.size)
        changes[block.last + 1] = changes.get(block.last + 1, 0) - align(block.size)
    live = peak = 0
    for time in sorted(changes):
        live += changes[time]
        peak = max(peak, live)
    return peak


def _by_size(blocks: Sequence[Block]) -> tuple[list[int], int]:
    offsets = [0] * len(blocks)
    placed: list[tuple[int, int, int, int]] = []
    for i in sorted(range(len(blocks)), key=lambda i: (-blocks[i].size, blocks[i].first, i)):
        block, offset = blocks[i], 0
        for start, end, first, last in placed:  # by offset
            if last < block.first or first > block.last:
                continue
            if start - offset >= align(block.size):
                break
            offset = max(offset, end)
        offsets[i] = offset
        insort(placed, (offset, offset + align(block.size), block.first, block.last))
    return offsets, max((end for _, end, _, _ in placed), default=0)


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
