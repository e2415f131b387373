"""Nearest-neighbour upsampling."""

from __future__ import annotations

from graphnet.common.checks import check_whole
from graphnet.compiler import ops
from graphnet.compiler.ops.windows import image_size
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.layers.sequences import sequence_length
from graphnet.layers.sizes import check_pair

__all__ = ["UpSample1D", "UpSample2D"]


class UpSample1D(Layer):
    """Repeats each element: y[n, c, i] = x[n, c, ⌊i / size⌋]. The gradient of an element is the sum over its repeats.

    Shapes: x (N, C, L); y (N, C, size · L).

    Keras / PyTorch: `layers.UpSampling1D` / `nn.Upsample(scale_factor=size)`, whose fractions and other modes are
    missing. Keras repeats along axis 1 of (N, steps, features).

    Args:
        size: how often.
        name: unique in a model.

    Example:
        >>> x = gn.Input((1, 2))
        >>> net = gn.compile(gn.Model(x, gn.layers.UpSample1D(3)(x)))
        >>> net.predict([[[1, 2]]]).tolist()
        [[[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]]]
    """

    def __init__(self, size: int = 2, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.size = check_whole(self.kind, "size", size)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        sequence_length(b, x, self.kind)
        return b.add(ops.Upsample((self.size,)), x)


class UpSample2D(Layer):
    """Repeats rows and columns: y[n, c, i, j] = x[n, c, ⌊i / height⌋, ⌊j / width⌋], the nearest neighbour.

    The gradient of an element is the sum over its repeats.

    Shapes: x (N, C, H, W); y (N, C, height · H, width · W).

    Keras / PyTorch: `layers.UpSampling2D` / `nn.Upsample(scale_factor=size)`, whose fractions are missing, and of both
    all modes but "nearest". Keras has images (N, H, W, C).

    Args:
        size: a number or (height, width) of the block that an element becomes.
        name: unique in a model.

    Example:
        >>> x = gn.Input((1, 1, 2))
        >>> net = gn.compile(gn.Model(x, gn.layers.UpSample2D(2)(x)))
        >>> net.predict([[[[1, 2]]]]).tolist()
        [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """

    def __init__(self, size: int | tuple[int, int] = 2, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.size = check_pair(self.kind, "size", size)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the op."""
        image_size(b.types[x].shape, self.kind)
        return b.add(ops.Upsample(self.size), x)
