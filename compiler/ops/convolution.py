"""Two-dimensional convolution (cross-correlation) and its two gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.operands import check_floats, check_some
from graphnet.compiler.ops.windows import Pair, Pairs, Window, check_steps, image_size
from graphnet.compiler.roles import KERNEL
from graphnet.compiler.types import Array, Shape, TensorType, concrete, format_shape, known

__all__ = ["Conv2d", "Conv2dGradInput", "Conv2dGradWeight"]


@dataclass(frozen=True)
class _Convolution(Op):
    """The attributes that convolution and its gradients share."""

    strides: Pair = (1, 1)
    padding: Pairs = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1

    images = True

    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_steps(self, "strides", "dilation")
        self.check(min(min(pair) for pair in self.padding) >= 0, "padding", "each must be at least 0")
        self.check(self.groups >= 1, "groups", "it must be at least 1")

    def window(self, weight: Shape) -> Window:
        """The sliding window of a weight (O, C / groups, KH, KW)."""
        kernel = known(weight[2], "the kernel's height"), known(weight[3], "the kernel's width")
        return Window(kernel, self.strides, self.padding, self.dilation)

    def grouped(self, array: Array, axis: int) -> Array:
        """A view with `axis` split in (groups, rest)."""
        shape = array.shape
        return array.reshape(*shape[:axis], self.groups, shape[axis] // self.groups, *shape[axis + 1:])


@dataclass(frozen=True)
class Conv2d(_Convolution):
    """Cross-correlation of images with filters.

    y[n, o, i, j] = Σ_{c, a, b} w[o, c, a, b] · x̃[n, g·C/groups + c, i·sh + a·dh, j·sw + b·dw], with x̃ the input padded
    with zeros and g the group of filter o (Goodfellow, Bengio and Courville, Deep Learning, eq. 9.6).

    Shapes: x (N, C, H, W), w (O, C / groups, KH, KW); y (N, O, OH, OW) with
    OH = floor((H + padding - dh (KH - 1) - 1) / sh) + 1.
    """

    name = "conv2d"
    roles = MappingProxyType({1: KERNEL})

    def infer(self, x: TensorType, w: TensorType) -> Types:
        check_floats("Conv2D", x, w)
        height, width = image_size(x.shape, "Conv2D")
        if w.rank != 4:
            raise ShapeError(f"convolution weights need 4 dims (out, in, height, width), got {format_shape(w.shape)}")
        check_some("Conv2D", "filter, channel, row and column of its weights", w, *w.shape)
        channels, expected = x.shape[1], known(w.shape[1], "the weight's channels") * self.groups
        if channels != expected:
            raise ShapeError(f"weights {format_shape(w.shape)} take {expected} channels, but the input "
                             f"{format_shape(x.shape)} has {channels} on axis 1: {channels} ≠ {expected}",
                             f"declare the layer for {channels} input channels, or feed {expected}; "
                             "images are (N, channels, height, width)")
        if known(w.shape[0], "the weight's filters") % self.groups:
            raise ShapeError(f"{w.shape[0]} filters do not divide into {self.groups} groups",
                             "make filters a multiple of groups")
        return (x.with_shape((x.shape[0], w.shape[0], *self.window(w.shape).output((height, width)))),)

    def forward(self, x: Array, w: Array) -> tuple[Array, ...]:
        window = self.window(w.shape)
        windows = self.grouped(window.slide(window.pad(x)), 1)  # (N, G, C/G, OH, OW, KH, KW)
        y = np.einsum("ngchwab,gocab->ngohw", windows, self.grouped(w, 0), optimize=True)
        return (np.ascontiguousarray(y.reshape(len(x), len(w), *y.shape[3:])),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        x, w = inputs
        attrs = self.attributes()
        for_weight = b.add(Conv2dGradWeight(**attrs, shape=b.types[w].shape), x, grad)  # first: x can go then
        return b.add(Conv2dGradInput(**attrs, shape=b.types[x].shape), grad, w), for_weight

    def flops(self, inputs: Types, outputs: Types) -> int:
        _, per_group, kh, kw = inputs[1].shape
        return 2 * outputs[0].size * int(per_group) * int(kh) * int(kw)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(op, (f64(*x), f64(*w))) for op, x, w in _CASES)


@dataclass(frozen=True)
class Conv2dGradInput(_Convolution):
    """The gradient of Conv2d for its input: each output gradient is sent back through the taps it came from.

    Shapes: g (N, O, OH, OW), w (O, C / groups, KH, KW); result `shape` = (N, C, H, W).
    """

    shape: Shape = ()

    name = "conv2d_grad_input"
    roles = MappingProxyType({1: KERNEL})

    def infer(self, g: TensorType, w: TensorType) -> Types:
        check_floats(self.name, g, w)
        _check_gradient(self, g, self.shape, w.shape)
        return (g.with_shape(self.shape),)

    def forward(self, g: Array, w: Array) -> tuple[Array, ...]:
        window = self.window(w.shape)
        padded = window.pad(np.zeros(concrete(self.shape), g.dtype))
        grouped = self.grouped(g, 1)  # (N, G, O/G, OH, OW)
        for row, column in np.ndindex(window.kernel):
            tap = np.einsum("ngohw,goc->ngchw", grouped, self.grouped(w, 0)[..., row, column], optimize=True)
            target = window.tap(padded, row, column, (g.shape[2], g.shape[3]))
            target += tap.reshape(target.shape)
        return (np.ascontiguousarray(window.crop(padded)),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        g, w = inputs
        attrs = _shared(self)
        return b.add(Conv2d(**attrs), grad, w), b.add(Conv2dGradWeight(**attrs, shape=b.types[w].shape), grad, g)

    def flops(self, inputs: Types, outputs: Types) -> int:
        _, per_group, kh, kw = inputs[1].shape
        return 2 * inputs[0].size * int(per_group) * int(kh) * int(kw)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(**op.attributes(), shape=x), (op.infer(f64(*x), f64(*w))[0], f64(*w)))
                     for op, x, w in _CASES)


@dataclass(frozen=True)
class Conv2dGradWeight(_Convolution):
    """The gradient of Conv2d for its weights: each tap is the correlation of the input with the output gradient.

    Shapes: x (N, C, H, W), g (N, O, OH, OW); result `shape` = (O, C / groups, KH, KW).
    """

    shape: Shape = ()

    name = "conv2d_grad_weight"
    sums_gradients = True

    def infer(self, x: TensorType, g: TensorType) -> Types:
        check_floats(self.name, x, g)
        _check_gradient(self, g, x.shape, self.shape)
        return (x.with_shape(self.shape),)

    def forward(self, x: Array, g: Array) -> tuple[Array, ...]:
        window = self.window(self.shape)
        windows = self.grouped(window.slide(window.pad(x)), 1)  # (N, G, C/G, OH, OW, KH, KW)
        windows = windows[:, :, :, :g.shape[2], :g.shape[3]]
        w = np.einsum("ngchwab,ngohw->gocab", windows, self.grouped(g, 1), optimize=True)
        return (np.ascontiguousarray(w.reshape(-1, *w.shape[2:])),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        if grad is None:
            return None, None
        x, g = inputs
        attrs = _shared(self)
        return b.add(Conv2dGradInput(**attrs, shape=b.types[x].shape), g, grad), b.add(Conv2d(**attrs), x, grad)

    def flops(self, inputs: Types, outputs: Types) -> int:
        _, per_group, kh, kw = outputs[0].shape
        return 2 * inputs[1].size * int(per_group) * int(kh) * int(kw)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(**op.attributes(), shape=w), (f64(*x), op.infer(f64(*x), f64(*w))[0]))
                     for op, x, w in _CASES)


def _shared(op: _Convolution) -> dict[str, Any]:
    return {"strides": op.strides, "padding": op.padding, "dilation": op.dilation, "groups": op.groups}


def _check_gradient(op: _Convolution, g: TensorType, x: Shape, w: Shape) -> None:
    expected = Conv2d(**_shared(op)).infer(g.with_shape(x), g.with_shape(w))[0]
    if expected.shape != g.shape:
        raise ShapeError(f"{op.name} needs an output gradient {format_shape(expected.shape)}, "
                         f"got {format_shape(g.shape)}")


_CASES = (
    (Conv2d(), (2, 3, 6, 7), (4, 3, 2, 5)),
    (Conv2d(strides=(2, 3), padding=((1, 0), (2, 1))), (2, 3, 6, 8), (5, 3, 3, 4)),
    (Conv2d(dilation=(2, 1), padding=((1, 1), (0, 0))), (1, 2, 7, 6), (3, 2, 3, 2)),
    (Conv2d(groups=2, strides=(1, 2)), (3, 4, 5, 7), (6, 2, 2, 3)),
)
