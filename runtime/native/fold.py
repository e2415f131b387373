"""Joins elements of an array over some of its axes, after something was made of each: sums, means, largest ones.

Lanes of vectors are joined last, by one tree. The order in which a result is joined depends on shapes alone: threads
share results out, never one result. Behind the last sample nothing is taken in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import need
from graphnet.runtime.native.function import Function, Lanes, vectors
from graphnet.runtime.native.values import Index, Value
from graphnet.runtime.native.walk import (
    WIDE,
    Loops,
    Make,
    Places,
    View,
    dims_of,
    load,
    most_pieces,
    padded,
    samples,
    store,
)

Finish = Callable[[Value, Callable[[], Value]], Value]
"""The result, of what was joined, and of how to read what stands in its place."""


@dataclass(frozen=True, slots=True)
class Join:
    """How two elements become one, and the number that changes nothing."""

    two: Callable[[Value, Value], Value]
    neutral: float


class Fold:
    """One walk that joins elements.

    Args:
        f: the function.
        form: what is walked.
        views: what is read at each element.
        make: what is made of that, to be joined.
        axes: that the result no longer has.
        join: how.
        target: the result.
        finish: what becomes of it before it is written.
        out: where all that is made is written, too.
        wide: vectors that are worked on at a time.
    """

    def __init__(self, f: Function, form: Operand, views: Sequence[View], make: Make, axes: Sequence[int], join: Join,
                 target: View, finish: Finish, out: View | None = None, wide: int = WIDE) -> None:
        empty = 0 in form.shape and all(size for axis, size in enumerate(form.shape) if axis not in axes)
        need(not empty, "what is joined of no elements")
        self._f, self._form, self._make, self._join, self._finish = f, form, make, join, finish
        self._writes, self._wide, self._neutral = out is not None, wide, f.splat(join.neutral)
        seen = [*views, *([out] if out else []), target]
        self._of_samples = padded(f, form) and 0 in axes
        dims = dims_of(form, seen, axes, self._of_samples or (f.blocked and 0 in axes))
        self._inner = dims[-1]
        self._kept = [d for d in dims[:-1] if not d.joined]
        self._joined = [d for d in dims[:-1] if d.joined]
        results = self._kept if self._inner.joined else [*self._kept, self._inner]
        self._alone = not results
        shared = most_pieces(results, self._inner, wide) if results else None
        self._loops = Loops(f, seen, len(views), shared)

    def write(self) -> None:
        """Writes the loops."""
        if 0 in self._form.shape:
            return
        run = self._by_runs if self._inner.joined else self._by_lanes
        with self._f.when(self._f.compare("eq", self._f.thread, 0) if self._alone else True):
            self._loops.nest(self._kept, self._loops.start, run)

    def _by_lanes(self, places: Places) -> None:
        """Each lane is a result."""
        stride = self._inner.strides[-1]

        def block(start: Index, count: int) -> None:
            parts = [(start + offset, lanes, self._f.variable(self._neutral)) for offset, lanes in vectors(count)]

            def add(places: Places) -> None:
                values = self._loops.values(self._inner, places)
                for at, lanes, part in parts:
                    part.set(self._join.two(part.get(), self._element(values(at, lanes), places, at, lanes)))
            self._loops.nest(self._joined, places, add)
            for at, lanes, part in parts:
                made = self._finish(part.get(), partial(load, self._f, places[-1], stride, at, lanes))
                store(self._f, made, places[-1], stride, at, lanes)
        self._loops.blocks(self._inner, self._wide, block)

    def _by_runs(self, places: Places) -> None:
        """Lanes are elements of one result."""
        parts = [self._f.variable(self._neutral) for _ in range(self._wide)]

        def add(places: Places) -> None:
            values = self._loops.values(self._inner, places)

            def block(start: Index, count: int) -> None:
                for (offset, lanes), part in zip(vectors(count), parts, strict=False):
                    made = self._element(values(start + offset, lanes), places, start + offset, lanes)
                    part.set(self._join.two(part.get(), self._real(made, start + offset, lanes)))
            self._loops.blocks(self._inner, self._wide, block)
        self._loops.nest(self._joined, places, add)
        joined, *others = [part.get() for part in parts]
        for other in others:
            joined = self._join.two(joined, other)
        total = self._f.total_of(joined, self._join.two)
        self._f.put(self._finish(total, partial(self._f.scalar, places[-1])), places[-1])

    def _real(self, made: Value, at: Index, lanes: Lanes) -> Value:
        """A vector with the neutral number behind the last element, or the last sample."""
        if self._of_samples:
            lanes = samples(self._f, self._form) - self._f.constant(at)
        return made if lanes is None else self._f.select(self._f.mask(lanes), made, self._neutral)

    def _element(self, values: list[Value], places: Places, at: Index, lanes: Lanes) -> Value:
        made = self._make(values)
        if self._writes:
            self._f.store(made, places[-2], at, lanes)
        return made
