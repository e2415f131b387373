"""Layers that only change the shape; no numbers move."""

from __future__ import annotations

import math
from typing import Any

from graphnet.checks import check_whole
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.types import Dim, Shape, factors, format_shape, known, show_division
from graphnet.layers.base import Layer
from graphnet.layers.emitter import Emitter


class Flatten(Layer):
    """One row for each sample: (N, a, b, …) becomes (N, a · b · …), in row-major order."""

    takes_integers = True

    def __init__(self, *, name: str | None = None) -> None:
        super().__init__(name=name)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the reshape."""
        batch, *dims = b.types[x].shape
        features = math.prod(known(dim, "every dim that Flatten joins") for dim in dims)
        return b.add(ops.Reshape((batch, features)), x)

    def config(self) -> dict[str, Any]:
        """No arguments."""
        return {}


class Reshape(Layer):
    """The same elements of each sample under another shape, in row-major order.

    Args:
        target_shape: the dims of one sample, without the batch. One may be -1: it is computed.
        name: unique in a model.
    """

    takes_integers = True

    def __init__(self, target_shape: tuple[int, ...], *, name: str | None = None) -> None:
        super().__init__(name=name)
        if not isinstance(target_shape, tuple | list):
            raise ArgumentError(self.kind, "target_shape", target_shape,
                                "it must be a tuple of the dims of one sample")
        self.target_shape = tuple(dim if dim == -1 else check_whole(self.kind, "target_shape", dim)
                                  for dim in target_shape)
        if self.target_shape.count(-1) > 1:
            raise ArgumentError(self.kind, "target_shape", target_shape, "at most one dim can be -1")

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the reshape."""
        batch, *dims = b.types[x].shape
        return b.add(ops.Reshape((batch, *self._fill(tuple(dims)))), x)

    def config(self) -> dict[str, Any]:
        """The target shape."""
        return {"target_shape": self.target_shape}

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
