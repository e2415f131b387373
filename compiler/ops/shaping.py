"""Reshaping, joining and cutting tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.types import Array, Dim, Shape, TensorType, check_axis, factors, format_shape, known

__all__ = ["Concat", "Pad", "Reshape", "Slice"]


@dataclass(frozen=True)
class Reshape(Op):
    """y = x with its elements, taken in row-major order, under another shape."""

    shape: Shape

    name = "reshape"
    view = True
    rearranging = True

    def infer(self, x: TensorType) -> Types:
        if factors(x.shape) != factors(self.shape):
            raise ShapeError(f"{format_shape(x.shape)} has {_count(x.shape)} elements, "
                             f"{format_shape(self.shape)} has {_count(self.shape)}",
                             "choose a shape with as many elements")
        return (x.with_shape(self.shape),)

    def separates(self, *inputs: TensorType) -> bool:
        return self.shape[:1] == inputs[0].shape[:1]

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (x.reshape(tuple(int(dim) for dim in self.shape)).copy(),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(Reshape(b.types[inputs[0]].shape), grad),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Reshape((3, 20)), (f64(3, 4, 5),)), Example(Reshape((5, 2, 6)), (f64(3, 20),)))


@dataclass(frozen=True)
class Concat(Op):
    """y = [x₀, x₁, …]: tensors end to end along `axis`; their other dims are equal."""

    axis: int

    name = "concat"
    rearranging = True

    def infer(self, *types: TensorType) -> Types:
        if not types:
            raise ShapeError("Concatenate needs at least one input")
        first = types[0]
        axis = check_axis(self.axis, first.rank, "Concatenate")
        for other in types[1:]:
            if other.dtype != first.dtype:
                raise ShapeError(f"Concatenate needs inputs of one dtype, got {first.dtype} and {other.dtype}")
            if other.rank != first.rank or _drop(other.shape, axis) != _drop(first.shape, axis):
                raise ShapeError(f"Concatenate along axis {axis} needs all other dims equal, got "
                                 f"{format_shape(first.shape)} and {format_shape(other.shape)}",
                                 "make the other dims equal, or join along another axis")
        total = sum(known(t.shape[axis], f"axis {axis} of Concatenate") for t in types)
        return (first.with_shape((*first.shape[:axis], total, *first.shape[axis + 1:])),)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axis % inputs[0].rank != 0

    def forward(self, *inputs: Array) -> tuple[Array, ...]:
        return (np.concatenate(inputs, self.axis),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return (None,) * len(inputs)
        axis = self.axis % b.types[inputs[0]].rank
        pieces, start = [], 0
        for value in inputs:
            stop = start + int(b.types[value].shape[axis])
            pieces.append(b.add(Slice(axis, start, stop), grad))
            start = stop
        return tuple(pieces)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Concat(1), (f64(3, 4), f64(3, 2), f64(3, 5))),
                Example(Concat(-1), (f64(2, 3, 4), f64(2, 3, 1))))


@dataclass(frozen=True)
class Slice(Op):
    """y[…, i, …] = x[…, start + i, …] for 0 ≤ i < stop - start, with i along `axis`."""

    axis: int
    start: int
    stop: int

    name = "slice"
    rearranging = True

    def __post_init__(self) -> None:
        self.check(self.start >= 0, "start", "it must be at least 0")
        self.check(self.start <= self.stop, "stop", f"it must be at least start={self.start}")

    def infer(self, x: TensorType) -> Types:
        axis = check_axis(self.axis, x.rank, "Slice")
        size = known(x.shape[axis], f"axis {axis} of Slice")
        if self.stop > size:
            raise ShapeError(f"elements {self.start} to {self.stop} of axis {axis} are asked for, but "
                             f"{format_shape(x.shape)} has only {size} there")
        return (x.with_shape((*x.shape[:axis], self.stop - self.start, *x.shape[axis + 1:])),)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axis % inputs[0].rank != 0

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (x[along(self.axis % x.ndim, self.start, self.stop)].copy(),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return (None,)
        x = b.types[inputs[0]]
        axis = self.axis % x.rank
        return (b.add(Pad(axis, self.start, int(x.shape[axis]) - self.stop), grad),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Slice(1, 1, 4), (f64(3, 5),)), Example(Slice(-1, 0, 2), (f64(2, 3, 4),)))


@dataclass(frozen=True)
class Pad(Op):
    """y[…, i, …] = x[…, i - before, …] with i along `axis`, 0 for the `before` first and `after` last places."""

    axis: int
    before: int
    after: int

    name = "pad"

    def __post_init__(self) -> None:
        self.check(self.before >= 0, "before", "it must be at least 0")
        self.check(self.after >= 0, "after", "it must be at least 0")

    def infer(self, x: TensorType) -> Types:
        axis = check_axis(self.axis, x.rank, "Pad")
        size: Dim = known(x.shape[axis], f"axis {axis} of Pad") + self.before + self.after
        return (x.with_shape((*x.shape[:axis], size, *x.shape[axis + 1:])),)

    def separates(self, *inputs: TensorType) -> bool:
        return self.axis % inputs[0].rank != 0

    def forward(self, x: Array) -> tuple[Array, ...]:
        widths = [(0, 0)] * x.ndim
        widths[self.axis] = (self.before, self.after)
        return (np.pad(x, widths),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return (None,)
        size = int(b.types[inputs[0]].shape[self.axis])
        return (b.add(Slice(self.axis, self.before, self.before + size), grad),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Pad(1, 1, 2), (f64(3, 5),)), Example(Pad(0, 0, 2), (f64(2, 3, 4),)))


def along(axis: int, start: int, stop: int) -> tuple[slice, ...]:
    """The index of elements [start, stop) along `axis` ≥ 0."""
    return (*[slice(None)] * axis, slice(start, stop))


def _drop(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1:]


def _count(shape: Shape) -> str:
    numbers, symbols = factors(shape)
    return " · ".join([*sorted(symbols.elements()), str(numbers)])
