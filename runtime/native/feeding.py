"""Kernels that bring samples from arrays of a caller to where a Program has them, and results back.

A caller's arrays are in rows, contiguous and batch first. The samples of a block are those with consecutive numbers, or
those that an order names. Behind the last of them, where samples lie innermost, it stands again, so that what is made
of them there is as finite as it is.
"""

from __future__ import annotations

from graphnet.compiler.planning.program import Operand
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.values import I64, Index, Value
from graphnet.runtime.native.emit.call import batch_innermost, per_sample, room
from graphnet.runtime.native.emit.copying import Dim, copy, element_of


def feed(f: Function, operand: Operand, source: Value, order: Value, start: Value, target: Value) -> None:
    """Writes the samples of a block: those with the numbers start, start + 1, …, or order[start], order[start + 1], …
    if there is an order (whose address is not 0)."""
    features, size, stride = _lie(operand)
    ordered = f.compare("ne", f.assign(f"ptrtoint ptr {order.text} to i64", I64), 0)

    def row(sample: Index) -> Index:
        number = start + f.base + f.least(sample, f.n - 1)
        found = f.variable(number)
        with f.when(ordered):
            found.set(f.scalar(order, number, I64))
        return found.get() * size
    samples = room(operand) if batch_innermost(operand) else f.n
    copy(f, element_of(operand), source, target, [*(Dim(size, 1, s) for s in features), Dim(samples, row, stride)])


def give(f: Function, operand: Operand, source: Value, target: Value) -> None:
    """Writes the real samples of a block to rows of a caller's array."""
    element, (features, size, stride) = element_of(operand), _lie(operand)
    copy(f, element, source, f.at(target, f.base * size, element),
         [*(Dim(size, s, 1) for s in features), Dim(f.n, stride, size)])


def _lie(operand: Operand) -> tuple[list[int], int, int]:
    """The stride of a sample's elements if it has several, how many it has, and the stride of samples."""
    size = per_sample(operand)
    last = batch_innermost(operand) and room(operand) > 1
    return [room(operand) if last else 1] * (size != 1), size, 1 if last else size
