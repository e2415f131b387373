"""Batch normalisation in training, its gradient, and the scale and shift that it is outside training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.arithmetic import Multiply, Subtract
from graphnet.compiler.ops.linear import BiasAdd, along_axis
from graphnet.compiler.ops.operands import check_floats, check_some, same_type
from graphnet.compiler.ops.scaling import InverseRoot, ScaleAxis, other_axes
from graphnet.compiler.roles import BIAS, SCALE
from graphnet.compiler.types import Array, TensorType, check_axis, format_shape

__all__ = ["BatchNorm", "BatchNormGrad"]


@dataclass(frozen=True)
class BatchNorm(Op):
    """y = γ x̂ + β with x̂ = (x - μ) / √(σ² + ε), μ and σ² taken over the batch for each channel.

    (Ioffe and Szegedy 2015, algorithm 1.) A channel is an index along `axis`; n elements have it. σ² is the biased
    variance, Σ (x - μ)² / n. The running statistics follow by momentum m:
    μ' ← m μ' + (1 - m) μ and σ'² ← m σ'² + (1 - m) σ² · n / (n - 1), without the last factor unless `unbiased`
    (algorithm 2 has it) and for n = 1.

    Inputs: x, γ, β, μ', σ'². Outputs: y, the new μ' and σ'², and for the gradient μ and 1 / √(σ² + ε).
    Shapes: x and y alike, all others (x.shape[axis],).
    """

    axis: int
    momentum: float
    epsilon: float
    unbiased: bool

    name = "batch_norm"
    roles = MappingProxyType({1: SCALE, 2: BIAS})
    auxiliary: ClassVar[tuple[int, ...]] = (1, 2, 3, 4)
    constants: ClassVar[tuple[int, ...]] = (3, 4)

    def __post_init__(self) -> None:
        self.check(0 <= self.momentum <= 1, "momentum", "it must be between 0 and 1")
        self.check(self.epsilon > 0, "epsilon", "it must be greater than 0")

    def infer(self, x: TensorType, *vectors: TensorType) -> Types:
        check_vectors(self.axis, x, vectors, 4, "BatchNorm")
        others = other_axes(self.axis, x.rank)
        check_some("BatchNorm", "element of each channel", x, *(x.shape[axis] for axis in others))
        return x, *vectors

    def forward(self, x: Array, gamma: Array, beta: Array, mean: Array, variance: Array) -> tuple[Array, ...]:
        axes = other_axes(self.axis, x.ndim)
        mu, sigma2 = x.mean(axes), x.var(axes)
        inverse = 1 / np.sqrt(sigma2 + x.dtype.type(self.epsilon))
        centred = x - along_axis(mu, self.axis, x.ndim)
        y = centred * along_axis(gamma * inverse, self.axis, x.ndim) + along_axis(beta, self.axis, x.ndim)
        return y, *self.advance(mean, variance, mu, sigma2, x.size // max(len(mu), 1)), mu, inverse

    def advance(self, mean: Array, variance: Array, mu: Array, sigma2: Array, count: int) -> tuple[Array, Array]:
        """The next running mean and variance, after a batch of these statistics over `count` elements a channel."""
        keep = mean.dtype.type(self.momentum)
        correction = count / (count - 1) if self.unbiased and count > 1 else 1.0
        share = mean.dtype.type(1 - self.momentum)
        return keep * mean + share * mu, keep * variance + share * (sigma2 * mean.dtype.type(correction))

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        grad = grads[0]
        if grad is None:
            return (None,) * 5
        return *b.apply(BatchNormGrad(self.axis), grad, *inputs[:2], *outputs[3:]), None, None

    def at_inference(self, b: NodeMaker, inputs: tuple[int, ...]) -> tuple[int | None, ...]:
        return self.scale_and_shift(b, *inputs), *inputs[3:], None, None

    def scale_and_shift(self, b: NodeMaker, x: int, gamma: int, beta: int, mean: int, variance: int) -> int:
        """Emits y = s x + t with s = γ / √(σ'² + ε) and t = β - s μ': the running statistics instead of the batch's."""
        scale = b.add(Multiply(), gamma, b.add(InverseRoot(self.epsilon), variance))
        shift = b.add(Subtract(), beta, b.add(Multiply(), mean, scale))
        return b.add(BiasAdd(self.axis), b.add(ScaleAxis(self.axis), x, scale), shift)

    def advances(self) -> dict[int, int]:
        return {1: 3, 2: 4}

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 7 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(_example(op, f64(*x)) for op, x in _CASES)


def _example(op: BatchNorm, x: TensorType) -> Example:
    vector = x.with_shape((x.shape[op.axis],))
    return Example(op, (x, *[vector] * 4), low=0.1, high=2)


_CASES = (
    (BatchNorm(1, 0.9, 1e-3, True), (6, 3)),
    (BatchNorm(1, 0.75, 1e-5, False), (2, 3, 4, 5)),
    (BatchNorm(-1, 0.99, 1e-5, True), (2, 3, 4)),
)


@dataclass(frozen=True)
class BatchNormGrad(Op):
    """dL/dx = γ r (g - Σg / n - x̂ Σ(g x̂) / n), dL/dγ = Σ g x̂, dL/dβ = Σ g; r = 1 / √(σ² + ε), x̂ = (x - μ) r.

    (Ioffe and Szegedy 2015, section 3, simplified.) Sums go over the n elements of a channel.
    Inputs: g = dL/dy, x, γ, μ, r.
    """

    axis: int

    name = "batch_norm_grad"
    sums_gradients = True
    inplace = (0, 1)
    differentiable = False

    def infer(self, g: TensorType, x: TensorType, *vectors: TensorType) -> Types:
        same_type(self.name, g, x)
        check_vectors(self.axis, x, vectors, 3, self.name)
        return x, vectors[0], vectors[0]

    def forward(self, g: Array, x: Array, gamma: Array, mu: Array, inverse: Array) -> tuple[Array, ...]:
        def spread(vector: Array) -> Array:
            return along_axis(vector, self.axis, x.ndim)

        axes = other_axes(self.axis, x.ndim)
        normalized = (x - spread(mu)) * spread(inverse)
        d_beta, d_gamma = g.sum(axes), (g * normalized).sum(axes)
        count = x.dtype.type(max(x.size // max(len(mu), 1), 1))
        dx = spread(gamma * inverse) * (g - spread(d_beta / count) - normalized * spread(d_gamma / count))
        return dx, d_gamma, d_beta

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 10 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(op.axis), (f64(*x), f64(*x), *[f64(x[op.axis])] * 3)) for op, x in _CASES)


def check_vectors(axis: int, x: TensorType, vectors: Sequence[TensorType], count: int, owner: str) -> None:
    """Refuses anything but `count` vectors of one element for each channel of x.

    Raises:
        ShapeError: their number, shape or dtype does not fit.
    """
    check_floats(owner, x)
    channels = x.shape[check_axis(axis, x.rank, owner)]
    if len(vectors) != count or any(v != x.with_shape((channels,)) for v in vectors):
        given = ", ".join(f"{v.dtype} {format_shape(v.shape)}" for v in vectors)
        raise ShapeError(f"{owner} of {x.dtype} {format_shape(x.shape)} along axis {axis} takes {count} vectors "
                         f"{x.dtype} ({channels},), got {given}", "feed as many channels as it was declared for")
