"""What all initializers share, and the fans of a weight.

An initializer is called with a shape, a random generator and a dtype. Numbers are drawn in float64 and then
rounded, so that one seed gives the same weights in every dtype. The Glorot, He and LeCun initializers scale by the
fans of a weight, which depend on its layout: the layer that owns the weight says them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from graphnet.common.answers import Answering
from graphnet.common.checks import check_whole
from graphnet.common.frozen import Kept
from graphnet.common.registry import Registry
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.types import Array

__all__ = ["INITIALIZERS", "Fans", "Initializer"]


@dataclass(frozen=True, slots=True)
class Fans(Answering):
    """How many inputs an output of a weight adds up (`into`); how many outputs an input reaches (`out`).

    Keras / PyTorch: – / `nn.init._calculate_fan_in_and_fan_out`, which takes every weight as (out, in, *kernel), a
    matrix too. Keras's `input_axes` and `output_axes` say which axes count.

    Example:
        >>> gn.initializers.Fans.of((784, 10))  # a Dense
        Fans(into=784, out=10)
        >>> gn.initializers.Fans.of((8, 4, 3, 3))  # a Conv2D
        Fans(into=36, out=72)
        >>> gn.initializers.HeNormal(fans=gn.initializers.Fans(72, 36))
        HeNormal(fans=Fans(into=72, out=36))
    """

    into: int
    out: int

    def __post_init__(self) -> None:
        for name in ("into", "out"):
            object.__setattr__(self, name, check_whole("Fans", name, getattr(self, name)))

    @classmethod
    def dense(cls, shape: Sequence[int]) -> Fans:
        """Of a matrix (in, out)."""
        return cls(shape[0], shape[1])

    @classmethod
    def convolution(cls, shape: Sequence[int]) -> Fans:
        """Of filters (O, C / groups, *kernel): C / groups · k and O · k, k the kernel's area.

        PyTorch and Keras count so too, even with groups, where an input reaches only O / groups · k outputs.
        """
        area = math.prod(shape[2:])
        return cls(shape[1] * area, shape[0] * area)

    @classmethod
    def of(cls, shape: Sequence[int]) -> Fans:
        """By the layouts of this library: 2 dims are (in, out), more are (O, C / groups, *kernel).

        Raises:
            ArgumentError: the shape has fewer than 2 dims.
        """
        if len(shape) < 2:
            raise ArgumentError("Fans", "shape", tuple(shape), "it must have 2 dims or more; or say the fans")
        return cls.dense(shape) if len(shape) == 2 else cls.convolution(shape)


@dataclass(frozen=True)
class Initializer(Kept):
    """Base of all initializers.

    One of your own is a frozen dataclass with `draw`. `@gn.initializers.INITIALIZERS.register()` above it lets layers
    take it, by its name in snake case too, and files hold its name and fields.

    Keras / PyTorch: `initializers.Initializer` / –; the functions of `nn.init` fill a tensor that is there, here a
    layer is told.

    Example:
        >>> layer = gn.layers.Dense(8, kernel_initializer="he_normal")
        >>> layer.kernel_initializer
        HeNormal(fans=None)
        >>> draw = gn.initializers.Uniform(-1, 1)
        >>> a, b = (draw((3,), np.random.default_rng(7)) for _ in range(2))
        >>> bool((a == b).all())
        True
    """

    _instead = "an initializer stays as it was declared: declare a new {kind} and layers with it, kernel_initializer=…"

    def __call__(self, shape: Sequence[int], rng: np.random.Generator, dtype: str = "float32") -> Array:
        """A new array of this shape and dtype."""
        return np.asarray(self.draw(tuple(shape), rng), dtype)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        raise NotImplementedError(type(self).__name__)

    def with_fans(self, fans: Fans) -> Self:
        """The initializer for a weight with these fans, unless it has its own."""
        return self


INITIALIZERS: Registry[Initializer] = Registry("an Initializer", "Initializers by name")
"""All initializers by name; `.names` lists them, and `@INITIALIZERS.register()` above a class of your own adds it."""
