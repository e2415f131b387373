"""Smooth activation functions: GELU, SiLU, softplus, softsign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphnet.compiler import expression as ex
from graphnet.compiler.expression import Expression
from graphnet.compiler.op import Example, Types, f64
from graphnet.compiler.ops import tails
from graphnet.compiler.ops.activations import Activation, ActivationGrad
from graphnet.compiler.types import Array

__all__ = ["Gelu", "GeluGrad", "Silu", "SiluGrad", "Softplus", "SoftplusGrad", "Softsign", "SoftsignGrad"]


@dataclass(frozen=True)
class GeluGrad(ActivationGrad):
    """dL/dx = dL/dy · (Φ(x) + x φ(x)), φ the standard normal density; with `tanh` the derivative of that formula."""

    tanh: bool = False

    name = "gelu_grad"
    planned = True

    def forward(self, grad: Array, x: Array) -> tuple[Array, ...]:
        return (_gelu_grad(np, grad, x, self.tanh),)

    def expression(self, grad: Expression, x: Expression) -> Expression:
        made: Expression = _gelu_grad(ex, grad, x, self.tanh)
        return made

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
    planned = True

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (_gelu(np, x, self.tanh),)

    def expression(self, x: Expression) -> Expression:
        made: Expression = _gelu(ex, x, self.tanh)
        return made

    def flops(self, inputs: Types, outputs: Types) -> int:
        return (8 if self.tanh else 45) * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(tanh), (f64(3, 4, 5),), low=-3, high=3) for tanh in (False, True))


def _gelu(m: Any, x: Any, tanh: bool) -> Any:
    """With tanh x σ(√(8/π) (x + 0.044715 x³)), which is the same as the formula."""
    a = m.minimum(abs(x), tails.END)
    return tails.swish(m, x, a, tails.cubic(m, a)[0]) if tanh else tails.gelu(m, x, a)


def _gelu_grad(m: Any, g: Any, x: Any, tanh: bool) -> Any:
    a = m.minimum(abs(x), tails.END)
    if not tanh:
        return tails.gelu_grad(m, g, x, a)
    t, rest, less = tails.cubic(m, a)
    return tails.swish_grad(m, g, x, rest, less, t)


_SILU_END = 1000.0  # x exp(-x) is 0 in every dtype


def _silu(m: Any, x: Any) -> Any:
    a = m.minimum(abs(x), _SILU_END)
    return tails.swish(m, x, a, tails.linear(m, a))


def _silu_grad(m: Any, g: Any, x: Any) -> Any:
    a = m.minimum(abs(x), _SILU_END)
    return tails.swish_grad(m, g, x, 1 - a, 0, tails.linear(m, a))


@dataclass(frozen=True)
class SiluGrad(ActivationGrad):
    """dL/dx = dL/dy · σ(x) (1 + x (1 - σ(x)))."""

    name = "silu_grad"
    planned = True

    def forward(self, grad: Array, x: Array) -> tuple[Array, ...]:
        return (_silu_grad(np, grad, x),)

    def expression(self, grad: Expression, x: Expression) -> Expression:
        made: Expression = _silu_grad(ex, grad, x)
        return made

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 9 * outputs[0].size


@dataclass(frozen=True)
class Silu(Activation):
    """y = x σ(x) with σ(x) = 1 / (1 + exp(-x)) (Hendrycks and Gimpel 2016; Ramachandran, Zoph and Le 2017, "Swish")."""

    name = "silu"
    gradient_op = SiluGrad
    from_input = True
    planned = True

    def forward(self, x: Array) -> tuple[Array, ...]:
        return (_silu(np, x),)

    def expression(self, x: Expression) -> Expression:
        made: Expression = _silu(ex, x)
        return made

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


_LARGE = 1e30  # from here on 1 + |x| is |x|, and x / |x| is ±1 for infinite x too


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
        near = np.clip(x, -_LARGE, _LARGE)
        return (near / (1 + np.abs(near)),)

    def expression(self, x: Expression) -> Expression:
        near = ex.minimum(ex.maximum(x, -_LARGE), _LARGE)
        return near / (1 + abs(near))

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4, 5),), low=-3, high=3, kink=1e-3),)
