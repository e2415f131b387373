"""Gated recurrent units in their two forms, and their gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.op import Example, Gradients, NodeMaker, Op, Ranges, Types, as_type, f64
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
from graphnet.compiler.ops.recurrent_weights import (
    RecurrentGradInput,
    check_saved,
    input_size,
    product_over_steps,
)
from graphnet.compiler.roles import BIAS, KERNEL, RECURRENT_KERNEL
from graphnet.compiler.types import Array, TensorType, format_shape

__all__ = ["Gru", "GruGrad", "GruGradWeights"]


@dataclass(frozen=True)
class Gru(Recurrent):
    """h_t = (1 - z) ∘ n + z ∘ h_{t-1} with r, z = σ(x_t W_rz + h_{t-1} U_rz + b_rz), n = tanh(x_t W_n + b_n + …).

    What n adds is r ∘ q with q = h_{t-1} U_n + c if `reset_after` (as PyTorch, cuDNN and Keras do), and else
    q U_n + c with q = r ∘ h_{t-1} (Cho et al. 2014, eq. 5 to 8). Gates in the order r, z, n.

    Shapes: x (N, T, F), h (N, H), W (F, 3H), U (H, 3H), b (3H,), c (H,), lengths (N,) or none. Outputs: h after the
    last step (N, H), all h_t (N, T or 0, H); for the gradient operands (T, H + 1 + F, N) and [r, z, n, q] (T, 4H, N).
    """

    reset_after: bool = True

    name = "gru"
    roles = MappingProxyType({2: KERNEL, 3: RECURRENT_KERNEL, 4: BIAS, 5: BIAS})
    auxiliary: ClassVar[tuple[int, ...]] = (2, 3)
    gates = 3
    arity = 6

    def infer(self, x: TensorType, h: TensorType, weight: TensorType, recurrent: TensorType, bias: TensorType,
              recurrent_bias: TensorType, lengths: TensorType | None = None) -> Types:
        hidden = self.check_inputs(x, (h,), weight, recurrent, (bias, recurrent_bias), lengths)
        return self.outputs(x, hidden, 4 * hidden)

    def forward(self, x: Array, h: Array, weight: Array, recurrent: Array, bias: Array, recurrent_bias: Array,
                lengths: Array | None = None) -> tuple[Array, ...]:
        types = self.infer(*map(as_type, (x, h, weight, recurrent, bias, recurrent_bias)))
        y, operands, gates = self.blank(x, types)
        hidden, c = h.shape[1], recurrent_bias[:, None]
        weights, u_n, h = stack_weights(recurrent, bias, weight), recurrent[:, 2 * hidden:], h.T
        for t in self.order(x.shape[1]):
            on = running(lengths, t)
            operand = stack_operand(h, x[:, t], on)
            r, z = np.split(sigmoid(weights[:, :2 * hidden].T @ operand), 2)  # (H, N) each
            z_n = weights[hidden:, 2 * hidden:].T @ operand[hidden:]  # of [1; x] alone
            q = u_n.T @ h + c if self.reset_after else r * h
            n = np.tanh(z_n + (r * q if self.reset_after else u_n.T @ q + c))
            new = (1 - z) * n + z * h
            if self.sequences:
                y[:, t] = np.where(on, new, 0).T
            if self.saved:
                operands[t], gates[t] = operand, np.concatenate([r, z, n, q])
            h = np.where(on, new, h)
        return h.T.copy(), y, operands, gates

    def pull(self, b: NodeMaker, inputs: tuple[int, ...], outputs: tuple[int, ...], grads: Sequence[int]) -> Gradients:
        _, _, weight, recurrent, _, _, *lengths = inputs
        operands, gates = outputs[2:]
        op = GruGrad(self.reverse, self.truncate, self.reset_after)
        dz, dh = b.apply(op, *grads, gates, operands, recurrent, *lengths)
        sums = GruGradWeights(int(b.types[recurrent].shape[0]), self.reset_after)
        dw, du, db, dc = b.apply(sums, dz, operands, gates)
        return b.add(RecurrentGradInput(), dz, weight), dh, dw, du, db, dc, *[None] * len(lengths)


@dataclass(frozen=True)
class GruGrad(Walk):
    """dz_n = dh_t (1-z)(1-n²), dz_z = dh_t (h_{t-1} - n) z(1-z), dz_r = dr r(1-r), and the gradient dq of q.

    From the last step of the walk to the first. With `reset_after` dr = dz_n q and dq = dz_n r, and h_{t-1} gets
    dh_t z + U_rz dz_rz + U_n dq. Without it dq = U_n dz_n and dr = dq h_{t-1}, and h_{t-1} gets
    dh_t z + U_rz dz_rz + dq r.

    Shapes: gradients of h after the last step (N, H) and of the results (N, T or 0, H), saved [r, z, n, q] (T, 4H, N),
    operands (T, H + 1 + F, N), U (H, 3H), lengths (N,) or none. Results: [dz_r, dz_z, dz_n, dq] (T, 4H, N), gradient
    of h before the first step (N, H).
    """

    reset_after: bool = True

    name = "gru_grad"
    inplace = (2,)
    differentiable: ClassVar[bool] = False

    def infer(self, dh: TensorType, dy: TensorType, gates: TensorType, operands: TensorType, recurrent: TensorType,
              lengths: TensorType | None = None) -> Types:
        hidden = check_saved(self.name, (dh,), dy, recurrent, 3, (gates, 4))
        input_size(self.name, gates, operands, hidden)
        check_lengths(self.name, dh.shape[0], lengths)
        return gates, dh

    def forward(self, dh: Array, dy: Array, gates: Array, operands: Array, recurrent: Array,
                lengths: Array | None = None) -> tuple[Array, ...]:
        dz, dh, hidden = np.zeros_like(gates), dh.T, dh.shape[1]  # (T, 4H, N), (H, N)
        u_rz, u_n = recurrent[:, :2 * hidden], recurrent[:, 2 * hidden:]
        for t in reversed(self.order(len(gates))):
            on, (r, z, n, q), h = running(lengths, t), np.split(gates[t], 4), operands[t, :hidden]
            if dy.shape[1]:
                dh = dh + np.where(on, dy[:, t].T, 0)
            dn = dh * (1 - z) * (1 - n * n)
            dq = dn * r if self.reset_after else u_n @ dn
            dr = (dn * q if self.reset_after else dq * h) * r * (1 - r)
            du = dh * (h - n) * z * (1 - z)
            dz[t] = np.where(on, np.concatenate([dr, du, dn, dq]), 0)
            before = dh * z + u_rz @ np.concatenate([dr, du]) + (u_n @ dq if self.reset_after else dq * r)
            dh = np.where(self.passes(t, len(gates), lengths), np.where(on, before, dh), 0)
        return dz, dh.T.copy()

    def flops(self, inputs: Types, outputs: Types) -> int:
        return outputs[0].size // 4 * (6 * int(inputs[4].shape[0]) + 16)

    def index_ranges(self, *types: TensorType) -> Ranges:
        return length_range(5, types[2].shape[0], types)


@dataclass(frozen=True)
class GruGradWeights(Op):
    """dW = Σ_t x_t dz_tᵀ, dU_rz = Σ_t h_{t-1} dz_rzᵀ, b and c likewise; dU_n = Σ_t h_{t-1} dqᵀ or Σ_t q dz_nᵀ.

    The former with `reset_after`, the latter without.

    Shapes: [dz_r, dz_z, dz_n, dq] (T, 4H, N), operands (T, H + 1 + F, N), saved [r, z, n, q] (T, 4H, N), H = `hidden`;
    dW (F, 3H), dU (H, 3H), db (3H,), dc (H,).
    """

    hidden: int
    reset_after: bool = True

    name = "gru_grad_weights"
    sums_gradients: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.check(self.hidden >= 1, "hidden", "it must be at least 1")

    def infer(self, dz: TensorType, operands: TensorType, gates: TensorType) -> Types:
        size, wide = self.hidden, 3 * self.hidden
        inputs = input_size(self.name, dz, operands, size)
        if dz.shape[1] != 4 * size or gates != dz:
            raise ShapeError(f"{self.name} of {size} units needs dz and gates (T, {4 * size}, N), got "
                             f"{format_shape(dz.shape)} and {format_shape(gates.shape)}")
        return tuple(dz.with_shape(shape) for shape in ((inputs, wide), (size, wide), (wide,), (size,)))

    def forward(self, dz: Array, operands: Array, gates: Array) -> tuple[Array, ...]:
        size = self.hidden
        h, one_and_x = operands[:, :size], operands[:, size:]
        inputs = product_over_steps(one_and_x, dz[:, :3 * size])  # (1 + F, 3H)
        du_rz = product_over_steps(h, dz[:, :2 * size])
        pair = (h, dz[:, 3 * size:]) if self.reset_after else (gates[:, 3 * size:], dz[:, 2 * size:3 * size])
        du = np.concatenate([du_rz, product_over_steps(*pair)], 1)
        return inputs[1:].copy(), du, inputs[0].copy(), pair[1].sum((0, 2))

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * (inputs[0].size // 4) * 3 * int(inputs[1].shape[1])

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return tuple(Example(cls(2, after), (f64(3, 8, 5), f64(3, 7, 5), f64(3, 8, 5))) for after in (True, False))
