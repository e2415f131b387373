"""Groups of elements that share a number, such as the channels of a normalisation: walks over them, and sums of them.

A group's elements lie in runs, along which vectors are read, or each of 16 groups has a lane of its own. What is written
for one does for the other: numbers of a group are then scalars or vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import batch_innermost, need, room
from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function, Lanes, vectors
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.values import F32, VEC, Index, Value, with_elements

Visit = Callable[[Index, int, int | None], None]
"""What is done at an offset, where there are so many lanes (None for all), for the partial sum of this number."""
Add = Callable[[Value, Index, int | None], Value]
"""A sum so far, with the elements at an offset added to it. What lies behind the lanes must add 0."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group whose elements lie in runs, or 16 groups that lie side by side.

    Attributes:
        f: the function that is being written.
        start: offset of the first element.
        place: where its number lies in arrays of one for each group.
        count: how many elements of a lane, or blocks of runs, there are; `apart` floats from one to the next.
        apart: see `count`.
    """

    f: Function
    start: Index
    place: Index
    count: Index
    apart: int

    def sums(self, *terms: Add, parts: int = 4, element: str = F32) -> list[Value]:
        """Sums over the group. Each is taken in `parts` vectors by turns, whatever the machine, and then in a tree."""
        zero = self.f.constant(0, with_elements(VEC, element))
        totals = [[self.f.variable(zero) for _ in range(parts)] for _ in terms]

        def visit(offset: Index, part: int, lanes: int | None) -> None:
            for term, total in zip(terms, totals, strict=True):
                total[part].set(term(total[part].get(), offset, lanes))
        self.walk(visit, parts)
        return [self.joined([part.get() for part in total]) for total in totals]

    def walk(self, visit: Visit, parts: int = 4) -> None:
        """Visits all elements of the group, vector by vector."""
        raise NotImplementedError

    def joined(self, parts: list[Value]) -> Value:
        """The sum of partial sums."""
        raise NotImplementedError

    def get(self, pointer: Value) -> Value:
        """The group's number in an array."""
        raise NotImplementedError

    def put(self, value: Value, pointer: Value) -> None:
        """Writes the group's number."""
        raise NotImplementedError

    def whole(self) -> Group:
        """The group with the room behind its samples, where they are innermost."""
        return self

    def load(self, pointer: Value, offset: Index, lanes: int | None) -> Value:
        """Elements of the group; 0 behind the lanes."""
        return self.f.load(pointer, offset, lanes)

    def store(self, value: Value, pointer: Value, offset: Index, lanes: int | None) -> None:
        """Writes elements of the group; room behind samples gets 0."""
        self.f.store(value, pointer, offset, lanes)


@dataclass(frozen=True, slots=True)
class Runs(Group):
    """A group whose elements lie in runs of `length` floats: blocks of so many `rows`, one every `pitch` floats."""

    rows: int
    pitch: int
    length: int

    def walk(self, visit: Visit, parts: int = 4) -> None:
        if not self.rows or not self.length or _never(self.f, self.count):
            return
        step = parts * LANES
        whole = self.length // step * step
        with self.f.loop(0, self.count) as block, self.f.loop(0, self.rows) as row:
            base = block * self.apart + row * self.pitch + self.start
            if whole:
                with self.f.loop(0, whole, step) as e:
                    for part in range(parts):
                        visit(base + e + part * LANES, part, None)
            for part, (offset, lanes) in enumerate(vectors(self.length - whole)):
                visit(base + (whole + offset), part, lanes)

    def joined(self, parts: list[Value]) -> Value:
        while len(parts) > 1:
            half = len(parts) // 2
            parts = [a + b for a, b in zip(parts[:half], parts[half:], strict=True)]
        return self.f.total_of(parts[0])

    def get(self, pointer: Value) -> Value:
        return self.f.scalar(pointer, self.place)

    def put(self, value: Value, pointer: Value) -> None:
        self.f.put(value, pointer, self.place)

    def whole(self) -> Group:
        return replace(self, rows=1, pitch=self.rows * self.pitch, length=self.rows * self.pitch)

    def load(self, pointer: Value, offset: Index, lanes: int | None) -> Value:
        if lanes is None or self.pitch == self.length:
            return self.f.load(pointer, offset, lanes)
        return self.f.select(self.f.mask(lanes), self.f.load(pointer, offset), 0.0)

    def store(self, value: Value, pointer: Value, offset: Index, lanes: int | None) -> None:
        if lanes is None or self.pitch == self.length:
            self.f.store(value, pointer, offset, lanes)
        else:
            self.f.store(self.f.select(self.f.mask(lanes), value, 0.0), pointer, offset)


@dataclass(frozen=True, slots=True)
class SideBySide(Group):
    """Groups that have a lane each: `lanes` of them, None for 16, of which the first `numbered` have numbers."""

    lanes: int | None
    numbered: Lanes

    def walk(self, visit: Visit, parts: int = 4) -> None:
        if not _never(self.f, self.count):
            with self.f.loop(0, self.count) as step:
                visit(step * self.apart + self.start, 0, self.lanes)

    def joined(self, parts: list[Value]) -> Value:
        return parts[0]

    def get(self, pointer: Value) -> Value:
        return self.f.load(pointer, self.place, self.numbered)

    def put(self, value: Value, pointer: Value) -> None:
        self.f.store(value, pointer, self.place, self.numbered)


def each_channel(f: Function, x: Operand, axis: int, body: Callable[[Group], None]) -> None:
    """Writes this thread's work on the groups of elements that have the same index along an axis."""
    outer, k, inner = _around(x, axis)
    last, count = batch_innermost(x), f.constant(outer)
    need(not last or axis % len(x.shape) != 0, "a number for each sample where samples are innermost")
    if not last and axis % len(x.shape) != 0:
        count = f.n * (outer // max(x.shape[0], 1))
    if inner == 1:
        _side_by_side(f, 1, k, count, k, body)
        return
    length, pitch = (x.shape[0], room(x)) if last else (inner, inner)
    if length == pitch:
        length = pitch = inner
    with _shared(f, k) as c:
        body(Runs(f, c * inner, c, count, k * inner, inner // max(pitch, 1), pitch, length))


def each_vector(f: Function, x: Operand, axis: int, body: Callable[[Group], None], numbers: int = 0) -> None:
    """Writes this thread's work on the groups of elements whose indices differ along an axis only.

    `numbers` is how many floats an array of one for each group has, if it is read or written.
    """
    outer, k, inner = _around(x, axis)
    if inner != 1:
        _side_by_side(f, outer, inner, f.constant(k), numbers or outer * inner, body)
        return
    with _shared(f, outer) as c:
        body(Runs(f, c * k, c, 1, 0, 1, k, x.shape[axis]))


def _around(x: Operand, axis: int) -> tuple[int, int, int]:
    """In memory, elements around an axis, along it and within it."""
    dims, at = x.shape, axis % len(x.shape)
    if batch_innermost(x):
        dims, at = (*dims[1:], room(x)), (at - 1) % len(dims)
    return math.prod(dims[:at]), dims[at], math.prod(dims[at + 1:])


def _side_by_side(f: Function, outer: int, width: int, count: Value, numbers: int,
                  body: Callable[[Group], None]) -> None:
    """Groups in `outer` blocks of `count` rows of `width` floats, each of which belongs to a group of its own."""
    def some(block: Index, first: Index, lanes: int | None) -> None:
        place = block * f.constant(width) + first
        short = numbers < outer * width
        body(SideBySide(f, block * (count * width) + first, place, count, width, lanes,
                        f.most(f.least(numbers - place, LANES), 0) if short else lanes))

    each, rest = divmod(width, LANES)
    if not rest:
        with _shared(f, outer * each) as t:
            some(t // max(each, 1), t % max(each, 1) * LANES, None)
    elif outer == 1:
        blocks(f, width, LANES, lambda first, lanes: some(0, first, lanes), *f.share(each + 1))
    else:
        with _shared(f, outer) as block:
            blocks(f, width, LANES, lambda first, lanes: some(block, first, lanes))


@contextmanager
def _shared(f: Function, pieces: int) -> Iterator[Value]:
    """A loop over this thread's share."""
    low, high = f.share(pieces)
    with f.loop(low, high) as piece:
        yield piece


def _never(f: Function, count: Index) -> bool:
    return f.constant(count).known == 0
