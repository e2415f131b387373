"""Goes over the elements of an array in the order of memory, vector by vector: to make each, or to join them.

Other arrays are seen from the one that is walked: with a stride for each of its axes, 0 where they are spread along it.
Axes that all of them go along alike are one dimension, so arrays that lie alike are one run of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import batch_innermost, need, room
from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function, Lanes, vectors
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.values import F32, F64, I8, I32, I64, Index, Value

ELEMENTS = {"float32": F32, "float64": F64, "int64": I64, "int32": I32, "uint8": I8, "bool": I8}
"""How IR stores the dtypes."""
WIDE = 4
"""Vectors that are worked on at a time where little is to be done with each."""
Make = Callable[[list[Value]], Value]
"""What becomes of the elements of all views at one place, as vectors."""
Places = list[Value]
"""Addresses, one for each view."""


@dataclass(frozen=True, slots=True)
class View:
    """An array as the walked one sees it: how many elements it moves on along each of the axes."""

    pointer: Value
    element: str
    strides: tuple[int, ...]


def view(pointer: Value, operand: Operand, form: Operand, axis: int | None = None,
         without: Sequence[int] = ()) -> View:
    """An operand as it is seen from an array of a form.

    It has that array's shape, or 1 in the place of some dims, or is a number, or a vector along `axis`; or it has all
    axes but those it is `without`.
    """
    need(operand.dtype in ELEMENTS, f"{operand.dtype} operands")
    element, shape, rank = ELEMENTS[operand.dtype], list(operand.shape), len(form.shape)
    strides = [stride // np.dtype(operand.dtype).itemsize for stride in operand.strides]
    for missing in without:
        shape.insert(missing, 1)
        strides.insert(missing, 0)
    if len(shape) != rank:
        need(not shape or (len(shape) == 1 and axis is not None), "operands that are spread in another way")
        along, size, stride = (axis or 0) % max(rank, 1), *(shape or [1]), *(strides or [0])
        shape, strides = [1] * rank, [0] * rank
        shape[along], strides[along] = size, stride
    need(all(have in (1, dim) for have, dim in zip(shape, form.shape, strict=True)), "operands of other shapes")
    need(shape[:1] in ([], [1]) or room(operand) >= room(form), "an operand with less room")
    return View(pointer, element, tuple(stride if have == dim else 0
                                        for have, dim, stride in zip(shape, form.shape, strides, strict=True)))


def samples(f: Function, form: Operand) -> Index:
    """How many samples of an array there are."""
    return f.n if f.blocked else form.shape[0]


def padded(f: Function, form: Operand) -> bool:
    """Whether an array has its samples innermost, and maybe room behind them."""
    return bool(form.shape) and batch_innermost(form) and room(form) > 1 and (f.blocked or room(form) != form.shape[0])


@dataclass(frozen=True, slots=True)
class Dim:
    """Axes as one: their extent, and the strides of all views along it.

    Attributes:
        joined: whether elements are joined along it.
        each: elements of one sample, if it counts samples and lies outermost.
    """

    extent: int
    strides: tuple[int, ...]
    joined: bool = False
    each: int = 0

    def stop(self, f: Function) -> Index:
        """Where the elements of real samples end."""
        return f.n * self.each if self.each and f.blocked else self.extent


def dims_of(form: Operand, views: Sequence[View], axes: Sequence[int] = (), apart: bool = False) -> list[Dim]:
    """The dimensions of a walk in the order of memory.

    Args:
        form: what is walked.
        views: what is seen from there.
        axes: along which elements are joined.
        apart: samples are to be a dimension of their own.
    """
    last = bool(form.shape) and batch_innermost(form)
    rank, dims, alone = len(form.shape), list[Dim](), False
    for axis in [*range(1, rank), 0] if last else range(rank):
        extent = room(form) if axis == 0 and last else form.shape[axis]
        if extent == 1:
            continue
        dim = Dim(extent, tuple(v.strides[axis] for v in views), axis in axes, int(axis == 0 and not last))
        single = apart and axis == 0
        fits = bool(dims) and not alone and not single and dims[-1].joined == dim.joined
        if fits and all(a == b * extent for a, b in zip(dims[-1].strides, dim.strides, strict=True)):
            before = dims.pop()
            dim = replace(dim, extent=before.extent * extent, each=before.each * extent)
        dims.append(dim)
        alone = single
    return dims or [Dim(1, (0,) * len(views))]


def most_pieces(dims: Sequence[Dim], inner: Dim, wide: int) -> Dim:
    """The dimension that is best shared among threads; the innermost is worked off in blocks of so many vectors."""
    return max(dims, key=lambda d: -(-d.extent // (wide * LANES)) if d is inner else d.extent)


class Loops:
    """The loops of a walk; addresses of the views go from the outer ones to the inner ones.

    Args:
        f: the function.
        views: what is walked, the ones that are written to behind those that are read.
        read: how many of them are read.
        shared: the dimension of which each thread takes its part, if there is one; else all is one thread's.
    """

    def __init__(self, f: Function, views: Sequence[View], read: int, shared: Dim | None) -> None:
        self.f, self._views, self._read, self._shared = f, views, read, shared

    @property
    def start(self) -> Places:
        """The addresses of the first elements."""
        return [v.pointer for v in self._views]

    def nest(self, dims: Sequence[Dim], places: Places, body: Callable[[Places], None]) -> None:
        """Loops over all of these dimensions, with the body in the innermost."""
        if not dims:
            body(places)
            return
        d, *inner = dims
        lo, hi = self.f.share(d.stop(self.f)) if d is self._shared else (0, d.stop(self.f))
        with self.f.loop(lo, hi) as i:
            self.nest(inner, [self.f.at(place, i * stride, v.element)
                              for place, stride, v in zip(places, d.strides, self._views, strict=True)], body)

    def blocks(self, d: Dim, wide: int, body: Callable[[Index, int], None]) -> None:
        """body(start, count) for blocks of so many vectors of the innermost dimension."""
        size = wide * LANES
        count = (self.f.constant(d.stop(self.f)) + (size - 1)) // size
        lo, hi = self.f.share(count) if d is self._shared else (0, count)
        blocks(self.f, d.extent, size, body, lo, hi)

    def values(self, d: Dim, places: Places) -> Callable[[Index, Lanes], list[Value]]:
        """A function of a place along the innermost dimension: the vectors of all views there."""
        f = self.f
        read = list(zip(places, d.strides, self._views, strict=True))[:self._read]
        spread = [None if stride else f.splat(f.scalar(place, 0, v.element)) for place, stride, v in read]

        def at(start: Index, lanes: Lanes) -> list[Value]:
            return [load(f, place, stride, start, lanes, v.element) if value is None else value
                    for value, (place, stride, v) in zip(spread, read, strict=True)]
        return at


def load(f: Function, pointer: Value, stride: int, start: Index, lanes: Lanes, element: str = F32) -> Value:
    """A vector of elements that lie `stride` apart."""
    if stride == 1:
        return f.load(pointer, start, lanes, element)
    need(element == F32, "elements other than floats that lie apart")
    return f.gather(f.at(pointer, start * stride), stride, lanes)


def store(f: Function, value: Value, pointer: Value, stride: int, start: Index, lanes: Lanes) -> None:
    """Writes a vector of elements that lie `stride` apart."""
    if stride == 1:
        f.store(value, pointer, start, lanes)
    else:
        f.scatter(value, f.at(pointer, start * stride), stride, lanes)


def walk(f: Function, form: Operand, views: Sequence[View], make: Make, out: View, wide: int = WIDE,
         ends: bool = False) -> None:
    """out = make(views), element by element; with `ends`, 0 behind the samples where there is room."""
    if 0 in form.shape:
        return
    zero = ends and padded(f, form)
    dims = dims_of(form, [*views, out], apart=zero)
    loops = Loops(f, [*views, out], len(views), most_pieces(dims, dims[-1], wide))

    def run(places: Places) -> None:
        values = loops.values(dims[-1], places)

        def block(start: Index, count: int) -> None:
            for offset, lanes in vectors(count):
                made = make(values(start + offset, lanes))
                if zero:
                    made = f.select(f.mask(samples(f, form) - f.constant(start + offset)), made, 0.0)
                f.store(made, places[-1], start + offset, lanes)
        loops.blocks(dims[-1], wide, block)
    loops.nest(dims[:-1], loops.start, run)
