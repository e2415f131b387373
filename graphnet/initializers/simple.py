"""Initializers that do not look at the weight's shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphnet.common.checks import check_number
from graphnet.compiler.types import Array
from graphnet.initializers.base import INITIALIZERS, Initializer

__all__ = ["Constant", "Normal", "Ones", "TruncatedNormal", "Uniform", "Zeros"]


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


@INITIALIZERS.register()
@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """Normally distributed, but what lies more than `bound` standard deviations from the mean is drawn again.

    `std` is that before the cut, as in Keras and PyTorch; with the bound 2 what is left has 0.8796 of it.
    """

    mean: float = 0.0
    std: float = 0.05
    bound: float = 2.0

    def __post_init__(self) -> None:
        check_number("TruncatedNormal", "mean", self.mean)
        check_number("TruncatedNormal", "std", self.std, above=0)
        check_number("TruncatedNormal", "bound", self.bound, 0.1)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        drawn = rng.standard_normal(shape)
        while (outside := np.abs(drawn) > self.bound).any():
            drawn[outside] = rng.standard_normal(int(outside.sum()))
        return self.mean + self.std * drawn
