"""Layers that change the shape or the order of elements, or take some of them."""

from __future__ import annotations

import math
import sys

from graphnet.common.checks import check_whole
from graphnet.common.plain import as_items, as_whole
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.types import Dim, Shape, factors, format_shape, known, show_division
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer, SimpleLayer
from graphnet.layers.axis import check_axis_argument, resolve_axis

__all__ = ["Flatten", "Permute", "Reshape", "Slice"]


class Flatten(SimpleLayer):
    """One row for each sample: (N, a, b, …) becomes (N, a · b · …), in row-major order.

    Keras / PyTorch: `layers.Flatten` / `nn.Flatten`, whose `start_dim` and `end_dim` are missing. Images become
    features channel by channel, as in PyTorch; Keras has the channels last, so its features stand place by place.

    Example:
        >>> x = gn.Input((2, 1, 3))
        >>> net = gn.compile(gn.Model(x, gn.layers.Flatten()(x)))
        >>> net.predict([[[[1, 2, 3]], [[4, 5, 6]]]]).tolist()
        [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]
    """

    takes_integers = True

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the reshape."""
        batch, *dims = b.types[x].shape
        features = math.prod(known(dim, "every dim that Flatten joins") for dim in dims)
        return b.add(ops.Reshape((batch, features)), x)


class Reshape(Layer):
    """The same elements of each sample under another shape, in row-major order.

    Keras / PyTorch: `layers.Reshape` / `nn.Unflatten`, which splits one axis; `torch.reshape` is told the batch too.

    Args:
        target_shape: the dims of one sample, without the batch. One may be -1: it is computed.
        name: unique in a model.

    Example:
        >>> x = gn.Input((6,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Reshape((2, -1))(x)))
        >>> net.predict([[1, 2, 3, 4, 5, 6]]).tolist()
        [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]
    """

    takes_integers = True

    def __init__(self, target_shape: tuple[int, ...], *, name: str | None = None) -> None:
        super().__init__(name=name)
        dims = as_items(target_shape)
        if dims is None:
            raise ArgumentError(self.kind, "target_shape", target_shape,
                                "it must be a tuple of the dims of one sample")
        self.target_shape = tuple(-1 if as_whole(dim, -1) == -1 else check_whole(self.kind, f"target_shape[{i}]", dim)
                                  for i, dim in enumerate(dims))
        if self.target_shape.count(-1) > 1:
            raise ArgumentError(self.kind, "target_shape", target_shape, "at most one dim can be -1")

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the reshape."""
        batch, *dims = b.types[x].shape
        return b.add(ops.Reshape((batch, *self._fill(tuple(dims)))), x)

    def _fill(self, dims: Shape) -> Shape:
        """The target with its -1 computed for a sample of these dims."""
        if -1 not in self.target_shape:
            return self.target_shape
        count, symbols = factors(dims)
        rest = -math.prod(self.target_shape)
        if count % rest:
            raise ShapeError(f"a sample {format_shape(dims)} has {count} elements, and the other dims of "
                             f"{format_shape(self.target_shape)} take {rest}, which does not divide {count}: "
                             f"{show_division(count, rest)}",
                             f"choose dims whose product divides {count}")
        free: Dim = count // rest
        if symbols:
            if free != 1 or symbols.total() != 1:
                product = " · ".join([str(free), *sorted(symbols.elements())])
                raise ShapeError(f"-1 in {format_shape(self.target_shape)} would stand for {product}, "
                                 "which is not a dim", f"make the other dims take all {count} known elements")
            (free,) = symbols
        return tuple(free if dim == -1 else dim for dim in self.target_shape)


class Permute(Layer):
    """Puts the axes of each sample into another order; axis k of the result is axis `dims[k - 1]` of the input.

    Keras / PyTorch: `layers.Permute` / `torch.permute`, which is told the batch too: `Permute((2, 1))` is
    `torch.permute(x, (0, 2, 1))`.

    Args:
        dims: the axes 1, 2, … in their new order, counted with the batch as 0, which stays; as in Keras. `(2, 1)`
            exchanges the axes of (N, steps, features).
        name: unique in a model.

    Example:
        >>> x = gn.Input((2, 3))
        >>> net = gn.compile(gn.Model(x, gn.layers.Permute((2, 1))(x)))
        >>> net.predict([[[1, 2, 3], [4, 5, 6]]]).tolist()
        [[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]]
    """

    takes_integers = True

    def __init__(self, dims: tuple[int, ...], *, name: str | None = None) -> None:
        super().__init__(name=name)
        order = [as_whole(axis) or 0 for axis in as_items(dims) or ()]
        if as_items(dims) is None or sorted(order) != list(range(1, len(order) + 1)):
            raise ArgumentError(self.kind, "dims", dims, "it must have each of the axes 1, 2, … of a sample once; the "
                                                         "batch stays where it is and is not named")
        self.dims = tuple(order)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the transpose."""
        t = b.types[x]
        if t.rank != len(self.dims) + 1:
            raise ShapeError(f"dims {self.dims} are an order of {len(self.dims)} axes, but a sample of "
                             f"{format_shape(t.shape)} has {t.rank - 1}", "name every axis but the batch once")
        return b.add(ops.Transpose((0, *self.dims)), x)


class Slice(Layer):
    """The elements `start` to `stop` - 1 along an axis; `start` and `stop` count as in Python.

    Keras / PyTorch: – / `torch.narrow`, which takes a length instead of `stop`; in both one writes `x[:, start:stop]`.

    Args:
        start: the first element taken; from the end if negative.
        stop: the first one not taken any more; from the end if negative, None for the end itself.
        axis: counted with the batch as 0, which it must not be; 1 is the channels of images.
        name: unique in a model.

    Example:
        >>> x = gn.Input((5,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Slice(1, -1)(x)))
        >>> net.predict([[1, 2, 3, 4, 5]]).tolist()
        [[2.0, 3.0, 4.0]]
    """

    takes_integers = True

    def __init__(self, start: int = 0, stop: int | None = None, axis: int = 1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.start = check_whole(self.kind, "start", start, -sys.maxsize)
        self.stop = None if stop is None else check_whole(self.kind, "stop", stop, -sys.maxsize)
        self.axis = check_axis_argument(self.kind, axis)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the cut."""
        t = b.types[x]
        axis = resolve_axis(self.kind, self.axis, t)
        size = known(t.shape[axis], f"axis {axis} of Slice")
        start = self.start + size * (self.start < 0)
        stop = size if self.stop is None else self.stop + size * (self.stop < 0)
        if not 0 <= start < stop <= size:
            raise ShapeError(f"axis {axis} of {format_shape(t.shape)} has elements 0 … {size - 1}, but those from "
                             f"{start} to {stop - 1} are asked for (start={self.start}, stop={self.stop})",
                             f"choose 0 ≤ start < stop ≤ {size}, or count from the end with negative numbers")
        return b.add(ops.Slice(axis, start, stop), x)
