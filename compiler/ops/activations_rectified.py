"""Activation functions in two or three pieces, joined at a kink: leaky, exponential and hard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Op, Types, f64
from graphnet.compiler.ops.activations import Activation, ActivationGrad
from graphnet.compiler.types import Array

__all__ = ["Elu", "EluGrad", "HardSigmoid", "HardSigmoidGrad", "LeakyRelu", "LeakyReluGrad"]


def _check_finite(op: Op, name: str) -> None:
    value = getattr(op, name)
    op.check(math.isfinite(value) and value >= 0, name, "it must be a finite number ≥ 0")


@dataclass(frozen=True)
class LeakyReluGrad(ActivationGrad):
    """dL/dx = dL/dy where y > 0, else slope · dL/dy."""

    slope: float = 0.01

    name = "leaky_relu_grad"

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        return (np.where(y > 0, grad, grad * grad.dtype.type(self.slope)),)

    def expression(self, grad: Expression, y: Expression) -> Expression:
        return ex.where(y > 0, grad, grad * self.slope)


@dataclass(frozen=True)
class LeakyRelu(Activation):
    """y = x where x > 0, else slope · x (Maas, Hannun and Ng 2013). The gradient at 0 is the slope.

    The slope is at least 0, so that y has the sign of x and the gradient can be told from y.
    """

    slope: float = 0.01

    name = "leaky_relu"
    gradient_op = LeakyReluGrad

    def __post_init__(self) -> None:
        _check_finite(self, "slope")

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (np.where(x > 0, x, x * x.dtype.type(self.slope)),)

    def expression(self, x: Expression) -> Expression:
        return ex.where(x > 0, x, x * self.slope)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(slope), (f64(3, 4, 5),), kink=1e-3) for slope in (0.01, 0.3))


@dataclass(frozen=True)
class EluGrad(ActivationGrad):
    """dL/dx = scale · dL/dy where y > 0, else (y + scale · alpha) dL/dy."""

    alpha: float = 1.0
    scale: float = 1.0

    name = "elu_grad"

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        scalar = y.dtype.type
        return (grad * np.where(y > 0, scalar(self.scale), y + scalar(self.scale * self.alpha)),)

    def expression(self, grad: Expression, y: Expression) -> Expression:
        return grad * ex.where(y > 0, self.scale, y + self.scale * self.alpha)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * outputs[0].size


@dataclass(frozen=True)
class Elu(Activation):
    """y = scale · x where x > 0, else scale · alpha (exp x - 1).

    With scale 1 it is ELU (Clevert, Unterthiner and Hochreiter 2016, eq. 15); with the two constants of Klambauer et
    al. 2017 it is SELU. The gradient at 0 is scale · alpha.
    """

    alpha: float = 1.0
    scale: float = 1.0

    name = "elu"
    gradient_op = EluGrad

    def __post_init__(self) -> None:
        _check_finite(self, "alpha")
        _check_finite(self, "scale")

    def forward(self, x: Array) -> tuple[Array, ...]:
        scalar = x.dtype.type
        low = np.expm1(np.minimum(x, 0)) * scalar(self.alpha)
        return (np.where(x > 0, x, low) * scalar(self.scale),)

    def expression(self, x: Expression) -> Expression:
        return ex.where(x > 0, x, ex.expm1(ex.minimum(x, 0)) * self.alpha) * self.scale

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(*attrs), (f64(3, 4, 5),), low=-2, high=2, kink=1e-3)
                     for attrs in ((1.0, 1.0), (0.5, 1.0), (1.5, 1.25)))


@dataclass(frozen=True)
class HardSigmoidGrad(ActivationGrad):
    """dL/dx = slope · dL/dy where 0 < y < 1, else 0."""

    slope: float = 1 / 6

    name = "hard_sigmoid_grad"

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        return (np.where((y > 0) & (y < 1), grad * grad.dtype.type(self.slope), grad.dtype.type(0)),)

    def expression(self, grad: Expression, y: Expression) -> Expression:
        return ex.where((y > 0) & (y < 1), grad * self.slope, 0)


@dataclass(frozen=True)
class HardSigmoid(Activation):
    """y = min(max(slope · x + 1/2, 0), 1) (Courbariaux, Bengio and David 2015, with another slope).

    The gradient is 0 at both kinks.
    """

    slope: float = 1 / 6

    name = "hard_sigmoid"
    gradient_op = HardSigmoidGrad

    def __post_init__(self) -> None:
        _check_finite(self, "slope")

    def forward(self, x: Array) -> tuple[Array, ...]:
        scalar = x.dtype.type
        return (np.clip(x * scalar(self.slope) + scalar(0.5), 0, 1),)

    def expression(self, x: Expression) -> Expression:
        return ex.minimum(ex.maximum(x * self.slope + 0.5, 0), 1)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(slope), (f64(3, 4, 5),), low=-4, high=4, values=_off_the_kinks)
                     for slope in (1 / 6, 0.2))


def _off_the_kinks(rng: np.random.Generator) -> tuple[Array, ...]:
    x = rng.uniform(-4, 4, (3, 4, 5))
    near = (abs(abs(x) - 3) < 1e-3) | (abs(abs(x) - 2.5) < 1e-3)
    return (np.where(near, 0, x),)
