"""The recurrent network of Elman, and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from graphnet.compiler.op import Gradients, NodeMaker, Ranges, Types, as_type
from graphnet.compiler.ops.recurrent import (
    Recurrent,
    Walk,
    check_lengths,
    length_range,
    running,
    stack_operand,
    stack_weights,
)
from graphnet.compiler.ops.recurrent_weights import RecurrentGradInput, RecurrentGradWeights, check_saved
from graphnet.compiler.roles import BIAS, KERNEL, RECURRENT_KERNEL
from graphnet.compiler.types import Array, TensorType

__all__ = ["SimpleRnn", "SimpleRnnGrad"]

ACTIVATIONS = ("tanh", "relu")


@dataclass(frozen=True)
class SimpleRnn(Recurrent):
    """h_t = f(x_t W + h_{t-1} U + b), f tanh or ReLU (Elman 1990).

    Shapes: x (N, T, F), h (N, H), W (F, H), U (H, H), b (H,), lengths (N,) or none. Outputs: h after the last step
    (N, H), all h_t (N, T or 0, H), operands (T, H + 1 + F, N) and h_t (T, H, N) for the gradient.
    """

    activation: str = "tanh"

    name = "simple_rnn"
    roles = MappingProxyType({2: KERNEL, 3: RECURRENT_KERNEL, 4: BIAS})
    auxiliary: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(self.activation in ACTIVATIONS, "activation", f"it must be one of {', '.join(ACTIVATIONS)}")

    def infer(self, x: TensorType, h: TensorType, weight: TensorType, recurrent: TensorType, bias: TensorType,
              lengths: TensorType | None = None) -> Types:
        hidden = self.check_inputs(x, (h,), weight, recurrent, (bias,), lengths)
        return self.outputs(x, hidden, hidden)

    def forward(self, x: Array, h: Array, weight: Array, recurrent: Array, bias: Array,
                lengths: Array | None = None) -> tuple[Array, ...]:
        types = self.infer(*map(as_type, (x, h, weight, recurrent, bias)))
        y, operands, activated = self.blank(x, types)
        weights, h = stack_weights(recurrent, bias, weight), h.T  # (H + 1 + F, H), (H, N)
        for t in self.order(x.shape[1]):
            on = running(lengths, t)
            operand = stack_operand(h, x[:, t], on)
            z = weights.T @ operand  # (H, N)
            new = np.tanh(z) if self.activation == "tanh" else np.maximum(z, 0)
            if self.sequences:
                y[:, t] = np.where(on, new, 0).T
            if self.saved:
                operands[t], activated[t] = operand, new
            h = np.where(on, new, h)
        return h.T.copy(), y, operands, activated

    def pull(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Sequence[int]) -> Gradients:
        _, _, weight, recurrent, _, *lengths = inputs
        op = SimpleRnnGrad(self.reverse, self.truncate, self.activation)
        dz, dh = b.apply(op, *grads, outputs[3], recurrent, *lengths)
        dw, du, db = b.apply(RecurrentGradWeights(int(b.types[recurrent].shape[0])), dz, outputs[2])
        return b.add(RecurrentGradInput(), dz, weight), dh, dw, du, db, *[None] * len(lengths)


@dataclass(frozen=True)
class SimpleRnnGrad(Walk):
    """dz_t = dh_t ∘ f'(z_t), dh_{t-1} = U dz_t + dL/dh_{t-1}, from the last step of the walk to the first.

    Shapes: gradients of h after the last step (N, H) and of the results (N, T or 0, H), saved h_t (T, H, N), U (H, H),
    lengths (N,) or none. Results: dz (T, H, N), gradient of h before the first step (N, H).
    """

    activation: str = "tanh"

    name = "simple_rnn_grad"
    inplace = (2,)
    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(self.activation in ACTIVATIONS, "activation", f"it must be one of {', '.join(ACTIVATIONS)}")

    def infer(self, dh: TensorType, dy: TensorType, activated: TensorType, recurrent: TensorType,
              lengths: TensorType | None = None) -> Types:
        check_saved(self.name, (dh,), dy, recurrent, 1, (activated, 1))
        check_lengths(self.name, dh.shape[0], lengths)
        return activated, dh

    def forward(self, dh: Array, dy: Array, activated: Array, recurrent: Array,
                lengths: Array | None = None) -> tuple[Array, ...]:
        dz, dh = np.zeros_like(activated), dh.T  # (T, H, N), (H, N)
        for t in reversed(self.order(len(activated))):
            on, h = running(lengths, t), activated[t]
            if dy.shape[1]:
                dh = dh + np.where(on, dy[:, t].T, 0)
            slope = 1 - h * h if self.activation == "tanh" else h > 0
            dz[t] = np.where(on, dh * slope, 0)
            dh = np.where(on, recurrent @ dz[t], dh)
            dh = np.where(self.passes(t, len(activated), lengths), dh, 0)
        return dz, dh.T.copy()

    def flops(self, inputs: Types, outputs: Types) -> int:
        return outputs[0].size * (2 * int(inputs[3].shape[0]) + 3)

    def index_ranges(self, *types: TensorType) -> Ranges:
        return length_range(4, types[2].shape[0], types)
