"""Max pooling over windows, and its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_floats
from graphnet.compiler.ops.windows import Pair, Pairs, Window, check_steps, image_size
from graphnet.compiler.types import Array, TensorType, concrete, format_shape

__all__ = ["MaxPool2d", "MaxPool2dGrad"]


@dataclass(frozen=True)
class Pooling(Op):
    """The attributes that poolings and their gradients share."""

    kernel: Pair
    strides: Pair
    padding: Pairs = ((0, 0), (0, 0))

    images = True

    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_steps(self, "kernel", "strides")
        good = all(0 <= pad < size for pair, size in zip(self.padding, self.kernel, strict=True) for pad in pair)
        self.check(good, "padding", f"each must be at least 0 and less than the kernel {self.kernel}, "
                                    "so that no window lies in the padding alone")

    @property
    def window(self) -> Window:
        """The sliding window."""
        return Window(self.kernel, self.strides, self.padding)


@dataclass(frozen=True)
class MaxPool2d(Pooling):
    """y[n, c, i, j] = the largest element of window (i, j) of channel c; padding never wins.

    Shapes: x (N, C, H, W); y (N, C, OH, OW) with OH = floor((H + padding - KH) / sh) + 1.
    Of equal elements the first in row-major order gets the gradient.
    """

    name = "max_pool2d"

    def infer(self, x: TensorType) -> Types:
        check_floats("MaxPool2D", x)
        size = image_size(x.shape, "MaxPool2D")
        return (x.with_shape((*x.shape[:2], *self.window.output(size))),)

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (self.window.slide(self.window.pad(x, -np.inf)).max((-2, -1)),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(MaxPool2dGrad(**self.attributes()), grad, inputs[0], outputs[0]),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return outputs[0].size * self.kernel[0] * self.kernel[1]

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(op, (f64(*x),), kink=1e-3) for op, x in _CASES)


@dataclass(frozen=True)
class MaxPool2dGrad(Pooling):
    """dL/dx[p] = Σ g over the windows whose first largest element lies at p.

    Shapes: g and y (N, C, OH, OW), x (N, C, H, W); result like x.
    """

    name = "max_pool2d_grad"
    differentiable = False

    @property
    def inplace(self) -> tuple[int, ...]:  # type: ignore[override]
        """Over x, if no element lies in two windows: then each is read before it is written."""
        apart = self.strides == self.kernel and not any(map(any, self.padding))
        return (1,) if apart else ()

    def infer(self, g: TensorType, x: TensorType, y: TensorType) -> Types:
        check_floats(self.name, x, g, y)
        expected = MaxPool2d(**self.attributes()).infer(x)[0]
        if not g.shape == y.shape == expected.shape:
            raise ShapeError(f"{self.name} needs gradient and output {format_shape(expected.shape)}, got "
                             f"{format_shape(g.shape)} and {format_shape(y.shape)}")
        return (x,)

    def forward(self, g: Array, x: Array, y: Array) -> tuple[Array, ...]:
        windows = self.window.slide(self.window.pad(x, -np.inf))
        first = windows.reshape(*y.shape, math.prod(self.kernel)).argmax(-1)  # argmax takes the first of equals
        padded = self.window.pad(np.zeros_like(x))
        for row, column in np.ndindex(self.kernel):
            target = self.window.tap(padded, row, column, (y.shape[2], y.shape[3]))
            target += g * (first == row * self.kernel[1] + column)
        return (np.ascontiguousarray(self.window.crop(padded)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * inputs[0].size * self.kernel[0] * self.kernel[1]

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(_grad_example(op, f64(*x)) for op, x in _CASES)


def _grad_example(op: MaxPool2d, x: TensorType) -> Example:
    (y,) = op.infer(x)

    def values(rng: np.random.Generator) -> tuple[Array, ...]:
        image = rng.integers(0, 4, concrete(x.shape)).astype(x.dtype)  # few numbers, so that there are ties
        return rng.standard_normal(concrete(y.shape)), image, *op.forward(image)
    return Example(MaxPool2dGrad(**op.attributes()), (y, x, y), values=values)


_CASES = (
    (MaxPool2d((2, 2), (2, 2)), (2, 3, 4, 6)),
    (MaxPool2d((2, 3), (2, 3)), (2, 3, 5, 7)),
    (MaxPool2d((3, 2), (2, 1), ((1, 1), (0, 1))), (2, 3, 5, 4)),
    (MaxPool2d((1, 3), (1, 3), ((0, 0), (1, 1))), (2, 1, 4, 9)),
)
