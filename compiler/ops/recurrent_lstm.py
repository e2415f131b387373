"""Long short-term memory, and its gradient."""

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
    sigmoid,
    stack_operand,
    stack_weights,
)
from graphnet.compiler.ops.recurrent_weights import RecurrentGradInput, RecurrentGradWeights, check_saved
from graphnet.compiler.roles import BIAS, KERNEL, RECURRENT_KERNEL
from graphnet.compiler.types import Array, TensorType

__all__ = ["Lstm", "LstmGrad"]


@dataclass(frozen=True)
class Lstm(Recurrent):
    """c_t = f ∘ c_{t-1} + i ∘ g, h_t = o ∘ tanh(c_t) with i, f, o = σ(z_i), σ(z_f), σ(z_o), g = tanh(z_g).

    [z_i, z_f, z_g, z_o] = x_t W + h_{t-1} U + b. Hochreiter and Schmidhuber 1997, with the forget gate f of Gers,
    Schmidhuber and Cummins 2000.

    Shapes: x (N, T, F), h and c (N, H), W (F, 4H), U (H, 4H), b (4H,), lengths (N,) or none. Outputs: h and c after the
    last step (N, H), all h_t (N, T or 0, H); for the gradient operands (T, H + 1 + F, N), [i, f, g, o] (T, 4H, N) and
    [c_{t-1}, tanh c_t] (T, 2H, N).
    """

    name = "lstm"
    roles = MappingProxyType({3: KERNEL, 4: RECURRENT_KERNEL, 5: BIAS})
    auxiliary: ClassVar[tuple[int, ...]] = (3, 4, 5)
    states = 2
    gates = 4
    arity = 6

    def infer(self, x: TensorType, h: TensorType, c: TensorType, weight: TensorType, recurrent: TensorType,
              bias: TensorType, lengths: TensorType | None = None) -> Types:
        hidden = self.check_inputs(x, (h, c), weight, recurrent, (bias,), lengths)
        return self.outputs(x, hidden, 4 * hidden, 2 * hidden)

    def forward(self, x: Array, h: Array, c: Array, weight: Array, recurrent: Array, bias: Array,
                lengths: Array | None = None) -> tuple[Array, ...]:
        types = self.infer(*map(as_type, (x, h, c, weight, recurrent, bias)))
        y, operands, gates, cells = self.blank(x, types)
        weights, h, c = stack_weights(recurrent, bias, weight), h.T, c.T  # (H + 1 + F, 4H), (H, N), (H, N)
        for t in self.order(x.shape[1]):
            on = running(lengths, t)
            operand = stack_operand(h, x[:, t], on)
            i, f, g, o = np.split(weights.T @ operand, 4)  # (H, N) each
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            cell = f * c + i * g
            squashed = np.tanh(cell)
            if self.sequences:
                y[:, t] = np.where(on, o * squashed, 0).T
            if self.saved:
                operands[t], gates[t] = operand, np.concatenate([i, f, g, o])
                cells[t] = np.concatenate([c, squashed])
            h, c = np.where(on, o * squashed, h), np.where(on, cell, c)
        return h.T.copy(), c.T.copy(), y, operands, gates, cells

    def pull(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Sequence[int]) -> Gradients:
        _, _, _, weight, recurrent, _, *lengths = inputs
        dz, dh, dc = b.apply(LstmGrad(self.reverse, self.truncate), *grads, *outputs[4:], recurrent, *lengths)
        dw, du, db = b.apply(RecurrentGradWeights(int(b.types[recurrent].shape[0])), dz, outputs[3])
        return b.add(RecurrentGradInput(), dz, weight), dh, dc, dw, du, db, *[None] * len(lengths)


@dataclass(frozen=True)
class LstmGrad(Walk):
    """dz_t = [dc_t g i(1-i), dc_t c_{t-1} f(1-f), dc_t i (1-g²), dh_t tanh(c_t) o(1-o)].

    From the last step of the walk to the first, with dc_t = dc_{t+1} f_{t+1} + dh_t o (1 - tanh² c_t) and
    dh_{t-1} = U dz_t + dL/dh_{t-1}.

    Shapes: gradients of h and c after the last step (N, H) and of the results (N, T or 0, H), saved [i, f, g, o]
    (T, 4H, N) and [c_{t-1}, tanh c_t] (T, 2H, N), U (H, 4H), lengths (N,) or none. Results: dz (T, 4H, N), gradients of
    h and c before the first step (N, H).
    """

    name = "lstm_grad"
    inplace = (3,)
    differentiable: ClassVar[bool] = False

    def infer(self, dh: TensorType, dc: TensorType, dy: TensorType, gates: TensorType, cells: TensorType,
              recurrent: TensorType, lengths: TensorType | None = None) -> Types:
        check_saved(self.name, (dh, dc), dy, recurrent, 4, (gates, 4), (cells, 2))
        check_lengths(self.name, dh.shape[0], lengths)
        return gates, dh, dc

    def forward(self, dh: Array, dc: Array, dy: Array, gates: Array, cells: Array, recurrent: Array,
                lengths: Array | None = None) -> tuple[Array, ...]:
        dz, dh, dc = np.zeros_like(gates), dh.T, dc.T  # (T, 4H, N), (H, N), (H, N)
        for t in reversed(self.order(len(gates))):
            on = running(lengths, t)
            (i, f, g, o), (before, squashed) = np.split(gates[t], 4), np.split(cells[t], 2)
            if dy.shape[1]:
                dh = dh + np.where(on, dy[:, t].T, 0)
            cell = dc + dh * o * (1 - squashed * squashed)
            di, df = cell * g * i * (1 - i), cell * before * f * (1 - f)
            dg, do = cell * i * (1 - g * g), dh * squashed * o * (1 - o)
            dz[t] = np.where(on, np.concatenate([di, df, dg, do]), 0)
            dh, dc = np.where(on, recurrent @ dz[t], dh), np.where(on, cell * f, dc)
            passes = self.passes(t, len(gates), lengths)
            dh, dc = np.where(passes, dh, 0), np.where(passes, dc, 0)
        return dz, dh.T.copy(), dc.T.copy()

    def flops(self, inputs: Types, outputs: Types) -> int:
        return outputs[0].size * (2 * int(inputs[5].shape[0]) + 6)

    def index_ranges(self, *types: TensorType) -> Ranges:
        return length_range(6, types[3].shape[0], types)
