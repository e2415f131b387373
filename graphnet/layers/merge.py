"""Layers that join several tensors. Shapes must be equal: broadcasting is never implied."""

from __future__ import annotations

from functools import reduce
from typing import Any, ClassVar

from graphnet.compiler import ops
from graphnet.compiler.op import Op
from graphnet.layers.axis import check_axis_argument, resolve_axis
from graphnet.layers.base import Layer
from graphnet.layers.emitter import Emitter


class _Merge(Layer):
    """Folds its inputs, all of one shape, from left to right with an op of two operands."""

    arity: ClassVar[int | None] = None
    op: ClassVar[Op]

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)

    def emit(self, b: Emitter, *inputs: int) -> int:
        """Adds the op as often as needed."""
        return reduce(lambda left, right: b.add(self.op, left, right), inputs)

    def config(self) -> dict[str, Any]:
        """No arguments."""
        return {}


class Add(_Merge):
    """y = a + b + …, element by element; all of one shape."""

    op = ops.Add()


class Subtract(_Merge):
    """y = a - b, element by element; both of one shape."""

    arity = 2
    op = ops.Subtract()


class Multiply(_Merge):
    """y = a · b · …, element by element; all of one shape."""

    op = ops.Multiply()


class Concatenate(Layer):
    """Joins tensors end to end along an axis; all other dims must be equal.

    Args:
        axis: counted with the batch as 0, which it must not be; 1 is the channels of images.
        name: unique in a model.
    """

    arity = None
    takes_integers = True

    def __init__(self, axis: int = 1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.axis = check_axis_argument(self.kind, axis)

    def emit(self, b: Emitter, *inputs: int) -> int:
        """Adds the op."""
        return b.add(ops.Concat(resolve_axis(self.kind, self.axis, b.types[inputs[0]])), *inputs)

    def config(self) -> dict[str, Any]:
        """The axis."""
        return {"axis": self.axis}
