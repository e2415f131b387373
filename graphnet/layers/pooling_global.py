"""Pooling of whole images or sequences to one number for each channel."""

from __future__ import annotations

from graphnet.compiler import ops
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Op
from graphnet.compiler.types import format_shape
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import SimpleLayer

__all__ = ["GlobalAveragePool", "GlobalMaxPool"]


class _GlobalPool(SimpleLayer):
    """Reduces all axes behind the channels."""

    def reduction(self, rank: int) -> Op:
        """The op that reduces an input of this rank."""
        raise NotImplementedError(self.kind)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the reduction."""
        t = b.types[x]
        if t.rank < 3:
            raise ShapeError(f"{self.kind} needs (N, channels, length) or (N, channels, height, width), got "
                             f"{format_shape(t.shape)}: {t.rank} dims", "use it before Flatten")
        return b.add(self.reduction(t.rank), x)


class GlobalAveragePool(_GlobalPool):
    """The mean of each channel.

    Shapes: x (N, C, H, W) or (N, C, L); y (N, C). For sequences (N, steps, features) put `Permute((2, 1))` before it.
    """

    def reduction(self, rank: int) -> Op:
        """The op that reduces an input of this rank."""
        return ops.ReduceMean(tuple(range(2, rank)))


class GlobalMaxPool(_GlobalPool):
    """The largest element of each channel; the first of equal ones, in row-major order, gets the gradient.

    PyTorch's `amax` splits the gradient among them; its `AdaptiveMaxPool2d(1)` does as here.

    Shapes: x (N, C, H, W) or (N, C, L); y (N, C). For sequences (N, steps, features) put `Permute((2, 1))` before it.
    """

    def reduction(self, rank: int) -> Op:
        """The op that reduces an input of this rank."""
        return ops.ReduceMax(rank - 2)
