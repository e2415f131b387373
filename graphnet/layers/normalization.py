"""Layers that normalise each sample by itself: over its features, over groups of channels."""

from __future__ import annotations

from numbers import Integral
from typing import Unpack

from graphnet.common.checks import check_epsilon, check_flag, check_whole
from graphnet.compiler import ops
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.roles import BIAS, SCALE
from graphnet.compiler.types import TensorType, format_shape, known, show_division
from graphnet.declare.emitter import Emitter
from graphnet.declare.layer import Layer
from graphnet.declare.options import WeightOptions
from graphnet.initializers import INITIALIZERS, Initializer
from graphnet.layers.axis import check_trailing_axes, first_trailing_axis

__all__ = ["GroupNorm", "LayerNorm"]


class Normalization(Layer):
    """What all normalising layers share: ε, and the learned scale γ and shift β."""

    def __init__(self, epsilon: float, center: bool, scale: bool, beta_initializer: str | Initializer,
                 gamma_initializer: str | Initializer, name: str | None, trainable: bool,
                 **options: Unpack[WeightOptions]) -> None:
        super().__init__(name=name, trainable=trainable, **options)
        self.epsilon = check_epsilon(self.kind, epsilon)
        self.center = check_flag(self.kind, "center", center)
        self.scale = check_flag(self.kind, "scale", scale)
        self.beta_initializer = INITIALIZERS.resolve(self.kind, "beta_initializer", beta_initializer)
        self.gamma_initializer = INITIALIZERS.resolve(self.kind, "gamma_initializer", gamma_initializer)

    def gamma(self, b: Emitter, type: TensorType) -> int:
        """The id of the weight γ. Its role is said: a frozen BatchNorm makes other numbers of it before it scales."""
        return self.weight(b, "gamma", type, self.gamma_initializer, role=SCALE, incoming=tuple(range(type.rank)))

    def beta(self, b: Emitter, type: TensorType) -> int:
        """The id of the weight β."""
        return self.weight(b, "beta", type, self.beta_initializer, role=BIAS, incoming=tuple(range(type.rank)))


class LayerNorm(Normalization):
    """y = γ (x - μ) / √(σ² + ε) + β, with mean and biased variance of each sample over its last axes (Ba et al. 2016).

    The same in and outside training.

    Shapes: x and y alike; γ and β have the dims of the axes.

    Keras / PyTorch: `layers.LayerNormalization` / `nn.LayerNorm`, which is told the dims of the axes
    (`normalized_shape`) instead of the axes. ε is PyTorch's; Keras's is 1e-3.

    Args:
        axis: the last axis, or a tuple of the last few, counted with the batch as 0: -1, (-2, -1), (1, 2, 3), …
        epsilon: ε > 0.
        center: whether there is a β.
        scale: whether there is a γ.
        beta_initializer: fills β.
        gamma_initializer: fills γ.
        name: unique in a model.
        trainable: False freezes γ and β.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.LayerNorm()(x)))
        >>> print(net.predict([[1, 3], [10, 50]]).round(3))
        [[-1.  1.]
         [-1.  1.]]
    """

    def __init__(self, axis: int | tuple[int, ...] = -1, epsilon: float = 1e-5, center: bool = True, scale: bool = True,
                 beta_initializer: str | Initializer = "zeros", gamma_initializer: str | Initializer = "ones",
                 *, name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(epsilon, center, scale, beta_initializer, gamma_initializer, name, trainable, **options)
        self.axis = check_trailing_axes(self.kind, axis)

    def emit(self, b: Emitter, x: int) -> int:
        """Normalises over the axes as one; scales and shifts."""
        t = b.types[x]
        first = first_trailing_axis(self.kind, self.axis, t)
        dims = tuple(known(dim, f"each dim that {self.kind} goes over") for dim in t.shape[first:])
        y = b.add(ops.Normalize(self.epsilon), _merge(b, x, first))
        if self.scale:
            y = b.add(ops.ScaleAxis(-1), y, _merge(b, self.gamma(b, t.with_shape(dims)), 0))
        if self.center:
            y = b.add(ops.BiasAdd(-1), y, _merge(b, self.beta(b, t.with_shape(dims)), 0))
        return y if b.types[y] == t else b.add(ops.Reshape(t.shape), y)


class GroupNorm(Normalization):
    """y = γ (x - μ) / √(σ² + ε) + β, with mean and biased variance of each sample over groups of channels.

    (Wu and He 2018, eq. 1-7.) Channel c is in group floor(c · groups / channels). With one group it is layer
    normalisation over all axes but with a γ and β for each channel; with as many groups as channels it is instance
    normalisation. The same in and outside training.

    Shapes: x and y (N, channels, …); γ and β (channels,).

    Keras / PyTorch: `layers.GroupNormalization` / `nn.GroupNorm(groups, channels)`. Keras has the channels last, 32
    groups by default and ε 1e-3. PyTorch's `nn.InstanceNorm2d(C)` is `GroupNorm(C, center=False, scale=False)`.

    Args:
        groups: how many; it must divide the channels.
        epsilon: ε > 0.
        center: whether there is a β.
        scale: whether there is a γ.
        beta_initializer: fills β.
        gamma_initializer: fills γ.
        name: unique in a model.
        trainable: False freezes γ and β.
        options: regularizers, constraints and a learning-rate multiplier; see `WeightOptions`.

    Example:
        >>> x = gn.Input((4,))
        >>> net = gn.compile(gn.Model(x, gn.layers.GroupNorm(2)(x)))
        >>> print(net.predict([[1, 3, 10, 50]]).round(3))
        [[-1.  1. -1.  1.]]
    """

    def __init__(self, groups: int, epsilon: float = 1e-5, center: bool = True, scale: bool = True,
                 beta_initializer: str | Initializer = "zeros", gamma_initializer: str | Initializer = "ones",
                 *, name: str | None = None, trainable: bool = True, **options: Unpack[WeightOptions]) -> None:
        super().__init__(epsilon, center, scale, beta_initializer, gamma_initializer, name, trainable, **options)
        self.groups = check_whole(self.kind, "groups", groups)
        if isinstance(epsilon, Integral):  # with fractions it may be any size
            raise ArgumentError(self.kind, "epsilon", epsilon, "it must be a fraction such as 1e-5; how many channels "
                                                               "there are is known from the input and is not said")

    def emit(self, b: Emitter, x: int) -> int:
        """Normalises each group as one axis; scales and shifts each channel."""
        t = b.types[x]
        if t.rank < 2:
            raise ShapeError(f"{self.kind} takes (N, channels, …), got {format_shape(t.shape)}",
                             "give the input an axis of channels")
        channels, *rest = (known(dim, f"each dim that {self.kind} goes over") for dim in t.shape[1:])
        if channels % self.groups:
            raise ShapeError(f"{channels} channels do not divide into {self.groups} groups: "
                             f"{show_division(channels, self.groups)}", f"choose groups that divides {channels}")
        size = channels // self.groups
        for dim in rest:
            size *= dim
        grouped = b.add(ops.Reshape((t.shape[0], self.groups, size)), x)
        y = b.add(ops.Reshape(t.shape), b.add(ops.Normalize(self.epsilon), grouped))
        if self.scale:
            y = b.add(ops.ScaleAxis(1), y, self.gamma(b, t.with_shape((channels,))))
        return b.add(ops.BiasAdd(1), y, self.beta(b, t.with_shape((channels,)))) if self.center else y


def _merge(b: Emitter, value: int, first: int) -> int:
    """The value with the axes from `first` on as one."""
    t = b.types[value]
    if first == t.rank - 1:
        return value
    size = t.with_shape(t.shape[first:]).size
    return b.add(ops.Reshape((*t.shape[:first], size)), value)
