"""Smooth activation functions: GELU, SiLU, softplus, softsign."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Types, f64
from graphnet.compiler.ops.activations import Activation, ActivationGrad
from graphnet.compiler.ops.erf import erf
from graphnet.compiler.types import Array

__all__ = ["Gelu", "GeluGrad", "Silu", "SiluGrad", "Softplus", "SoftplusGrad", "Softsign", "SoftsignGrad"]

_CUBIC = 0.044715  # Hendrycks and Gimpel 2016, section 2


@dataclass(frozen=True)
class GeluGrad(ActivationGrad):
    """dL/dx = dL/dy · (Φ(x) + x φ(x)), φ the standard normal density; with `tanh` the derivative of that formula."""

    tanh: bool = False

    name = "gelu_grad"

    def forward(self, grad: Array, x: Array) -> tuple[Array, ...]:
        scalar = x.dtype.type
        if self.tanh:
            t = np.tanh(_inner(x))
            inner = scalar(math.sqrt(2 / math.pi)) * (1 + scalar(3 * _CUBIC) * x * x)
            return (grad * scalar(0.5) * (1 + t + x * (1 - t * t) * inner),)
        density = np.exp(x * x * scalar(-0.5)) * scalar(1 / math.sqrt(2 * math.pi))
        return (grad * (_normal(x) + x * density),)

    def expression(self, grad: Expression, x: Expression) -> Expression:
        if self.tanh:
            t = ex.tanh(_inner_of(x))
            inner = math.sqrt(2 / math.pi) * (1 + 3 * _CUBIC * x * x)
            return grad * 0.5 * (1 + t + x * (1 - t * t) * inner)
        density = ex.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
        return grad * (_normal_of(x) + x * density)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return (14 if self.tanh else 50) * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(tanh), (f64(3, 4), f64(3, 4)), low=-3, high=3) for tanh in (False, True))


@dataclass(frozen=True)
class Gelu(Activation):
    """y = x Φ(x), Φ(x) = (1 + erf(x / √2)) / 2 the standard normal distribution (Hendrycks and Gimpel 2016, eq. 2).

    With `tanh` their approximation y = x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³))).
    """

    tanh: bool = False

    name = "gelu"
    gradient_op = GeluGrad
    from_input = True

    def forward(self, x: Array) -> tuple[Array, ...]:
        if self.tanh:
            return (x * (1 + np.tanh(_inner(x))) * x.dtype.type(0.5),)
        return (x * _normal(x),)

    def expression(self, x: Expression) -> Expression:
        if self.tanh:
            return x * (1 + ex.tanh(_inner_of(x))) * 0.5
        return x * _normal_of(x)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return (8 if self.tanh else 45) * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(tanh), (f64(3, 4, 5),), low=-3, high=3) for tanh in (False, True))


def _normal(x: Array) -> Array:
    """Φ(x)."""
    half = x.dtype.type(0.5)
    p: Array = erf(x * x.dtype.type(math.sqrt(0.5))) * half + half
    return p


def _normal_of(x: Expression) -> Expression:
    return ex.erf(x * math.sqrt(0.5)) * 0.5 + 0.5


def _inner(x: Array) -> Array:
    """√(2/π) (x + 0.044715 x³)."""
    scalar = x.dtype.type
    inner: Array = (x + scalar(_CUBIC) * x * x * x) * scalar(math.sqrt(2 / math.pi))
    return inner


def _inner_of(x: Expression) -> Expression:
    return (x + _CUBIC * x * x * x) * math.sqrt(2 / math.pi)


def _logistic(x: Array) -> Array:
    half = x.dtype.type(0.5)
    s: Array = np.tanh(x * half) * half + half
    return s


def _logistic_of(x: Expression) -> Expression:
    return ex.tanh(x * 0.5) * 0.5 + 0.5


@dataclass(frozen=True)
class SiluGrad(ActivationGrad):
    """dL/dx = dL/dy · σ(x) (1 + x (1 - σ(x)))."""

    name = "silu_grad"

    def forward(self, grad: Array, x: Array) -> tuple[Array, ...]:
        s = _logistic(x)
        return (grad * s * (1 + x * (1 - s)),)

    def expression(self, grad: Expression, x: Expression) -> Expression:
        s = _logistic_of(x)
        return grad * s * (1 + x * (1 - s))

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 9 * outputs[0].size


@dataclass(frozen=True)
class Silu(Activation):
    """y = x σ(x) with σ(x) = 1 / (1 + exp(-x)) (Hendrycks and Gimpel 2016; Ramachandran, Zoph and Le 2017, "Swish")."""

    name = "silu"
    gradient_op = SiluGrad
    from_input = True

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (x * _logistic(x),)

    def expression(self, x: Expression) -> Expression:
        return x * _logistic_of(x)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 5 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4, 5),), low=-4, high=4),)


@dataclass(frozen=True)
class SoftplusGrad(ActivationGrad):
    """dL/dx = dL/dy · σ(x) = dL/dy · (1 - exp(-y))."""

    name = "softplus_grad"

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        return (grad * -np.expm1(-y),)

    def expression(self, grad: Expression, y: Expression) -> Expression:
        return grad * -ex.expm1(-y)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size


@dataclass(frozen=True)
class Softplus(Activation):
    """y = log(1 + exp x), computed as max(x, 0) + log(1 + exp(-|x|)), which cannot overflow (Dugas et al. 2001)."""

    name = "softplus"
    gradient_op = SoftplusGrad

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),)

    def expression(self, x: Expression) -> Expression:
        return ex.maximum(x, 0) + ex.log1p(ex.exp(-abs(x)))

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 6 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4, 5),), low=-4, high=4),)


@dataclass(frozen=True)
class SoftsignGrad(ActivationGrad):
    """dL/dx = dL/dy / (1 + |x|)² = dL/dy · (1 - |y|)²."""

    name = "softsign_grad"

    def forward(self, grad: Array, y: Array) -> tuple[Array, ...]:
        rest = 1 - np.abs(y)
        return (grad * rest * rest,)

    def expression(self, grad: Expression, y: Expression) -> Expression:
        rest = 1 - abs(y)
        return grad * rest * rest

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size


@dataclass(frozen=True)
class Softsign(Activation):
    """y = x / (1 + |x|) (Turian, Bergstra and Bengio 2009)."""

    name = "softsign"
    gradient_op = SoftsignGrad

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (x / (1 + np.abs(x)),)

    def expression(self, x: Expression) -> Expression:
        return x / (1 + abs(x))

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4, 5),), low=-3, high=3, kink=1e-3),)
