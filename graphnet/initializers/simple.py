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
    """Every element 0.

    Keras / PyTorch: `initializers.Zeros` / `nn.init.zeros_`.

    Example:
        >>> gn.initializers.Zeros()((2, 2), np.random.default_rng(0)).tolist()
        [[0.0, 0.0], [0.0, 0.0]]
        >>> gn.layers.Dense(3).bias_initializer
        Zeros()
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return np.zeros(shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class Ones(Initializer):
    """Every element 1.

    Keras / PyTorch: `initializers.Ones` / `nn.init.ones_`.

    Example:
        >>> x = gn.Input((3,))
        >>> y = gn.layers.Dense(1, kernel_initializer="ones")(x)
        >>> gn.compile(gn.Model(x, y)).predict([[1, 2, 3]]).tolist()  # the sum
        [[6.0]]
    """

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return np.ones(shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class Constant(Initializer):
    """Every element `value`.

    Keras / PyTorch: `initializers.Constant` / `nn.init.constant_`. Keras's takes arrays too.

    Example:
        >>> x = gn.Input((4,))
        >>> mean = gn.initializers.Constant(0.25)
        >>> y = gn.layers.Dense(1, kernel_initializer=mean)(x)
        >>> gn.compile(gn.Model(x, y)).predict([[1, 2, 3, 6]]).tolist()
        [[3.0]]
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        self.keep("value", check_number("Constant", "value", self.value))

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return np.full(shape, self.value, np.float64)


@INITIALIZERS.register("random_uniform")
@dataclass(frozen=True)
class Uniform(Initializer):
    """Evenly distributed on [low, high).

    Keras / PyTorch: `initializers.RandomUniform` / `nn.init.uniform_`. Keras says `minval` and `maxval`; PyTorch's
    default is [0, 1).

    Example:
        >>> w = gn.initializers.Uniform(2, 3)((1000,), np.random.default_rng(0))
        >>> round(float(w.min()), 1), round(float(w.max()), 1)
        (2.0, 3.0)
    """

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        self.keep("low", check_number("Uniform", "low", self.low))
        self.keep("high", check_number("Uniform", "high", self.high, above=self.low))

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return rng.uniform(self.low, self.high, shape)


@INITIALIZERS.register("random_normal")
@dataclass(frozen=True)
class Normal(Initializer):
    """Normally distributed with this mean and standard deviation.

    Keras / PyTorch: `initializers.RandomNormal` / `nn.init.normal_`. Keras says `stddev`; PyTorch's default is 1.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> w = gn.initializers.Normal(mean=5, std=2)((100, 100), rng)
        >>> round(float(w.mean()), 1), round(float(w.std()), 1)
        (5.0, 2.0)
    """

    mean: float = 0.0
    std: float = 0.05

    def __post_init__(self) -> None:
        self.keep("mean", check_number("Normal", "mean", self.mean))
        self.keep("std", check_number("Normal", "std", self.std, above=0))

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        return rng.normal(self.mean, self.std, shape)


@INITIALIZERS.register()
@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """Normally distributed, but what lies more than `bound` standard deviations from the mean is drawn again.

    `std` is that before the cut; with the bound 2 what is left has 0.8796 of it.

    Keras / PyTorch: `initializers.TruncatedNormal` / `nn.init.trunc_normal_`, whose bounds `a` and `b` are numbers, not
    standard deviations: its ±2 cuts nothing of std 0.02. Keras says `stddev` and always cuts at 2.

    Example:
        >>> draw = gn.initializers.TruncatedNormal(std=1)
        >>> w = draw((100, 100), np.random.default_rng(0))
        >>> round(float(abs(w).max()), 1), round(float(w.std()), 2)
        (2.0, 0.88)
    """

    mean: float = 0.0
    std: float = 0.05
    bound: float = 2.0

    def __post_init__(self) -> None:
        self.keep("mean", check_number("TruncatedNormal", "mean", self.mean))
        self.keep("std", check_number("TruncatedNormal", "std", self.std, above=0))
        self.keep("bound", check_number("TruncatedNormal", "bound", self.bound, 0.1))

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """The numbers, in float64."""
        drawn = rng.standard_normal(shape)
        while (outside := np.abs(drawn) > self.bound).any():
            drawn[outside] = rng.standard_normal(int(outside.sum()))
        return self.mean + self.std * drawn
