"""Arrays as another one sees them: with a stride for each of its axes, 0 where they are spread along it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.values import F32, F64, I8, I32, I64, Index, Value
from graphnet.runtime.native.emit.call import need, room

ELEMENTS = {"float32": F32, "float64": F64, "int64": I64, "int32": I32, "uint8": I8, "bool": I8}
"""How IR stores the dtypes."""


@dataclass(frozen=True, slots=True)
class View:
    """An array as the walked one sees it: how many elements it moves on along each of the axes.

    `least` is the samples that it has room for, if that is less than the walked one has.
    """

    pointer: Value
    element: str
    strides: tuple[int, ...]
    least: int = 0


def view(pointer: Value, operand: Operand, form: Operand, axis: int | None = None,
         without: Sequence[int] = ()) -> View:
    """An operand as it is seen from an array of a form.

    It has that array's shape, or 1 in the place of some dims, or is a number, or a vector along `axis`; or it has all
    axes but those it is `without`.
    """
    need(operand.dtype in ELEMENTS, f"{operand.dtype} operands")
    shape, rank = list(operand.shape), len(form.shape)
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
    less = shape[:1] not in ([], [1]) and room(operand) < room(form)
    return View(pointer, ELEMENTS[operand.dtype], tuple(
        stride if have == dim else 0 for have, dim, stride in zip(shape, form.shape, strides, strict=True)),
        room(operand) if less else 0)


def seen(pointers: Sequence[Value], operands: Sequence[Operand], form: Operand, axes: Sequence[int]) -> list[View]:
    """Operands that have the shape of a form, or all of its axes but these."""
    return [view(p, o, form, without=axes if len(o.shape) == len(form.shape) - len(axes) else ())
            for p, o in zip(pointers, operands, strict=True)]


def samples(f: Function, form: Operand) -> Index:
    """How many samples of an array there are."""
    return f.n if f.blocked else form.shape[0]


def load(f: Function, pointer: Value, stride: int, start: Index, lanes: Lanes, element: str = F32) -> Value:
    """A vector of elements that lie `stride` apart."""
    if stride == 1:
        return f.load(pointer, start, lanes, element)
    need(element == F32, "elements other than floats that lie apart")
    return f.gather(f.at(pointer, start * stride), stride, lanes)
