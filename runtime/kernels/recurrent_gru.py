"""Gated recurrent units, step by step over memory planned beforehand.

r and z come from one product with [h; 1; x]. What n takes from the input is a product with [1; x], what it takes from h
one with the recurrent weight alone, since r stands between the two.
"""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import Gru, GruGrad, GruGradWeights
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.recurrent import Front, Mask, forward_scratch, load_weights, sum_products, sum_scratch
from graphnet.runtime.kernels.recurrent_back import Back, backward_scratch
from graphnet.runtime.kernels.registry import Call, Run, kernel


def _scratch(op: Gru, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    hidden = inputs[1].shape[1]
    return forward_scratch(op, inputs, hidden, hidden, 4 * hidden, hidden)


@kernel(Gru, workspace=_scratch)
def gru(call: Call) -> Run:
    """r and z, then n, then h = n + z (h - n)."""
    op, (weight, recurrent, bias, recurrent_bias, *lengths) = call.op, call.inputs[2:]
    stacked, operand, last, new, gates, product, flags = call.workspace
    hidden, half = len(last), stacked.dtype.type(0.5)
    front = Front(call, operand, last, new, Mask(lengths[0] if lengths else None, flags))
    both, candidate = stacked[:, :2 * hidden], stacked[hidden:, 2 * hidden:]
    across, c = recurrent[:, 2 * hidden:], recurrent_bias[:, None]
    steps = [(step, step.operand[hidden:], *_parts(call.outputs[3][step.place] if op.saved else gates))
             for step in front.steps]

    def run() -> None:
        load_weights(stacked, recurrent, bias, weight)
        np.multiply(both, half, both)  # σ(z) = (1 + tanh(z / 2)) / 2
        front.begin()
        for step, one_and_x, r_and_z, r, z, n, q in steps:
            front.load(step)
            h = step.before
            np.matmul(both.T, step.operand, r_and_z)
            np.tanh(r_and_z, r_and_z)
            np.multiply(r_and_z, half, r_and_z)
            np.add(r_and_z, half, r_and_z)
            np.matmul(candidate.T, one_and_x, n)
            if op.reset_after:
                np.matmul(across.T, h, q)
                np.add(q, c, q)
                np.multiply(r, q, product)
            else:
                np.multiply(r, h, q)
                np.matmul(across.T, q, product)
                np.add(product, c, product)
            np.add(n, product, n)
            np.tanh(n, n)
            np.subtract(h, n, product)
            np.multiply(z, product, product)
            np.add(n, product, step.new)
            front.store(step)
        front.end()
    return run


def _parts(gates: Array) -> tuple[Array, Array, Array, Array, Array]:
    """[r, z] together, and r, z, n, q."""
    hidden = len(gates) // 4
    r, z, n, q = (gates[start:start + hidden] for start in range(0, 4 * hidden, hidden))
    return gates[:2 * hidden], r, z, n, q


def _grad_scratch(op: GruGrad, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return backward_scratch(op, inputs, 1, 1, 1, 1, 4)


@kernel(GruGrad, workspace=_grad_scratch)
def gru_grad(call: Call) -> Run:
    """The gradients of n, q, r and z in scratch, then over the gates, then of h."""
    op, (last, dy, gates, operands, recurrent, *lengths), (dz, first) = call.op, call.inputs, call.outputs
    dh, through, product, kept, made, flags, numbers = call.workspace
    hidden = len(dh)
    mask = Mask(lengths[0] if lengths else None, flags)
    back = Back(op, dy, len(gates), mask, product, numbers)
    u_both, u_n = recurrent[:, :2 * hidden], recurrent[:, 2 * hidden:]
    both, dr, du, dn, dq = _parts(made)
    steps = [(t, result, *_parts(gates[t]), operands[t, :hidden], dz[t], cut) for t, result, cut in back.walk]

    def run() -> None:
        np.copyto(dh, last.T)
        for place, result, r_and_z, r, z, n, q, h, target, cut in steps:
            back.add_results(dh, result, place)
            if mask:
                np.copyto(kept, dh)
            np.multiply(dh, z, through)
            np.subtract(1, r_and_z, both)
            np.multiply(dh, du, dn)  # dh (1 - z)
            np.multiply(both, r_and_z, both)
            np.multiply(n, n, product)
            np.subtract(1, product, product)
            np.multiply(dn, product, dn)
            np.subtract(h, n, product)
            np.multiply(product, dh, product)
            np.multiply(du, product, du)
            if op.reset_after:
                np.multiply(dn, r, dq)
                np.multiply(dn, q, product)
            else:
                np.matmul(u_n, dn, dq)
                np.multiply(dq, h, product)
            np.multiply(dr, product, dr)
            if op.reset_after:
                np.matmul(u_n, dq, product)
            else:
                np.multiply(dq, r, product)
            np.add(through, product, through)
            np.matmul(u_both, both, dh)
            np.add(dh, through, dh)
            np.copyto(target, made)
            if mask:
                mask.blank(target)
                np.copyto(dh, kept, where=mask.idle)
            if cut:
                back.cut(place, dh)
        np.copyto(first, dh.T)
    return run


def _slices(hidden: int, reset_after: bool) -> tuple[tuple[slice, slice], ...]:
    """Rows of operands or gates and rows of dz whose products are the gradients: of [b; W], of U_rz, and of U_n."""
    h, one_and_x, dq = slice(0, hidden), slice(hidden, None), slice(3 * hidden, 4 * hidden)
    into_n = (h, dq) if reset_after else (dq, slice(2 * hidden, 3 * hidden))
    return (one_and_x, slice(0, 3 * hidden)), (h, slice(0, 2 * hidden)), into_n


def _cut(operand: Operand, rows: slice) -> Operand:
    steps, count, batch = operand.shape
    return Operand(operand.dtype, (steps, len(range(count)[rows]), batch), operand.strides)


def _grad_weights_scratch(op: GruGradWeights, inputs: tuple[Operand, ...],
                          outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    dz, operands, gates = inputs
    sources = operands, operands, operands if op.reset_after else gates
    pairs = zip(sources, _slices(op.hidden, op.reset_after), strict=True)
    return tuple(t for source, (rows, columns) in pairs for t in sum_scratch(_cut(source, rows), _cut(dz, columns)))


@kernel(GruGradWeights, workspace=_grad_weights_scratch)
def gru_grad_weights(call: Call) -> Run:
    """Three sums of products, which are then taken apart."""
    op, (dz, operands, gates), (dw, du, db, dc), scratch = call.op, call.inputs, call.outputs, call.workspace
    sources = operands, operands, operands if op.reset_after else gates
    parts = [(source[:, rows], dz[:, columns]) for source, (rows, columns)
             in zip(sources, _slices(op.hidden, op.reset_after), strict=True)]
    sums = [sum_products(a, b, scratch[4 * i:4 * i + 4]) for i, (a, b) in enumerate(parts)]
    inputs, both, into_n = scratch[0], scratch[4], scratch[8]
    recurrent_bias = parts[2][1]

    def run() -> None:
        for add_up in sums:
            add_up()
        np.copyto(dw, inputs[1:])
        np.copyto(db, inputs[0])
        np.copyto(du[:, :2 * op.hidden], both)
        np.copyto(du[:, 2 * op.hidden:], into_n)
        np.sum(recurrent_bias, (0, 2), out=dc)
    return run
