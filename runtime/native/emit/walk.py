"""Goes over the elements of an array in the order of memory, vector by vector: the loops of all kernels but products.

Axes that all views of it go along alike are one dimension, so arrays that lie alike are one run of memory. Along some
axes elements are joined. If the innermost is one, lanes of a vector are elements of one result, joined last by a tree;
else they are results beside each other. A kernel says what becomes of a result's elements, whichever it is.

Threads share results out, never one result, so the order of a sum depends on shapes alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.contract import blocks
from graphnet.runtime.llvm.function import Function, Lanes, vectors
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.llvm.values import F32, Index, Value
from graphnet.runtime.native.emit.call import batch_innermost, need, room
from graphnet.runtime.native.emit.views import View, load, samples

WIDE = 4
"""Vectors that are worked on at a time where little is to be done with each."""
Two = Callable[[Value, Value], Value]
"""Joins two."""


@dataclass(frozen=True, slots=True)
class Dim:
    """Axes as one: their extent, the strides of all views along it, and whether elements are joined along it.

    If not all may be real, `each` is the elements of a sample; samples `inside` are innermost, with room for vectors.
    """

    extent: int
    strides: tuple[int, ...]
    joined: bool = False
    each: int = 0
    inside: bool = False


def _dims(f: Function, form: Operand, views: Sequence[View], axes: Sequence[int], apart: bool) -> list[Dim]:
    """The dimensions of a walk in the order of memory, samples `apart` if their number matters."""
    last = bool(form.shape) and batch_innermost(form)
    apart = (apart or 0 in axes) and (f.blocked or room(form) != form.shape[0])
    rank, dims, alone = len(form.shape), list[Dim](), False
    for axis in [*range(1, rank), 0] if last else range(rank):
        extent = room(form) if axis == 0 and last else form.shape[axis]
        if extent == 1:
            continue
        single = apart and axis == 0
        dim = Dim(extent, tuple(v.strides[axis] for v in views), axis in axes,
                  int(single or (f.blocked and axis == 0 and not last)), axis == 0 and last and extent % LANES == 0)
        if dims and not alone and not single and dims[-1].joined == dim.joined and all(
                a == b * extent for a, b in zip(dims[-1].strides, dim.strides, strict=True)):
            before = dims.pop()
            dim = replace(dim, extent=before.extent * extent, each=before.each * extent)
        dims.append(dim)
        alone = single
    return dims or [Dim(1, (0,) * len(views))]


class Walk:
    """The loops of a kernel over the elements of an array `form`, some of which `axes` join.

    Of a place, `x(i)` is what is read and `put(value, i)` writes. `wide` vectors of joined elements, or `beside` ones
    of results, are worked on at a time. Short rows of joined elements may be `gathered`, 16 beside each other. Samples
    are `apart` if it matters how many are real though none are joined.
    """

    def __init__(self, f: Function, form: Operand, reads: Sequence[View], writes: Sequence[View],
                 axes: Sequence[int] = (), *, wide: int = 1, beside: int = 1, gathered: bool = False,
                 apart: bool = False) -> None:
        self.f, self.form, self.wide, self.views, self.reads = f, form, wide, [*reads, *writes], len(reads)
        self._beside, self._empty = beside, 0 in form.shape
        need(not self._empty or 0 in [size for axis, size in enumerate(form.shape) if axis not in axes],
             "what is joined of no elements")
        dims = _dims(f, form, self.views, axes, apart)
        last = dims[-1]
        short = gathered and len(dims) > 1 and last.joined and last.extent < LANES <= dims[-2].extent
        self.lane = dims.pop(-2 if short else -1)
        self._outer, self.joined = [d for d in dims if not d.joined], [d for d in dims if d.joined]
        results = self._outer if self.lane.joined else [*self._outer, self.lane]
        self._shared = max(results, key=lambda d: -(-d.extent // (beside * LANES)) if d is self.lane else d.extent,
                           default=None)

    def each(self, body: Callable[[Group], object]) -> None:
        """Writes body(group) for all results, which threads share."""
        if self._empty:
            return

        def run(places: list[Value], _: Index) -> None:
            same = self.same(places, {}, [*self.joined, self.lane])

            def some(start: Index, count: int) -> None:
                body(Group([Place(self, places, {**same}, start + offset, lanes, part=part)
                            for part, (offset, lanes) in enumerate(vectors(count))]))
            if self.lane.joined:
                some(0, 1)
            else:
                self.blocks(self._beside, some)
        with self.f.when(True if self._shared else self.f.compare("eq", self.f.thread, 0)):
            self.nest(self._outer, [v.pointer for v in self.views], run)

    def stop(self, d: Dim) -> Index:
        """Where the elements of real samples end."""
        return self.f.constant(samples(self.f, self.form)) * d.each if d.each else d.extent

    def nest(self, dims: Sequence[Dim], places: list[Value], body: Callable[[list[Value], Index], None],
             index: Index = 0) -> None:
        """Loops over all of these dimensions, with body(addresses, index) in the innermost."""
        if not dims:
            body(places, index)
            return
        d, *inner = dims
        with self.f.loop(*self._part(d, self.stop(d))) as i:
            self.nest(inner, [self.f.at(place, i * stride, v.element)
                              for place, stride, v in zip(places, d.strides, self.views, strict=True)], body, i)

    def blocks(self, wide: int, body: Callable[[Index, int], None]) -> None:
        """body(start, count) for blocks of so many vectors of the dimension of lanes."""
        f, d, size = self.f, self.lane, wide * LANES
        extent = self.form.shape[0] * d.each if d.each and d.joined and not f.blocked else d.extent
        count = (f.constant(extent if d.inside else self.stop(d)) + (size - 1)) // size
        blocks(f, extent, size, body, *self._part(d, count))

    def _part(self, d: Dim, count: Index) -> tuple[Index, Index]:
        return self.f.share(count) if d is self._shared else (0, count)

    def same(self, places: list[Value], known: dict[int, Value], dims: Sequence[Dim]) -> dict[int, Value]:
        """What is read of views that stay the same along these dimensions; it is read once."""
        return known | {i: self.f.splat(self.f.scalar(places[i], 0, self.views[i].element))
                        for i in range(self.reads) if i not in known and not any(d.strides[i] for d in dims)}


@dataclass(frozen=True, slots=True)
class Place:
    """A vector's place: elements along the dimension of lanes, `start` being the first, or one number for a result.

    `index` is the number of the place along the outer joined dimension, if there is one; `part` tells vectors apart: of
    results, or of elements that are taken by turns.
    """

    walk: Walk
    places: list[Value]
    same: dict[int, Value]
    start: Index
    lanes: Lanes
    index: Index = 0
    part: int = 0

    @property
    def real(self) -> Lanes:
        """How many lanes are elements of real samples; None for all."""
        walk, f = self.walk, self.walk.f
        dynamic = walk.lane.each and (f.blocked or not walk.lane.joined)
        return f.constant(walk.stop(walk.lane)) - self.start if dynamic else self.lanes

    @property
    def number(self) -> Value:
        """The numbers of the elements along the joined dimension, as floats."""
        f, along = self.walk.f, self.walk.lane.joined
        first = f.splat(f.convert("sitofp", f.constant(self.start if along else self.index), F32))
        return first + f.list_constant(range(LANES), F32) if along else first

    def _room(self, i: int) -> Lanes:
        f, walk = self.walk.f, self.walk
        if walk.views[i].least:
            return f.least(LANES, walk.views[i].least - f.constant(self.start))
        return None if walk.lane.inside else self.lanes

    def x(self, i: int) -> Value:
        """What is read there."""
        if i not in self.same:
            self.same[i] = self._load(i)
        return self.same[i]

    def y(self, i: int = 0) -> Value:
        """What has been written there."""
        return self._load(self.walk.reads + i)

    def _load(self, i: int) -> Value:
        stride, v, f = self.walk.lane.strides[i], self.walk.views[i], self.walk.f
        if not stride:
            return f.splat(f.scalar(self.places[i], 0, v.element))
        return load(f, self.places[i], stride, self.start, self._room(i), v.element)

    def put(self, value: Value, i: int = 0, ends: bool = False) -> Value:
        """Writes there, and returns it; with `ends`, 0 behind the samples."""
        f, i = self.walk.f, self.walk.reads + i
        stride = self.walk.lane.strides[i]
        if ends and self.walk.lane.each and self.real is not None:
            value = f.select(f.mask(self.real), value, 0.0)
        if stride > 1:
            f.scatter(value, f.at(self.places[i], self.start * stride), stride, self._room(i))
        else:
            f.store(value, self.places[i], self.start * stride, self._room(i) if stride else 1)
        return value


Of = Callable[[Place], Value]
"""What is made of a place."""
Step = Callable[[Value, Place], Value]
"""What a number becomes by what is at a place."""


@dataclass(frozen=True, slots=True)
class Group:
    """A result's elements, or those of results beside each other, by vectors.

    `spots` are the vectors of results, or the place of the one; what is read there is in every lane. What does not
    return lists is for one of them.
    """

    spots: list[Place]

    @property
    def walk(self) -> Walk:
        """The walk over all of them."""
        return self.spots[0].walk

    @property
    def f(self) -> Function:
        """The function that is being written."""
        return self.walk.f

    @property
    def extent(self) -> int:
        """How many elements are joined."""
        return math.prod(d.extent for d in (*self.walk.joined, self.walk.lane) if d.joined)

    def over(self, visit: Callable[[Place], object]) -> None:
        """Writes visit(place) for all elements."""
        walk = self.walk

        def line(places: list[Value], index: Index) -> None:
            same = walk.same(places, self.spots[0].same, [walk.lane])

            def some(start: Index, count: int) -> None:
                for part, (offset, lanes) in enumerate(vectors(count)):
                    visit(Place(walk, places, {**same}, start + offset, lanes, index, part))
            if walk.lane.joined:
                walk.blocks(walk.wide, some)
            for spot in () if walk.lane.joined else self.spots:
                visit(replace(spot, places=places, same={**same}, index=index))
        walk.nest(walk.joined, self.spots[0].places, line)

    def folds(self, start: Value | float, steps: Sequence[Step], join: Two) -> list[list[Value]]:
        """What numbers become in one walk, for each vector of results; `join` takes what vectors and lanes have."""
        f, lane = self.f, self.walk.lane
        parts = min(self.walk.wide, -(-lane.extent // LANES)) if lane.joined else len(self.spots)
        kept = [[f.variable(f.splat(start)) for _ in steps] for _ in range(parts)]

        def visit(at: Place) -> None:
            real = at.real if lane.joined else None
            for step, number in zip(steps, kept[at.part], strict=True):
                made = step(number.get(), at)
                number.set(made if real is None else f.select(f.mask(real), made, number.get()))
        self.over(visit)
        numbers = [[number.get() for number in part] for part in kept]
        return [[self._joined(each, join) for each in zip(*numbers, strict=True)]] if lane.joined else numbers

    def _joined(self, parts: Sequence[Value], join: Two) -> Value:
        made = reduce(join, parts)
        for distance in (8, 4, 2, 1):
            made = join(made, self.f.shuffle(made, made, [lane ^ distance for lane in range(LANES)]))
        return made

    def own(self, i: int) -> Value:
        """The number that the result has of what is read."""
        return self.spots[0].x(i)

    def give(self, value: Value, i: int = 0) -> None:
        """Writes a number of the result."""
        self.spots[0].put(value, i)

    def fold(self, start: Value | float, step: Step, join: Two) -> Value:
        """What a number becomes, see `folds`."""
        return self.folds(start, [step], join)[0][0]

    def totals(self, *terms: Sequence[Of]) -> list[Value]:
        """Sums of numbers at each place, or of products of two."""
        def step(term: Of, factor: Of | None = None) -> Step:
            return lambda kept, at: self.f.fma(term(at), factor(at), kept) if factor else kept + term(at)
        return self.folds(0.0, [step(*factors) for factors in terms], lambda a, b: a + b)[0]

    def total(self, *factors: Of) -> Value:
        """The sum of a number at each place, or of the products of two."""
        return self.totals(factors)[0]

    def top(self, term: Of, least: float = -math.inf) -> Value:
        """The greatest number, or `least` if that is more; NaN does not count."""
        def greater(a: Value, b: Value) -> Value:
            return self.f.select(self.f.test("ogt", b, a), b, a)
        return self.fold(least, lambda top, at: greater(top, term(at)), greater)

    def first_greatest(self, i: int) -> Value:
        """The number of the first of the greatest elements that are read, as a float; NaN is greatest."""
        f = self.f
        need(self.extent <= 2 ** 24 and len(self.walk.joined) + self.walk.lane.joined < 2, "so many classes")
        top = self.fold(-math.inf, lambda kept, at: f.greater(at.x(i), kept), f.greater)

        def first(kept: Value, at: Place) -> Value:
            found = f.bitwise("or", f.test("oeq", at.x(i), top), f.test("uno", at.x(i), at.x(i)))
            return f.select(found, f.smaller(at.number, kept), kept)
        return self.fold(2.0 ** 24, first, f.smaller)


def walk(f: Function, form: Operand, views: Sequence[View], make: Of, out: View, wide: int = WIDE,
         ends: bool = False) -> None:
    """Writes what is made at each place; with `ends`, 0 behind the samples where there is room."""
    Walk(f, form, views, [out], beside=wide, apart=ends).each(
        lambda group: [at.put(make(at), 0, ends) for at in group.spots])
