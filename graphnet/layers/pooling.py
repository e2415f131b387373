"""Pooling layers."""

from __future__ import annotations

from typing import Any

from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ops.windows import check_padding, check_pair, image_size, resolve_padding
from graphnet.layers.base import Layer
from graphnet.layers.emitter import Emitter


class MaxPool2D(Layer):
    """The largest element of each window of each channel; the first of equal ones gets the gradient.

    Shapes: x (N, C, H, W); y (N, C, OH, OW) with OH = floor((H + padding - pool height) / stride) + 1.

    Args:
        pool_size: a number or (height, width) of the window.
        strides: a number or (rows, columns); None for pool_size, so that windows do not overlap.
        padding: as for Conv2D; never wins, and each side must be less than the window.
        name: unique in a model.
    """

    def __init__(self, pool_size: int | tuple[int, int] = 2, strides: int | tuple[int, int] | None = None,
                 padding: Any = "valid", *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.pool_size = check_pair(self.kind, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else check_pair(self.kind, "strides", strides)
        self.padding = check_padding(self.kind, padding)
        if not isinstance(self.padding, str) and any(
                max(pair) >= size for pair, size in zip(self.padding, self.pool_size, strict=True)):
            raise ArgumentError(self.kind, "padding", padding,
                                f"each side must be less than pool_size={self.pool_size}, "
                                "so that no window lies in the padding alone")

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the pooling."""
        image = image_size(b.types[x].shape, self.kind)
        padding = resolve_padding(self.padding, image, self.pool_size, self.strides)
        return b.add(ops.MaxPool2d(self.pool_size, self.strides, padding), x)

    def config(self) -> dict[str, Any]:
        """The arguments."""
        return {"pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}
