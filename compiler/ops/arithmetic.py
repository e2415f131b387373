"""Element-wise arithmetic on operands of one shape, and filling a tensor with a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import can_hold, check_floats, same_type
from graphnet.compiler.types import Array, Shape, TensorType, concrete

__all__ = ["Add", "Advance", "Copy", "Full", "Multiply", "Scale", "Subtract"]


@dataclass(frozen=True)
class Add(Op):
    """y = a + b, element by element; a, b and y have one shape."""

    name = "add"
    elementwise = True
    commutative = True
    inplace = (0, 1)

    def infer(self, a: TensorType, b: TensorType) -> Types:
        return (same_type("Add", a, b),)

    def forward(self, a: Array, b: Array) -> tuple[Array, ...]:
        return (a + b,)

    def expression(self, a: Expression, b: Expression) -> Expression:
        return a + b

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        return grads[0], grads[0]

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Add(), (f64(3, 4), f64(3, 4))),)


@dataclass(frozen=True)
class Subtract(Op):
    """y = a - b, element by element; a, b and y have one shape."""

    name = "subtract"
    elementwise = True
    inplace = (0, 1)

    def infer(self, a: TensorType, b: TensorType) -> Types:
        if a.dtype == "bool":
            raise ShapeError("Subtract needs numbers, got bool")
        return (same_type("Subtract", a, b),)

    def forward(self, a: Array, b: Array) -> tuple[Array, ...]:
        return (a - b,)

    def expression(self, a: Expression, b: Expression) -> Expression:
        return a - b

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return grad, None if grad is None else b.add(Scale(-1.0), grad)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Subtract(), (f64(3, 4), f64(3, 4))),)


@dataclass(frozen=True)
class Multiply(Op):
    """y = a · b, element by element; a, b and y have one shape."""

    name = "multiply"
    elementwise = True
    commutative = True
    inplace = (0, 1)

    def infer(self, a: TensorType, b: TensorType) -> Types:
        return (same_type("Multiply", a, b),)

    def forward(self, a: Array, b: Array) -> tuple[Array, ...]:
        return (a * b,)

    def expression(self, a: Expression, b: Expression) -> Expression:
        return a * b

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        return b.add(Multiply(), grad, inputs[1]), b.add(Multiply(), grad, inputs[0])

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Multiply(), (f64(3, 4), f64(3, 4))),)


@dataclass(frozen=True)
class Scale(Op):
    """y = factor · x for a fixed number."""

    factor: float

    name = "scale"
    elementwise = True
    inplace = (0,)

    def infer(self, x: TensorType) -> Types:
        check_floats(self.name, x)
        return (x,)

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (x * x.dtype.type(self.factor),)

    def expression(self, x: Expression) -> Expression:
        return x * self.factor

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(self, grad),)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Scale(-2.5), (f64(3, 4),)),)


@dataclass(frozen=True)
class Copy(Op):
    """y = x, in memory of its own."""

    name = "copy"
    elementwise = True
    rearranging = True
    inplace = (0,)

    def infer(self, x: TensorType) -> Types:
        return (x,)

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (x.copy(),)

    def expression(self, x: Expression) -> Expression:
        return x

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        return grads

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Copy(), (f64(3, 4),)),)


@dataclass(frozen=True)
class Advance(Op):
    """y = new, written over the old value of a state."""

    name = "advance"
    differentiable: ClassVar[bool] = False

    def infer(self, old: TensorType, new: TensorType) -> Types:
        return (same_type("the new value of a state", old, new),)

    def forward(self, old: Array, new: Array) -> tuple[Array, ...]:
        return (new.copy(),)

    def advances(self) -> dict[int, int]:
        return {0: 0}

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Advance(), (f64(3, 4), f64(3, 4))),)


@dataclass(frozen=True)
class Full(Op):
    """y = value in every element of a tensor of the given shape and dtype. Takes no input."""

    shape: Shape
    value: float
    dtype: str

    name = "full"
    separable: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False

    def infer(self) -> Types:
        made = TensorType(self.dtype, self.shape)
        if not can_hold(self.dtype, self.value):
            raise ShapeError(f"{self.dtype} cannot hold {self.value!r}")
        return (made,)

    def forward(self) -> tuple[Array, ...]:
        return (np.full(concrete(self.shape), self.value, self.dtype),)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(Full((3, 4), 0.5, "float64"), ()),)
