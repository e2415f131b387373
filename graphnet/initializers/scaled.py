"""Initializers that keep the size of signals from layer to layer: their variance depends on the fans."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.types import Array
from graphnet.initializers.base import INITIALIZERS, Fans, Initializer

__all__ = [
    "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LeCunNormal", "LeCunUniform", "XavierNormal",
    "XavierUniform",
]


@dataclass(frozen=True)
class _Scaled(Initializer):
    """Mean 0 and a variance that depends on the fans; without `fans` those of the weight count."""

    fans: Fans | None = None

    def __post_init__(self) -> None:
        if self.fans is not None and not isinstance(self.fans, Fans):
            raise ArgumentError(type(self).__name__, "fans", self.fans, "it must be Fans(into, out) or None")

    def with_fans(self, fans: Fans) -> Self:
        """The initializer for a weight with these fans, unless it has its own."""
        return replace(self, fans=fans) if self.fans is None else self

    def fans_of(self, shape: tuple[int, ...]) -> Fans:
        """The fans that count for a weight of this shape."""
        return Fans.of(shape) if self.fans is None else self.fans


@INITIALIZERS.register("xavier_normal")
@dataclass(frozen=True)
class GlorotNormal(_Scaled):
    """Normal with variance 2 / (fan in + fan out) (Glorot and Bengio 2010, eq. 12).

    Not truncated, as in PyTorch; Keras truncates at two standard deviations.
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        fans = self.fans_of(shape)
        return rng.normal(0.0, math.sqrt(2 / (fans.into + fans.out)), shape)


@INITIALIZERS.register("xavier_uniform")
@dataclass(frozen=True)
class GlorotUniform(_Scaled):
    """Evenly distributed on ±√(6 / (fan in + fan out)) (Glorot and Bengio 2010, eq. 16)."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        fans = self.fans_of(shape)
        bound = math.sqrt(6 / (fans.into + fans.out))
        return rng.uniform(-bound, bound, shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class HeNormal(_Scaled):
    """Normal with variance 2 / fan in, for layers before a ReLU (He et al. 2015, eq. 10).

    Not truncated, as in PyTorch; Keras truncates at two standard deviations.
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return rng.normal(0.0, math.sqrt(2 / self.fans_of(shape).into), shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class HeUniform(_Scaled):
    """Evenly distributed on ±√(6 / fan in), with the variance of HeNormal (He et al. 2015, eq. 10)."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        bound = math.sqrt(6 / self.fans_of(shape).into)
        return rng.uniform(-bound, bound, shape)


@INITIALIZERS.register("lecun_normal")
@dataclass(frozen=True)
class LeCunNormal(_Scaled):
    """Normal with variance 1 / fan in (LeCun et al. 1998, Efficient BackProp, eq. 16), for SELU and tanh.

    Not truncated; Keras truncates at two standard deviations.
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return rng.normal(0.0, math.sqrt(1 / self.fans_of(shape).into), shape)


@INITIALIZERS.register("lecun_uniform")
@dataclass(frozen=True)
class LeCunUniform(_Scaled):
    """Evenly distributed on ±√(3 / fan in), with the variance of LeCunNormal."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        bound = math.sqrt(3 / self.fans_of(shape).into)
        return rng.uniform(-bound, bound, shape)


XavierNormal = GlorotNormal
XavierUniform = GlorotUniform
