"""Layers that disturb what passes through them in training, and do nothing outside it."""

from __future__ import annotations

from graphnet.common.checks import check_number
from graphnet.compiler import ops
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.ir import COUNTER
from graphnet.compiler.ops.noise import COUNTER_TYPE
from graphnet.compiler.types import Shape, TensorType, format_shape
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.layers.axis import channel_axis, check_channel_axis

__all__ = ["Dropout", "GaussianNoise", "SpatialDropout"]


class _Dropout(Layer):
    """The part that both kinds of dropout share."""

    def __init__(self, rate: float, name: str | None) -> None:
        super().__init__(name=name)
        self.rate = check_number(self.kind, "rate", rate, 0, 1)

    def mask_shape(self, t: TensorType) -> Shape:
        """The dims of the mask: those of the input, or 1 where one element of it stands for a whole axis."""
        raise NotImplementedError(self.kind)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds a mask and its application; nothing if nothing is dropped."""
        shape = self.mask_shape(b.types[x])
        if self.rate == 0:
            return x
        counter = b.read_state(self, "counter", COUNTER_TYPE, COUNTER)
        mask, counter = b.apply(ops.RandomMask(shape, self.rate), counter)
        b.write_state(self, "counter", counter)
        return b.add(ops.ApplyMask(1 / (1 - self.rate)), x, mask)


class Dropout(_Dropout):
    """y = x / (1 - rate) with probability 1 - rate, else 0, for each element by itself (Srivastava et al. 2014).

    `rate` is the share that is dropped. What is kept is scaled in training (inverted dropout), so that outside training
    the layer is nothing at all.

    The masks come from a counter, the state `<layer>/counter`: they depend on the network's seed, the layer's name and
    how many steps were done, not on threads, memory layout or what else ran.

    Shapes: x and y alike.

    Keras / PyTorch: `layers.Dropout` / `nn.Dropout`, whose p is 0.5 by default. Both take a share of 1 too. Keras's
    `noise_shape` and `seed` are missing: the network's seed says all masks.

    Args:
        rate: 0 ≤ rate < 1.
        name: unique in a model.

    Example:
        >>> x = gn.Input((8,), name="x")
        >>> model = gn.Model(x, gn.layers.Dropout(0.5)(x))
        >>> net = gn.compile(model, loss="mse", seed=0)
        >>> net.predict(np.ones((1, 8))).tolist()
        [[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]]
        >>> net.loss_and_gradients(np.ones((1, 8)), np.zeros((1, 8)))[0]
        1.5

    In training 3 of the 8 were kept, as 2, and 3 · 2² / 8 = 1.5.
    """

    def __init__(self, rate: float, *, name: str | None = None) -> None:
        super().__init__(rate, name)

    def mask_shape(self, t: TensorType) -> Shape:
        """That of the input."""
        return t.shape


class SpatialDropout(_Dropout):
    """Dropout of whole channels of a sample: y = x / (1 - rate) or 0 (Tompson et al. 2015, section 3.2).

    `rate` is the share of channels that is dropped; masks are made as for `Dropout`.

    Shapes: x and y alike: (N, channels, height, width), or any other of 3 dims or more with `axis` given.

    Keras / PyTorch: `layers.SpatialDropout1D`, `layers.SpatialDropout2D` / `nn.Dropout1d`, `nn.Dropout2d`, whose p is
    0.5 by default. One class serves both. Keras has by default the channels last.

    Args:
        rate: 0 ≤ rate < 1.
        axis: of the channels, counted with the batch as 0; by default axis 1. Inputs of 3 dims can be
            (N, channels, length) or (N, steps, features), so for those it must be given.
        name: unique in a model.

    Example:
        >>> x = gn.Input((4, 2), name="x")
        >>> model = gn.Model(x, gn.layers.SpatialDropout(0.5, axis=1)(x))
        >>> net = gn.compile(model, loss="mse", seed=0)
        >>> ones, zeros = np.ones((1, 4, 2)), np.zeros((1, 4, 2))
        >>> net.loss_and_gradients(ones, zeros, inputs=True)[1]["x"].tolist()
        [[[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]
    """

    def __init__(self, rate: float, axis: int | None = None, *, name: str | None = None) -> None:
        super().__init__(rate, name)
        self.axis = check_channel_axis(self.kind, axis)

    def mask_shape(self, t: TensorType) -> Shape:
        """An element for each channel of each sample."""
        if t.rank < 3:
            raise ShapeError(f"{self.kind} drops channels of several elements, but {format_shape(t.shape)} has none",
                             "use gn.layers.Dropout here")
        axis = channel_axis(self.kind, self.axis, t)
        return tuple(dim if at in (0, axis) else 1 for at, dim in enumerate(t.shape))


class GaussianNoise(Layer):
    """y = x + stddev · n in training, with n standard normal for each element by itself; y = x outside it.

    The numbers come from a counter, as for `Dropout`.

    Shapes: x and y alike.

    Keras / PyTorch: `layers.GaussianNoise` / –, where one writes `x + stddev * torch.randn_like(x)`. Keras's `seed` is
    missing: the network's seed says all noise.

    Args:
        stddev: the standard deviation ≥ 0, in the units of x.
        name: unique in a model.

    Example:
        >>> x = gn.Input((1000,))
        >>> model = gn.Model(x, gn.layers.GaussianNoise(0.5)(x))
        >>> net = gn.compile(model, loss="mse", seed=0)
        >>> zeros = np.zeros((1, 1000))
        >>> float(net.predict(zeros).std())
        0.0
        >>> round(net.loss_and_gradients(zeros, zeros)[0] ** 0.5, 1)
        0.5
    """

    def __init__(self, stddev: float, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.stddev = check_number(self.kind, "stddev", stddev, 0)

    def emit(self, b: Emitter, x: int) -> int:
        """Adds the noise; nothing if there is none."""
        if self.stddev == 0:
            return x
        counter = b.read_state(self, "counter", COUNTER_TYPE, COUNTER)
        y, counter = b.apply(ops.GaussianNoise(self.stddev), x, counter)
        b.write_state(self, "counter", counter)
        return y
