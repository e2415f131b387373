"""How arrays of one shape and layout are cut into pieces that stay in the cache, and reduced piece by piece."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphnet.compiler.op import Op
from graphnet.compiler.ops.linear import along_axis
from graphnet.compiler.ops.reduction import Reduction
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array
from graphnet.runtime.kernels.flat import flatten_alike
from graphnet.runtime.kernels.registry import Run, void

Cut = tuple[slice, ...]
"""A slice for each axis."""


def cuts(form: Operand, size: int) -> Iterator[Cut]:
    """Cuts an array in the order of memory into runs without gaps, of at most `size` elements; the first is a largest.

    A run is one index of each outer axis, a range of the next, and all of those within. They are made one by one:
    planning asks for the first only, however many there are.
    """
    order = sorted(range(len(form.shape)), key=lambda axis: -form.strides[axis])
    inner, outer, axis = form.type.size, list[int](), 0
    for axis in order:
        inner //= max(form.shape[axis], 1)
        if inner <= size:
            break
        outer.append(axis)
    step = max(size // max(inner, 1), 1)
    starts = range(0, form.shape[axis], step) if form.shape else range(1)
    for index in _indices([form.shape[axis] for axis in outer]):
        for start in starts:
            yield _cut(len(form.shape), dict(zip(outer, index, strict=True)), axis, slice(start, start + step))


def _indices(dims: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All indices in order; `np.ndindex` refuses more than 2⁶³ of them before it gives the first."""
    if not dims:
        yield ()
        return
    for index in range(dims[0]):
        yield from ((index, *rest) for rest in _indices(dims[1:]))


def _cut(rank: int, indices: dict[int, int], ranged: int, taken: slice) -> Cut:
    single = {axis: slice(index, index + 1) for axis, index in indices.items()}
    return tuple(single.get(axis, taken if axis == ranged else slice(None)) for axis in range(rank))


def piece(array: Array, cut: Cut) -> Array:
    """A view of a piece, even of an array without axes."""
    index: Any = (*cut, ...)
    view: Array = array[index]
    return view


def cut_shape(form: Operand, cut: Cut) -> tuple[int, ...]:
    """The shape of a piece."""
    return tuple(len(range(*part.indices(dim))) for part, dim in zip(cut, form.shape, strict=True))


def spread(op: Op, array: Array, rank: int) -> Array:
    """A view of an operand of an element-wise op that broadcasts to the result: a vector lies along the op's axis."""
    axis = getattr(op, "axis", None)
    return array if array.ndim != 1 or rank == 1 or axis is None else along_axis(array, axis, rank)


def cut_operands(arrays: Sequence[Array], size: int) -> list[list[Array]]:
    """Matching pieces of arrays that broadcast to the last of them, of at most `size` elements; flat ones if all lie
    alike."""
    *_, out = arrays
    if all(a.shape == out.shape for a in arrays) and (flat := flatten_alike(arrays)):
        return [[a[start:start + size] for a in flat] for start in range(0, out.size, size)]
    form = Operand(out.dtype.name, out.shape, out.strides)
    return [[piece(a, _fitting(a, out, cut)) for a in arrays] for cut in cuts(form, size)] if out.size else []


def _fitting(array: Array, out: Array, cut: Cut) -> Cut:
    if array.ndim != out.ndim:
        return ()
    return tuple(part if have == dim else slice(None)
                 for part, have, dim in zip(cut, array.shape, out.shape, strict=True))


def along(role: Sequence[int | None], cut: Cut) -> Cut:
    """The cut of an operand each of whose axes goes with an axis of the result, or (None) is taken whole."""
    return tuple(slice(None) if axis is None else cut[axis] for axis in role)


def reduced_cut(op: Reduction, cut: Cut) -> Cut:
    """The cut of what is left of a piece after a reduction."""
    return tuple(part for axis, part in enumerate(cut) if axis not in op.axes)


def share_size(op: Reduction, form: Operand, cut: Cut) -> int:
    """Elements of what a piece adds to the result of a reduction; 0 if no two pieces have a share in one element."""
    shape = cut_shape(form, cut)
    if all(shape[axis] == form.shape[axis] for axis in op.axes):
        return 0
    return math.prod(dim for axis, dim in enumerate(shape) if axis not in op.axes)


def bind_sum(op: Reduction, x: Array, out: Array, share: Array | None) -> Run:
    """Σ over a piece into its place in the result; given memory for its share, added to what is there."""
    if share is None:
        return lambda: void(np.add.reduce(x, op.axes, out=out))
    part = share[:out.size].reshape(out.shape)

    def run() -> None:
        np.add.reduce(x, op.axes, out=part)
        np.add(out, part, out)
    return run
