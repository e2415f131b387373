"""What weights are filled with before training.

An initializer is called with a shape, a random generator and a dtype. Numbers are drawn in float64 and then
rounded, so that one seed gives the same weights in every dtype. The Glorot and He initializers scale by the
fans of a weight, which depend on its layout: the layer that owns the weight says them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from graphnet.checks import check_number
from graphnet.compiler.errors import ArgumentError
from graphnet.registry import Registry

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Fans:
    """How many inputs an output of a weight adds up (`into`); how many outputs an input reaches (`out`)."""

    into: int
    out: int

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
class Initializer:
    """Base of all initializers."""

    def __call__(self, shape: Sequence[int], rng: np.random.Generator, dtype: str = "float32") -> Array:
        """A new array of this shape and dtype."""
        return np.asarray(self.draw(tuple(shape), rng), dtype)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        raise NotImplementedError(type(self).__name__)

    def with_fans(self, fans: Fans) -> Self:
        """The initializer for a weight with these fans, unless it has its own."""
        return self


INITIALIZERS: Registry[Initializer] = Registry("an Initializer")


@INITIALIZERS.register()
@dataclass(frozen=True)
class Zeros(Initializer):
    """Every element 0."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return np.zeros(shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class Ones(Initializer):
    """Every element 1."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return np.ones(shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class Constant(Initializer):
    """Every element `value`."""

    value: float = 0.0

    def __post_init__(self) -> None:
        check_number("Constant", "value", self.value)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return np.full(shape, self.value, np.float64)


@INITIALIZERS.register()
@dataclass(frozen=True)
class Uniform(Initializer):
    """Evenly distributed on [low, high)."""

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        low = check_number("Uniform", "low", self.low)
        check_number("Uniform", "high", self.high, above=low)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return rng.uniform(self.low, self.high, shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class Normal(Initializer):
    """Normally distributed with this mean and standard deviation."""

    mean: float = 0.0
    std: float = 0.05

    def __post_init__(self) -> None:
        check_number("Normal", "mean", self.mean)
        check_number("Normal", "std", self.std, above=0)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return rng.normal(self.mean, self.std, shape)


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
class Orthogonal(Initializer):
    """`gain` times a random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2014, section 3).

    From the QR decomposition of a normal matrix, the signs chosen so that all orthogonal matrices are equally likely
    (Mezzadri 2007, section 5). A weight of more than 2 dims is taken as a matrix (first dim, the others), as in PyTorch.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        check_number("Orthogonal", "gain", self.gain)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64.

        Raises:
            ArgumentError: the shape has fewer than 2 dims.
        """
        if len(shape) < 2:
            raise ArgumentError("Orthogonal", "shape", shape, "it must have 2 dims or more; choose another initializer")
        rows, columns = shape[0], math.prod(shape[1:])
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


XavierNormal = GlorotNormal
XavierUniform = GlorotUniform
