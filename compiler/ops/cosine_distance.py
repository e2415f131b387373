"""The angle between predictions and labels as a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Types, f64
from graphnet.compiler.ops.norms import measure
from graphnet.compiler.ops.operands import check_floats, same_floats, same_type
from graphnet.compiler.types import Array, TensorType, format_shape

__all__ = ["CosineDistance", "CosineDistanceGrad"]

SMALLEST = 1e-8
"""What a length counts as at least, as in PyTorch."""


@dataclass(frozen=True)
class CosineDistance(Op):
    """l = 1 - Σ p t / (max(‖p‖₂, 1e-8) max(‖t‖₂, 1e-8)) over the last axis, in [0, 2].

    Shapes: p and t (…, D); l (…).
    """

    name = "cosine_distance"
    samplewise = True
    constants: ClassVar[tuple[int, ...]] = (1,)

    def infer(self, p: TensorType, t: TensorType) -> Types:
        same_floats("CosineSimilarity", p, t)
        if p.rank < 2:
            raise ShapeError(f"CosineSimilarity needs vectors (N, features), got {format_shape(p.shape)}")
        return (p.with_shape(p.shape[:-1]),)

    def forward(self, p: Array, t: Array) -> tuple[Array, ...]:
        return (1 - (_unit(p) * _unit(t)).sum(-1),)

    def pullback(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Gradients) -> Gradients:
        (grad,) = grads
        return (None if grad is None else b.add(CosineDistanceGrad(), grad, *inputs)), None

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 6 * inputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 4), f64(3, 4))), Example(cls(), (f64(2, 3, 5), f64(2, 3, 5))))


@dataclass(frozen=True)
class CosineDistanceGrad(Op):
    """dL/dp = g (c p̂ - t̂) / ‖p‖₂ with the unit vectors p̂ and t̂ and the cosine c = Σ p̂ t̂; -g t̂ / 1e-8 if ‖p‖₂ < 1e-8.

    Shapes: g (…), p and t (…, D); result (…, D).
    """

    name = "cosine_distance_grad"
    samplewise = True
    differentiable: ClassVar[bool] = False

    def infer(self, g: TensorType, p: TensorType, t: TensorType) -> Types:
        check_floats(self.name, g, same_type(self.name, p, t))
        if g.shape != p.shape[:-1]:
            raise ShapeError(f"{self.name} needs a gradient {format_shape(p.shape[:-1])}, got {format_shape(g.shape)}")
        return (p,)

    def forward(self, g: Array, p: Array, t: Array) -> tuple[Array, ...]:
        scaled, length, shift = measure(p, -1, SMALLEST)
        p1, t1 = scaled / length, _unit(t)
        along = (p1 * t1).sum(-1, keepdims=True) * (length > p.dtype.type(SMALLEST) * shift)
        return (g[..., None] * (along * p1 - t1) / length * shift,)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 9 * outputs[0].size

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3), f64(3, 4), f64(3, 4))),)


def _unit(x: Array) -> Array:
    scaled, length, _ = measure(x, -1, SMALLEST)
    return scaled / length
