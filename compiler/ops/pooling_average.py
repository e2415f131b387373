"""Average pooling over windows, and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_floats
from graphnet.compiler.ops.pooling import Pooling
from graphnet.compiler.ops.windows import Pairs, image_size
from graphnet.compiler.types import Array, Shape, TensorType, concrete, format_shape

__all__ = ["AvgPool2d", "AvgPool2dGrad"]


@dataclass(frozen=True)
class AveragePooling(Pooling):
    """What average pooling and its gradient share. `counted` is the part of the padding that means count as zeros."""

    counted: Pairs = ((0, 0), (0, 0))

    def __post_init__(self) -> None:
        super().__post_init__()
        good = all(0 <= part <= pad for parts, pads in zip(self.counted, self.padding, strict=True)
                   for part, pad in zip(parts, pads, strict=True))
        self.check(good, "counted", f"each must be at least 0 and at most the padding {self.padding}")

    def divisors(self, image: tuple[int, ...]) -> Array:
        """The number of elements (OH, OW) that each window of an image (N, C, H, W) is the mean of."""
        rows, columns = (self._counts(axis, size, outputs) for axis, (size, outputs) in enumerate(
            zip(image[2:], self.window.output((image[2], image[3])), strict=True)))
        return np.multiply.outer(rows, columns)

    def _counts(self, axis: int, size: int, outputs: int) -> Array:
        """Of each window along an axis the elements that lie in the image or in counted padding."""
        first = np.arange(outputs) * self.strides[axis] - self.padding[axis][0]
        before, after = self.counted[axis]
        return np.minimum(first + self.kernel[axis], size + after) - np.maximum(first, -before)


@dataclass(frozen=True)
class AvgPool2d(AveragePooling):
    """y[n, c, i, j] = Σ x̃ / n_ij over window (i, j) of channel c, with x̃ the input padded with zeros.

    n_ij counts the elements of the window that lie in the input, and in the `counted` part of the padding.

    Shapes: x (N, C, H, W); y (N, C, OH, OW) with OH = floor((H + padding - KH) / sh) + 1.
    """

    name = "avg_pool2d"

    def infer(self, x: TensorType) -> Types:
        check_floats("AvgPool2D", x)
        size = image_size(x.shape, "AvgPool2D")
        return (x.with_shape((*x.shape[:2], *self.window.output(size))),)

    def forward(self, x: Array) -> tuple[Array, ...]:
        total = self.window.slide(self.window.pad(x)).sum((-2, -1))
        return (total / self.divisors(x.shape).astype(x.dtype),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return (None,)
        return (b.add(AvgPool2dGrad(**self.attributes(), shape=b.types[inputs[0]].shape), grad),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return outputs[0].size * (self.kernel[0] * self.kernel[1] + 1)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(op, (f64(*x),)) for op, x in _CASES)


@dataclass(frozen=True)
class AvgPool2dGrad(AveragePooling):
    """dL/dx[p] = Σ g_ij / n_ij over the windows that p lies in.

    Shapes: g (N, C, OH, OW); result `shape` = (N, C, H, W).
    """

    shape: Shape = ()

    name = "avg_pool2d_grad"

    def infer(self, g: TensorType) -> Types:
        (expected,) = self._forward_op().infer(g.with_shape(self.shape))
        if g != expected:
            raise ShapeError(f"{self.name} needs a gradient {format_shape(expected.shape)}, "
                             f"got {format_shape(g.shape)}")
        return (g.with_shape(self.shape),)

    def forward(self, g: Array) -> tuple[Array, ...]:
        shape = concrete(self.shape)
        share = g / self.divisors(shape).astype(g.dtype)
        padded = self.window.pad(np.zeros(shape, g.dtype))
        for row, column in np.ndindex(self.kernel):
            target = self.window.tap(padded, row, column, (g.shape[2], g.shape[3]))
            target += share
        return (np.ascontiguousarray(self.window.crop(padded)),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(self._forward_op(), grad),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size * (self.kernel[0] * self.kernel[1] + 1)

    def _forward_op(self) -> Op:
        return AvgPool2d(self.kernel, self.strides, self.padding, self.counted)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(**op.attributes(), shape=x), op.infer(f64(*x))) for op, x in _CASES)


_CASES = (
    (AvgPool2d((2, 2), (2, 2)), (2, 3, 8, 11)),
    (AvgPool2d((2, 3), (2, 3)), (2, 3, 5, 7)),
    (AvgPool2d((3, 2), (2, 1), ((1, 1), (0, 1))), (2, 3, 5, 4)),
    (AvgPool2d((3, 2), (2, 1), ((1, 2), (0, 1)), ((1, 1), (0, 0))), (2, 3, 6, 4)),
)
