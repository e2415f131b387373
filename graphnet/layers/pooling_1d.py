"""Pooling of sequences over windows."""

from __future__ import annotations

from graphnet.common.checks import check_flag, check_whole
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ops.windows import Pair, Pairs, round_up
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.layers.sequences import as_image, as_sequence, check_fits, check_span, resolve_span, sequence_length

__all__ = ["AvgPool1D", "MaxPool1D"]


class Pool1D(Layer):
    """What poolings of sequences share: the window."""

    def __init__(self, pool_size: int, strides: int | None, padding: str | int | Pair, ceil_mode: bool,
                 name: str | None) -> None:
        super().__init__(name=name)
        self.pool_size = check_whole(self.kind, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else check_whole(self.kind, "strides", strides)
        self.padding = check_span(self.kind, "padding", padding, "valid", "same")
        self.ceil_mode = check_flag(self.kind, "ceil_mode", ceil_mode)
        if not isinstance(self.padding, str) and max(self.padding) >= self.pool_size:
            raise ArgumentError(self.kind, "padding", padding,
                                f"each side must be less than pool_size={self.pool_size}, "
                                "so that no window lies in the padding alone")

    def resolve(self, b: Emitter, x: int) -> tuple[Pairs, Pairs]:
        """The padding as declared, in numbers, and with what `ceil_mode` adds to it; of an image of height 1."""
        length = sequence_length(b, x, self.kind)
        span = resolve_span(self.padding, length, self.pool_size, self.strides)
        check_fits(self.pool_size, length, span)
        padding = (0, 0), span
        return padding, round_up(padding, (1, length), *self.window) if self.ceil_mode else padding

    @property
    def window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Size and strides of the window on an image of height 1."""
        return (1, self.pool_size), (1, self.strides)


class MaxPool1D(Pool1D):
    """The largest element of each window of each channel; the first of equal ones gets the gradient.

    Shapes: x (N, C, L); y (N, C, OL) with OL = floor((L + padding - pool_size) / stride) + 1.

    Keras / PyTorch: `layers.MaxPooling1D` / `nn.MaxPool1d`. Keras has by default sequences (N, L, C), no numbers as
    padding and no `ceil_mode`. PyTorch has no "same" and takes padding up to half the window; its `dilation` and
    `return_indices` are missing.

    Args:
        pool_size: the length of the window.
        strides: steps from window to window; None for pool_size, so that windows do not overlap.
        padding: "valid" (none), "same" (OL = ceil(L / stride)), a number for both sides or (before, after), each less
            than pool_size; never wins.
        ceil_mode: whether OL is rounded up; a window that would begin behind the sequence is left out, as in PyTorch.
        name: unique in a model.

    Example:
        >>> x = gn.Input((1, 5))
        >>> net = gn.compile(gn.Model(x, gn.layers.MaxPool1D(2)(x)))
        >>> net.predict([[[1, 2, 3, 4, 5]]]).tolist()
        [[[2.0, 4.0]]]
        >>> net = gn.compile(gn.Model(x, gn.layers.MaxPool1D(3, strides=1)(x)))
        >>> net.predict([[[1, 2, 3, 4, 5]]]).tolist()
        [[[3.0, 4.0, 5.0]]]
    """

    def __init__(self, pool_size: int = 2, strides: int | None = None, padding: str | int | Pair = "valid",
                 ceil_mode: bool = False, *, name: str | None = None) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, name)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the pooling of an image of height 1."""
        _, padding = self.resolve(b, x)
        return as_sequence(b, b.add(ops.MaxPool2d(*self.window, padding), as_image(b, x)))


class AvgPool1D(Pool1D):
    """The mean of each window of each channel.

    Shapes: x (N, C, L); y (N, C, OL) with OL = floor((L + padding - pool_size) / stride) + 1.

    Keras / PyTorch: `layers.AveragePooling1D` / `nn.AvgPool1d`. Keras has by default sequences (N, L, C) and never
    counts padding: `count_include_pad=False`.

    Args:
        pool_size: the length of the window.
        strides: steps from window to window; None for pool_size, so that windows do not overlap.
        padding: as for `MaxPool1D`.
        ceil_mode: as for `MaxPool1D`. What a window reaches over the padded sequence never counts.
        count_include_pad: whether padding counts as zeros in the means, as PyTorch has it by default. With False a mean
            is over elements of the sequence only, as in Keras.
        name: unique in a model.

    Example:
        >>> x = gn.Input((1, 3))
        >>> pool = gn.layers.AvgPool1D(2, padding="same")
        >>> gn.compile(gn.Model(x, pool(x))).predict([[[1, 3, 4]]]).tolist()
        [[[2.0, 2.0]]]
        >>> pool = gn.layers.AvgPool1D(
        ...     2, padding="same", count_include_pad=False)
        >>> gn.compile(gn.Model(x, pool(x))).predict([[[1, 3, 4]]]).tolist()
        [[[2.0, 4.0]]]
    """

    def __init__(self, pool_size: int = 2, strides: int | None = None, padding: str | int | Pair = "valid",
                 ceil_mode: bool = False, count_include_pad: bool = True, *, name: str | None = None) -> None:
        super().__init__(pool_size, strides, padding, ceil_mode, name)
        self.count_include_pad = check_flag(self.kind, "count_include_pad", count_include_pad)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the pooling of an image of height 1."""
        declared, padding = self.resolve(b, x)
        counted = declared if self.count_include_pad else ((0, 0), (0, 0))
        return as_sequence(b, b.add(ops.AvgPool2d(*self.window, padding, counted), as_image(b, x)))
