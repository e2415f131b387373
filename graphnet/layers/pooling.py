"""Pooling of images over windows."""

from __future__ import annotations

from graphnet.common.checks import check_flag
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ops.windows import Pairs, image_size, resolve_padding, round_up
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.layers.sizes import Margins, check_padding, check_pair

__all__ = ["AvgPool2D", "MaxPool2D"]


class Pool2D(Layer):
    """What poolings of images share: the window."""

    def __init__(self, pool_size: int | tuple[int, int], strides: int | tuple[int, int] | None, padding: str | Margins,
                 ceil_mode: bool, name: str | None) -> None:
        super().__init__(name=name)
        self.pool_size = check_pair(self.kind, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else check_pair(self.kind, "strides", strides)
        self.padding = check_padding(self.kind, padding)
        self.ceil_mode = check_flag(self.kind, "ceil_mode", ceil_mode)
        if not isinstance(self.padding, str) and any(
                max(pair) >= size for pair, size in zip(self.padding, self.pool_size, strict=True)):
            raise ArgumentError(self.kind, "padding", padding,
                                f"each side must be less than pool_size={self.pool_size}, "
                                "so that no window lies in the padding alone")

    def resolve(self, b: Emitter, x: int) -> tuple[Pairs, Pairs]:
        """The padding as declared, in numbers, and with what `ceil_mode` adds to it."""
        image = image_size(b.types[x].shape, self.kind)
        padding = resolve_padding(self.padding, image, self.pool_size, self.strides)
        whole = round_up(padding, image, self.pool_size, self.strides) if self.ceil_mode else padding
        return padding, whole


class MaxPool2D(Pool2D):
    """The largest element of each window of each channel; the first of equal ones gets the gradient.

    Shapes: x (N, C, H, W); y (N, C, OH, OW) with OH = floor((H + padding - pool height) / stride) + 1.

    Keras / PyTorch: `layers.MaxPooling2D` / `nn.MaxPool2d`. Keras has by default images (N, H, W, C), no numbers as
    padding and no `ceil_mode`. PyTorch has no "same" and takes padding up to half the window; its `dilation` and
    `return_indices` are missing.

    Args:
        pool_size: a number or (height, width) of the window.
        strides: a number or (rows, columns); None for pool_size, so that windows do not overlap.
        padding: as for Conv2D; never wins, and each side must be less than the window.
        ceil_mode: whether OH is rounded up, so that rows and columns left over at the end get a window too. As in
            PyTorch, a window that would begin behind the image is left out.
        name: unique in a model.

    Example:
        >>> x = gn.Input((1, 2, 5))
        >>> net = gn.compile(gn.Model(x, gn.layers.MaxPool2D(2)(x)))
        >>> net.predict(np.arange(10).reshape(1, 1, 2, 5)).tolist()
        [[[[6.0, 8.0]]]]
        >>> gn.layers.MaxPool2D(2, ceil_mode=True)(x).shape
        ('N', 1, 1, 3)
    """

    def __init__(self, pool_size: int | tuple[int, int] = 2, strides: int | tuple[int, int] | None = None,
                 padding: str | Margins = "valid", ceil_mode: bool = False, *, name: str | None = None) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, name)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the pooling."""
        _, padding = self.resolve(b, x)
        return b.add(ops.MaxPool2d(self.pool_size, self.strides, padding), x)


class AvgPool2D(Pool2D):
    """The mean of each window of each channel.

    Shapes: x (N, C, H, W); y (N, C, OH, OW) with OH = floor((H + padding - pool height) / stride) + 1.

    Keras / PyTorch: `layers.AveragePooling2D` / `nn.AvgPool2d`, whose `divisor_override` is missing. Keras has by
    default images (N, H, W, C) and never counts padding: `count_include_pad=False`.

    Args:
        pool_size: a number or (height, width) of the window.
        strides: a number or (rows, columns); None for pool_size, so that windows do not overlap.
        padding: as for Conv2D; each side must be less than the window.
        ceil_mode: as for `MaxPool2D`. What a window reaches over the padded image never counts.
        count_include_pad: whether padding counts as zeros in the means, as PyTorch has it by default. With False a mean
            is over elements of the image only, as in Keras.
        name: unique in a model.

    Example:
        >>> x = gn.Input((1, 2, 2))
        >>> net = gn.compile(gn.Model(x, gn.layers.AvgPool2D(2)(x)))
        >>> net.predict([[[[1, 2], [3, 6]]]]).tolist()
        [[[[3.0]]]]
        >>> net = gn.compile(gn.Model(x, gn.layers.AvgPool2D(2, padding=1)(x)))
        >>> net.predict([[[[4, 4], [4, 4]]]]).tolist()  # 3 of 4 are padding
        [[[[1.0, 1.0], [1.0, 1.0]]]]
    """

    def __init__(self, pool_size: int | tuple[int, int] = 2, strides: int | tuple[int, int] | None = None,
                 padding: str | Margins = "valid", ceil_mode: bool = False, count_include_pad: bool = True,
                 *, name: str | None = None) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, name)
        self.count_include_pad = check_flag(self.kind, "count_include_pad", count_include_pad)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the pooling."""
        declared, padding = self.resolve(b, x)
        counted = declared if self.count_include_pad else ((0, 0), (0, 0))
        return b.add(ops.AvgPool2d(self.pool_size, self.strides, padding, counted), x)
