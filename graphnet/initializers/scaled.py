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

    Keras / PyTorch: `initializers.GlorotNormal` / `nn.init.xavier_normal_`, whose `gain` is missing. Keras has the same
    variance, of a normal distribution that is cut at two standard deviations.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> w = gn.initializers.GlorotNormal()((150, 50), rng)
        >>> round(float(w.std()), 2)  # √(2 / (150 + 50))
        0.1
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        fans = self.fans_of(shape)
        return rng.normal(0.0, math.sqrt(2 / (fans.into + fans.out)), shape)


@INITIALIZERS.register("xavier_uniform")
@dataclass(frozen=True)
class GlorotUniform(_Scaled):
    """Evenly distributed on ±√(6 / (fan in + fan out)) (Glorot and Bengio 2010, eq. 16).

    Keras / PyTorch: `initializers.GlorotUniform` / `nn.init.xavier_uniform_`, whose `gain` is missing.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> w = gn.initializers.GlorotUniform()((450, 150), rng)
        >>> round(float(w.min()), 2), round(float(w.max()), 2)  # √(6 / 600)
        (-0.1, 0.1)
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        fans = self.fans_of(shape)
        bound = math.sqrt(6 / (fans.into + fans.out))
        return rng.uniform(-bound, bound, shape)


@INITIALIZERS.register("kaiming_normal")
@dataclass(frozen=True)
class HeNormal(_Scaled):
    """Normal with variance 2 / fan in, for layers before a ReLU (He et al. 2015, eq. 10).

    Keras / PyTorch: `initializers.HeNormal` / `nn.init.kaiming_normal_`, whose `mode="fan_out"` is `fans=Fans(out, in)`
    here. Keras has the same variance, of a normal distribution that is cut at two standard deviations.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> w = gn.initializers.HeNormal()((50, 400), rng)
        >>> round(float(w.std()), 2)  # √(2 / 50)
        0.2
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return rng.normal(0.0, math.sqrt(2 / self.fans_of(shape).into), shape)


@INITIALIZERS.register("kaiming_uniform")
@dataclass(frozen=True)
class HeUniform(_Scaled):
    """Evenly distributed on ±√(6 / fan in), with the variance of HeNormal (He et al. 2015, eq. 10).

    Keras / PyTorch: `initializers.HeUniform` / `nn.init.kaiming_uniform_` with its defaults; the weights that PyTorch's
    layers start with are narrower, by `a=√5`: U(±1/√fan in).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> w = gn.initializers.HeUniform()((150, 400), rng)
        >>> round(float(w.min()), 2), round(float(w.max()), 2)  # √(6 / 150)
        (-0.2, 0.2)
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        bound = math.sqrt(6 / self.fans_of(shape).into)
        return rng.uniform(-bound, bound, shape)


@INITIALIZERS.register("lecun_normal")
@dataclass(frozen=True)
class LeCunNormal(_Scaled):
    """Normal with variance 1 / fan in (LeCun et al. 1998, Efficient BackProp, eq. 16), for SELU and tanh.

    Keras / PyTorch: `initializers.LecunNormal` / `nn.init.kaiming_normal_(w, nonlinearity="linear")`. Keras has the
    same variance, of a normal distribution that is cut at two standard deviations.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> w = gn.initializers.LeCunNormal()((25, 400), rng)
        >>> round(float(w.std()), 2)  # √(1 / 25)
        0.2
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return rng.normal(0.0, math.sqrt(1 / self.fans_of(shape).into), shape)


@INITIALIZERS.register("lecun_uniform")
@dataclass(frozen=True)
class LeCunUniform(_Scaled):
    """Evenly distributed on ±√(3 / fan in), with the variance of LeCunNormal.

    Keras / PyTorch: `initializers.LecunUniform` / `nn.init.kaiming_uniform_(w, nonlinearity="linear")`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> w = gn.initializers.LeCunUniform()((75, 400), rng)
        >>> round(float(w.min()), 2), round(float(w.max()), 2)  # √(3 / 75)
        (-0.2, 0.2)
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        bound = math.sqrt(3 / self.fans_of(shape).into)
        return rng.uniform(-bound, bound, shape)


XavierNormal = GlorotNormal
XavierUniform = GlorotUniform
