"""The arithmetic that convolution and pooling windows share: padding, output sizes, strided views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Op
from graphnet.compiler.ops.operands import LARGEST
from graphnet.compiler.types import Array, format_shape, known

Pair = tuple[int, int]
Pairs = tuple[Pair, Pair]
PaddingName = Literal["valid", "same"]


@dataclass(frozen=True, slots=True)
class Window:
    """A window that slides over the last two axes of an image (…, H, W)."""

    kernel: Pair
    strides: Pair = (1, 1)
    padding: Pairs = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)

    @property
    def extent(self) -> Pair:
        """Rows and columns that a window spans, dilation included: d (k - 1) + 1."""
        return (self.dilation[0] * (self.kernel[0] - 1) + 1, self.dilation[1] * (self.kernel[1] - 1) + 1)

    def output(self, image: tuple[int, int]) -> Pair:
        """Rows and columns of the output: floor((size + padding - extent) / stride) + 1.

        Raises:
            ShapeError: the window is larger than the padded image.
        """
        sizes = []
        for axis, side in enumerate(("high", "wide")):
            padded = image[axis] + sum(self.padding[axis])
            if self.extent[axis] > padded:
                raise ShapeError(
                    f"the window is {self.extent[axis]} {side}, but the input is only {padded} {side} "
                    f"({image[axis]} + padding {self.padding[axis][0]} + {self.padding[axis][1]}): "
                    f"{self.extent[axis]} > {padded}",
                    "use a smaller window, more padding or a larger input; "
                    "images are (N, channels, height, width)")
            sizes.append((padded - self.extent[axis]) // self.strides[axis] + 1)
        return sizes[0], sizes[1]

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """`x` (N, C, H, W) with the padding filled with `value`."""
        return np.pad(x, ((0, 0), (0, 0), *self.padding), constant_values=value)

    def slide(self, padded: Array) -> Array:
        """A read-only view (N, C, OH, OW, KH, KW) of every window of a padded image."""
        windows = sliding_window_view(padded, self.extent, axis=(2, 3))
        (sh, sw), (dh, dw) = self.strides, self.dilation
        return windows[:, :, ::sh, ::sw, ::dh, ::dw]

    def tap(self, padded: Array, row: int, column: int, output: Pair) -> Array:
        """A view (N, C, OH, OW) of the element (row, column) of every window of a padded image."""
        top, left = row * self.dilation[0], column * self.dilation[1]
        return padded[:, :, top:top + (output[0] - 1) * self.strides[0] + 1:self.strides[0],
                      left:left + (output[1] - 1) * self.strides[1] + 1:self.strides[1]]

    def crop(self, padded: Array) -> Array:
        """The image without its padding."""
        (top, bottom), (left, right) = self.padding
        return padded[:, :, top:padded.shape[2] - bottom, left:padded.shape[3] - right]


def check_steps(op: Op, *names: str) -> None:
    """Refuses attributes of these names that are not pairs of numbers from 1 to what a kernel can step by.

    Raises:
        ArgumentError: one is something else.
    """
    for name in names:
        low, high = sorted(getattr(op, name))
        op.check(low >= 1 and high <= LARGEST, name, f"each must be at least 1 and at most {LARGEST}")


def resolve_padding(padding: PaddingName | Pairs, image: Pair, kernel: Pair, strides: Pair,
                    dilation: Pair = (1, 1)) -> Pairs:
    """Turns "valid" and "same" into numbers for an image of this size.

    "same" pads so that the output has ceil(size / stride) rows and columns: in all
    max((ceil(n / s) - 1) s + d (k - 1) + 1 - n, 0), the odd one at the end (bottom, right), as Keras and PyTorch do.
    """
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding != "same":
        return padding
    pairs = []
    for size, k, s, d in zip(image, kernel, strides, dilation, strict=True):
        total = max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
        pairs.append((total // 2, total - total // 2))
    return pairs[0], pairs[1]


def round_up(padding: Pairs, image: Pair, kernel: Pair, strides: Pair) -> Pairs:
    """The padding, longer at the end by what makes the output's size ceil((size + padding - k) / s) + 1.

    As in PyTorch, a window that would begin behind the image is left out, so that none lies in the padding alone. Where
    not even one window fits, the padding stays as it is, and the window is refused.
    """
    pairs = []
    for size, k, s, (before, after) in zip(image, kernel, strides, padding, strict=True):
        last = -(-(size + before + after - k) // s) * s  # where the last window begins
        if last >= size + before:
            last -= s
        fits = k <= size + before + after
        pairs.append((before, max(last + k - size - before, after) if fits else after))
    return pairs[0], pairs[1]


def image_size(shape: tuple[int | str, ...], owner: str) -> Pair:
    """H and W of an image (N, C, H, W).

    Raises:
        ShapeError: there are not four dims, or H or W is not known.
    """
    if len(shape) != 4:
        raise ShapeError(f"{owner} needs images (N, channels, height, width), got {format_shape(shape)}: "
                         f"{len(shape)} dims instead of 4", _image_fix(len(shape)))
    return known(shape[2], f"the height that {owner} takes"), known(shape[3], f"the width that {owner} takes")


def _image_fix(rank: int) -> str:
    if rank == 3:
        return "add the channel axis: declare gn.Input((1, height, width)) and feed (N, 1, height, width)"
    if rank > 4:
        return "give gn.Input the shape of one sample: the batch dim is implied"
    return "use it on images, before Flatten"
