"""Gradients of recurrent layers for their weights and inputs, from the gradients dz of all steps' products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Op, Types, f64
from graphnet.compiler.ops.operands import check_floats, check_some
from graphnet.compiler.types import Array, Shape, TensorType, format_shape, known

__all__ = ["RecurrentGradInput", "RecurrentGradWeights"]


@dataclass(frozen=True)
class RecurrentGradWeights(Op):
    """[dU; db; dW] = Σ_t [h_{t-1}; 1; x_t] dz_tᵀ: gradients for weight, recurrent weight and bias.

    Shapes: dz (T, G, N), operands (T, H + 1 + F, N) with H = `hidden`; dW (F, G), dU (H, G), db (G,).
    """

    hidden: int

    name = "recurrent_grad_weights"
    sums_gradients: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.check(self.hidden >= 1, "hidden", "it must be at least 1")

    def infer(self, dz: TensorType, operands: TensorType) -> Types:
        inputs = input_size(self.name, dz, operands, self.hidden)
        check_some(self.name, "gate", dz, dz.shape[1])
        wide = dz.shape[1]
        return dz.with_shape((inputs, wide)), dz.with_shape((self.hidden, wide)), dz.with_shape((wide,))

    def forward(self, dz: Array, operands: Array) -> tuple[Array, ...]:
        stacked = product_over_steps(operands, dz)  # (H + 1 + F, G)
        return stacked[self.hidden + 1:].copy(), stacked[:self.hidden].copy(), stacked[self.hidden].copy()

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * inputs[0].size * int(inputs[1].shape[1])

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(2), (f64(3, 8, 5), f64(3, 7, 5))), Example(cls(3), (f64(4, 9, 2), f64(4, 5, 2))))


@dataclass(frozen=True)
class RecurrentGradInput(Op):
    """dx_t = dz_tᵀ Wᵀ: the gradient of a recurrent layer for its input.

    Shapes: dz (T, ≥ G, N), of which the first G rows count, W (F, G); dx (N, T, F).
    """

    name = "recurrent_grad_input"
    separable: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False

    def infer(self, dz: TensorType, weight: TensorType) -> Types:
        check_floats(self.name, dz, weight)
        if dz.rank != 3 or weight.rank != 2 or known(weight.shape[1], "G") > known(dz.shape[1], "the rows of dz"):
            raise ShapeError(f"{self.name} needs (T, ≥ G, N) and (F, G), got {format_shape(dz.shape)} and "
                             f"{format_shape(weight.shape)}")
        return (dz.with_shape((dz.shape[2], dz.shape[0], weight.shape[0])),)

    def forward(self, dz: Array, weight: Array) -> tuple[Array, ...]:
        return ((weight @ dz[:, :weight.shape[1]]).transpose(2, 0, 1).copy(),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * outputs[0].size * int(inputs[1].shape[1])

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example(cls(), (f64(3, 8, 5), f64(4, 8))), Example(cls(), (f64(3, 8, 5), f64(4, 6))))


def product_over_steps(a: Array, b: Array) -> Array:
    """Σ_t a_t b_tᵀ of a (T, K, N) and b (T, G, N): (K, G)."""
    return np.tensordot(a, b, ((0, 2), (0, 2)))


def input_size(owner: str, dz: TensorType, operands: TensorType, hidden: int) -> int:
    """The number of input features F that operands (T, H + 1 + F, N) have.

    Raises:
        ShapeError: they do not fit dz, or leave no features.
    """
    check_floats(owner, dz, operands)
    fits = dz.rank == operands.rank == 3 and (dz.shape[0], dz.shape[2]) == (operands.shape[0], operands.shape[2])
    if not fits or known(operands.shape[1], "the rows of an operand") <= hidden + 1:
        raise ShapeError(f"{owner} of {hidden} units needs dz (T, G, N) and operands (T, > {hidden + 1}, N), got "
                         f"{format_shape(dz.shape)} and {format_shape(operands.shape)}")
    return known(operands.shape[1], "the rows of an operand") - hidden - 1


def check_saved(owner: str, states: Sequence[TensorType], dy: TensorType, recurrent: TensorType, gates: int,
                *saved: tuple[TensorType, int]) -> int:
    """The number of units H, if the inputs of a recurrent gradient fit one another.

    Args:
        owner: for the text.
        states: gradients of the last states, (N, H) each.
        dy: gradient of the results, (N, T or 0, H).
        recurrent: the recurrent weight, (H, gates · H).
        gates: number of gates.
        saved: what was saved, (T, m · H, N), and m.

    Raises:
        ShapeError: they do not fit.
    """
    first = saved[0][0]
    check_floats(owner, first)
    if states[0].rank != 2 or dy.rank != 3 or first.rank != 3:
        raise ShapeError(f"{owner} needs gradients (N, H) and (N, T, H) and saved steps (T, rows, N), got "
                         f"{format_shape(states[0].shape)}, {format_shape(dy.shape)}, {format_shape(first.shape)}")
    batch, hidden = states[0].shape[0], known(states[0].shape[1], "the number of hidden units")
    steps = first.shape[0]
    wanted: list[tuple[Shape, TensorType]] = [((batch, hidden), t) for t in states]
    wanted += [((hidden, gates * hidden), recurrent)]
    wanted += [((batch, dy.shape[1] if dy.shape[1] == 0 else steps, hidden), dy)]
    wanted += [((steps, multiple * hidden, batch), t) for t, multiple in saved]
    for shape, got in wanted:
        if got != first.with_shape(shape):
            raise ShapeError(f"{owner} needs {first.dtype} {format_shape(shape)}, got {got.dtype} "
                             f"{format_shape(got.shape)}")
    return hidden
