"""Adding margins of zeros, and cutting margins off."""

from __future__ import annotations

from typing import cast

from graphnet.compiler import ops
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.ops.windows import Pair, image_size
from graphnet.compiler.types import format_shape, known
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.layers.sequences import check_span, sequence_length
from graphnet.layers.sizes import Margins, check_sides

__all__ = ["Crop1D", "Crop2D", "ZeroPad1D", "ZeroPad2D"]


def add_margins(b: Emitter, x: int, margins: dict[int, Pair]) -> int:
    """Adds zeros before and after, by axis."""
    for axis, margin in margins.items():
        if any(margin):
            x = b.add(ops.Pad(axis, *margin), x)
    return x


def cut_margins(b: Emitter, x: int, margins: dict[int, Pair]) -> int:
    """Cuts off elements before and after, by axis.

    Raises:
        ShapeError: nothing would be left.
    """
    for axis, margin in margins.items():
        shape = b.types[x].shape
        size = known(shape[axis], "every dim that is cropped")
        if size <= sum(margin):
            raise ShapeError(f"axis {axis} of {format_shape(shape)} has {size} elements, and {margin[0]} + {margin[1]} "
                             f"are to be cut off: {size} - {sum(margin)} = {size - sum(margin)}",
                             "crop less, or feed a larger input")
        if any(margin):
            x = b.add(ops.Slice(axis, margin[0], size - margin[1]), x)
    return x


class ZeroPad1D(Layer):
    """Adds zeros before and after a sequence.

    Shapes: x (N, C, L); y (N, C, before + L + after).

    Keras / PyTorch: `layers.ZeroPadding1D` / `nn.ZeroPad1d`, which has no default. Keras pads axis 1 of (N, steps,
    features).

    Args:
        padding: a number for both sides, or (before, after).
        name: unique in a model.

    Example:
        >>> x = gn.Input((1, 3))
        >>> net = gn.compile(gn.Model(x, gn.layers.ZeroPad1D((2, 1))(x)))
        >>> net.predict([[[1, 2, 3]]]).tolist()
        [[[0.0, 0.0, 1.0, 2.0, 3.0, 0.0]]]
    """

    takes_integers = True

    def __init__(self, padding: int | tuple[int, int] = 1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.padding = cast(Pair, check_span(self.kind, "padding", padding))

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the zeros."""
        sequence_length(b, x, self.kind)
        return add_margins(b, x, {2: self.padding})


class ZeroPad2D(Layer):
    """Adds rows and columns of zeros around an image.

    Shapes: x (N, C, H, W); y (N, C, top + H + bottom, left + W + right).

    Keras / PyTorch: `layers.ZeroPadding2D` / `nn.ZeroPad2d`, which takes (left, right, top, bottom) and has no default.
    Keras has the same pairs, and images (N, H, W, C).

    Args:
        padding: a number for every side, (rows, columns), or ((top, bottom), (left, right)).
        name: unique in a model.

    Example:
        >>> x = gn.Input((1, 1, 2))
        >>> pad = gn.layers.ZeroPad2D(((0, 1), (2, 0)))
        >>> net = gn.compile(gn.Model(x, pad(x)))
        >>> net.predict([[[[1, 2]]]]).tolist()
        [[[[0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0]]]]
    """

    takes_integers = True

    def __init__(self, padding: Margins = 1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.padding = check_sides(self.kind, "padding", padding)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the zeros."""
        image_size(b.types[x].shape, self.kind)
        return add_margins(b, x, {2: self.padding[0], 3: self.padding[1]})


class Crop1D(Layer):
    """Cuts elements off both ends of a sequence.

    Shapes: x (N, C, L); y (N, C, L - before - after).

    Keras / PyTorch: `layers.Cropping1D` / `nn.ZeroPad1d` with negative numbers. Keras cuts axis 1 of (N, steps,
    features).

    Args:
        cropping: a number for both ends, or (before, after).
        name: unique in a model.

    Example:
        >>> x = gn.Input((1, 5))
        >>> net = gn.compile(gn.Model(x, gn.layers.Crop1D((2, 1))(x)))
        >>> net.predict([[[1, 2, 3, 4, 5]]]).tolist()
        [[[3.0, 4.0]]]
    """

    takes_integers = True

    def __init__(self, cropping: int | tuple[int, int] = 1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.cropping = cast(Pair, check_span(self.kind, "cropping", cropping))

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the cut."""
        sequence_length(b, x, self.kind)
        return cut_margins(b, x, {2: self.cropping})


class Crop2D(Layer):
    """Cuts rows and columns off the sides of an image.

    Shapes: x (N, C, H, W); y (N, C, H - top - bottom, W - left - right).

    Keras / PyTorch: `layers.Cropping2D` / `nn.ZeroPad2d` with negative numbers. Keras cuts nothing by default, and has
    images (N, H, W, C).

    Args:
        cropping: a number for every side, (rows, columns), or ((top, bottom), (left, right)).
        name: unique in a model.

    Example:
        >>> x = gn.Input((1, 3, 3))
        >>> net = gn.compile(gn.Model(x, gn.layers.Crop2D(((1, 0), (0, 2)))(x)))
        >>> net.predict(np.arange(9).reshape(1, 1, 3, 3)).tolist()
        [[[[3.0], [6.0]]]]
    """

    takes_integers = True

    def __init__(self, cropping: Margins = 1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.cropping = check_sides(self.kind, "cropping", cropping)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the cuts."""
        image_size(b.types[x].shape, self.kind)
        return cut_margins(b, x, {2: self.cropping[0], 3: self.cropping[1]})
