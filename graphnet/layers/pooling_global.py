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

    Keras / PyTorch: `layers.GlobalAveragePooling1D`, `layers.GlobalAveragePooling2D` / `nn.AdaptiveAvgPool2d(1)`, whose
    result is (N, C, 1, 1). Keras has by default the channels last; its `keepdims` is missing.

    Example:
        >>> x = gn.Input((2, 2, 2))
        >>> net = gn.compile(gn.Model(x, gn.layers.GlobalAveragePool()(x)))
        >>> net.predict(np.arange(8).reshape(1, 2, 2, 2)).tolist()
        [[1.5, 5.5]]
    """

    def reduction(self, rank: int) -> Op:
        """The op that reduces an input of this rank."""
        return ops.ReduceMean(tuple(range(2, rank)))


class GlobalMaxPool(_GlobalPool):
    """The largest element of each channel; the first of equal ones, in row-major order, gets the gradient.

    Shapes: x (N, C, H, W) or (N, C, L); y (N, C). For sequences (N, steps, features) put `Permute((2, 1))` before it.

    Keras / PyTorch: `layers.GlobalMaxPooling1D`, `layers.GlobalMaxPooling2D` / `nn.AdaptiveMaxPool2d(1)`, whose result
    is (N, C, 1, 1); `torch.amax` splits the gradient among equal elements. Keras has by default the channels last; its
    `keepdims` is missing.

    Example:
        >>> x = gn.Input((2, 2, 2))
        >>> net = gn.compile(gn.Model(x, gn.layers.GlobalMaxPool()(x)))
        >>> net.predict(np.arange(8).reshape(1, 2, 2, 2)).tolist()
        [[3.0, 7.0]]
    """

    def reduction(self, rank: int) -> Op:
        """The op that reduces an input of this rank."""
        return ops.ReduceMax(rank - 2)
