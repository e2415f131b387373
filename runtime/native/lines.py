"""Lines along one axis of arrays, each taken by itself: what softmax, losses, lengths and metrics are made of.

Whatever the layout, memory is outer × extent × inner. Where `inner` is more than 1, a vector has 16 lines beside each
other. Where it is 1, lines are rows: a vector lies along a row or, where they are short, is gathered from 16 of them. A
kernel says what becomes of a line, and need not know which it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphnet.compiler.op import Op
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.call import Call, emitter, need, room
from graphnet.runtime.native.contract import blocks
from graphnet.runtime.native.function import Function, Lanes
from graphnet.runtime.native.machine import LANES
from graphnet.runtime.native.values import F32, I8, I32, I64, Index, Value


def samples(f: Function, operand: Operand) -> Index:
    """How many samples are real."""
    return f.n if f.blocked else operand.shape[0]


def innermost(operand: Operand) -> bool:
    """Whether several samples lie innermost."""
    return operand.layout != "rows" and room(operand) > 1


def whole_numbers(f: Function, pointer: Value, place: Index, form: Operand, lanes: Lanes, element: str) -> Value:
    """A vector of class numbers or of rows of a table, or one if lanes are 1, of a type of 32 or 64 bits."""
    held, bits = {"int64": (I64, 64), "int32": (I32, 32), "uint8": (I8, 8)}[form.dtype]
    value = f.scalar(pointer, place, held) if lanes == 1 else f.load(pointer, place, lanes, held)
    if held == element:
        return value
    return f.convert("trunc" if bits == 64 else "zext" if bits == 8 else "sext", value, element)


class Lines:
    """Lines along an axis of an operand `of` a call.

    Args:
        f: the function.
        call: the op.
        of: the operand.
        axis: along which lines lie.
        beside: operands that have the same order in memory; by default, all.
        gathered: whether short rows may be gathered.

    Raises:
        Unsupported: layouts differ, or lines go through samples that lie innermost.
    """

    def __init__(self, f: Function, call: Call, of: Operand, axis: int = -1, beside: Sequence[Operand] | None = None,
                 gathered: bool = True) -> None:
        self.f, self.call, axis, last, n = f, call, axis % len(of.shape), innermost(of), samples(f, of)
        for operand in (*call.inputs, *call.outputs) if beside is None else beside:
            need(len(operand.shape) < 2 or innermost(operand) == last, "operands in different layouts")
        need(axis > 0 or not last, "lines that go through samples, which lie innermost")
        before = of.shape[int(last):axis]
        self.outer, self.extent = math.prod(before), of.shape[axis]
        self.inner = math.prod(of.shape[axis + 1:]) * (room(of) if last else 1)
        self.along = self.inner == 1 and (self.extent >= LANES or self.outer < LANES or not gathered)
        self._rows = self.outer if last or axis == 0 else n * math.prod(before[1:])
        self._real = n if last else self.inner
        self.count = self._rows * self._real

    def each(self, body: Callable[[Line], object]) -> None:
        """Writes body(line) for all lines, which threads share."""
        f = self.f
        if not self.outer * self.inner:
            return
        if self.inner == 1:
            size = 1 if self.along else LANES

            def rows(row: Index, lanes: int) -> None:
                body(Line(self, row * self.extent, row, lanes, self._rows - row))
            blocks(f, self.outer, size, rows, *f.share((self._rows + (size - 1)) // size))
            return
        full, rest = divmod(self.inner, LANES)
        for first, count, lanes in ((0, full, LANES), (full * LANES, int(rest > 0), rest)):
            if count:
                with f.loop(*f.share(self._rows * count)) as piece:
                    o, i = piece // count, piece % count * LANES + first
                    body(Line(self, o * (self.extent * self.inner) + i, o * self.inner + i, lanes, self._real - i))


@dataclass(frozen=True, slots=True)
class Line:
    """A line; or lines beside each other, one in each lane.

    Attributes:
        lines: all of them.
        start: the offset of the first element.
        number: the number of the line.
        lanes: how many lines there are beside each other.
        real: how many of them have real samples, if that is less.
    """

    lines: Lines
    start: Index
    number: Index
    lanes: int
    real: Index

    @property
    def f(self) -> Function:
        """The function that is being written."""
        return self.lines.f

    def over(self, body: Callable[[Place], object]) -> None:
        """Writes body(place) for all places of the line."""
        extent = self.lines.extent
        if self.lines.along:
            blocks(self.f, extent, LANES, lambda c, lanes: void(body(Place(self, c, lanes))))
        elif extent:
            with self.f.loop(0, extent) as c:
                body(Place(self, c, self.lanes))

    def fold(self, start: float, step: Callable[[Value, Place], Value], join: Callable[[Value, Value], Value]) -> Value:
        """What a number becomes by step(number, place) at each place, in every lane; `join` takes what lanes have."""
        return self.folds(start, [step], join)[0]

    def folds(self, start: float, steps: Sequence[Callable[[Value, Place], Value]],
              join: Callable[[Value, Value], Value]) -> list[Value]:
        """What numbers become in one walk."""
        f, kept = self.f, [self.f.variable(self.f.splat(start)) for _ in steps]

        def place(at: Place) -> None:
            for step, number in zip(steps, kept, strict=True):
                made = step(number.get(), at)
                partial = self.lines.along and at.lanes < LANES
                number.set(f.select(f.mask(at.lanes), made, number.get()) if partial else made)
        self.over(place)
        values = [number.get() for number in kept]
        for distance in (8, 4, 2, 1) if self.lines.along else ():
            values = [join(value, f.shuffle(value, value, [lane ^ distance for lane in range(LANES)]))
                      for value in values]
        return values

    def total(self, term: Callable[[Place], Value], factor: Callable[[Place], Value] | None = None) -> Value:
        """The sum of a number at each place, or of the products with another."""
        def step(kept: Value, at: Place) -> Value:
            return kept + term(at) if factor is None else self.f.fma(term(at), factor(at), kept)
        return self.fold(0.0, step, lambda a, b: a + b)

    def top(self, term: Callable[[Place], Value], least: float = -math.inf) -> Value:
        """The greatest number, or `least` if that is more; NaN does not count."""
        def greater(a: Value, b: Value) -> Value:
            return self.f.select(self.f.test("ogt", b, a), b, a)
        return self.fold(least, lambda top, at: greater(top, term(at)), greater)

    def own(self, i: int) -> Value:
        """The number that input i has for the line; a whole number as a float."""
        f, x, form = self.f, self.lines.call.x[i], self.lines.call.inputs[i]
        if form.dtype != "float32":
            return f.splat(f.convert("sitofp", whole_numbers(f, x, self.number, form, self._lanes(form), I32), F32))
        return f.splat(f.scalar(x, self.number)) if self.lines.along else f.load(x, self.number, self._lanes(form))

    def give(self, value: Value, i: int = 0) -> None:
        """Writes the number that output i has for the line."""
        self.f.store(value, self.lines.call.y[i], self.number, self._lanes(self.lines.call.outputs[i]))

    def _lanes(self, form: Operand) -> Lanes:
        """A vector may have no room behind the last sample where other arrays have."""
        if len(form.shape) > 1 or self.lines.inner == 1 or room(form) >= self.lines.inner:
            return self.lanes
        return self.f.least(LANES, room(form) - self.f.constant(self.number))


@dataclass(frozen=True, slots=True)
class Place:
    """A vector's place: up to 16 elements of a line, or an element of each line beside others, `c` being the first."""

    line: Line
    c: Index
    lanes: int

    def x(self, i: int) -> Value:
        """What input i has there."""
        return self._load(self.line.lines.call.x[i])

    def y(self, i: int = 0) -> Value:
        """What output i has there."""
        return self._load(self.line.lines.call.y[i])

    def put(self, value: Value, i: int = 0) -> Value:
        """Writes what output i has there, and returns it."""
        lines, y = self.line.lines, self.line.lines.call.y[i]
        if lines.inner == 1 and not lines.along:
            lines.f.scatter(value, lines.f.at(y, self.line.start + self.c), lines.extent, self.lanes)
        else:
            lines.f.store(value, y, self.line.start + self.c * lines.inner, self.lanes)
        return value

    def _load(self, pointer: Value) -> Value:
        lines = self.line.lines
        if lines.inner == 1 and not lines.along:
            return lines.f.gather(lines.f.at(pointer, self.line.start + self.c), lines.extent, self.lanes)
        return lines.f.load(pointer, self.line.start + self.c * lines.inner, self.lanes)

    def along_axis(self, pointer: Value) -> Value:
        """What an array along the axis has there."""
        f = self.line.f
        return f.load(pointer, self.c, self.lanes) if self.line.lines.along else f.splat(f.scalar(pointer, self.c))

    @property
    def number(self) -> Value:
        """The numbers of the elements, as floats."""
        f = self.line.f
        first = f.splat(f.convert("sitofp", f.constant(self.c), F32))
        return first + f.list_constant(range(LANES), F32) if self.line.lines.along else first


def by_line(*ops: type[Op], of: int = 0) -> Callable[[Callable[[Line], object]], Callable[[Line], object]]:
    """Registers a function that writes what becomes of a line of these ops, along their axis of input `of`."""
    def register(write: Callable[[Line], object]) -> Callable[[Line], object]:
        @emitter(*ops)
        def emit(f: Function, call: Call) -> None:
            need(all(o.dtype != "float64" for o in call.inputs), "float64 operands")
            Lines(f, call, call.inputs[of], getattr(call.op, "axis", -1)).each(write)
        return write
    return register


def void(_: object) -> None:
    """Drops a result."""
