"""Long short-term memory, step by step over memory planned beforehand.

All four gates take one call of tanh: σ(z) = (1 + tanh(z / 2)) / 2, and the halving of z is done on the weights, where
it is exact.
"""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import Lstm, LstmGrad
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.recurrent import Front, Mask, forward_scratch, load_weights
from graphnet.runtime.kernels.recurrent_back import Back, backward_scratch
from graphnet.runtime.kernels.registry import Call, Run, kernel


def _scratch(op: Lstm, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    hidden = inputs[1].shape[1]
    return forward_scratch(op, inputs, hidden, hidden, 4 * hidden, 2 * hidden, hidden, hidden, hidden)


@kernel(Lstm, workspace=_scratch)
def lstm(call: Call) -> Run:
    """Gates by one product, then the cell and the state."""
    op, (c_first, weight, recurrent, bias, *lengths) = call.op, call.inputs[2:]
    stacked, operand, last, new, gates, cells, product, c_last, c_new, flags = call.workspace
    hidden, half = len(last), stacked.dtype.type(0.5)
    mask = Mask(lengths[0] if lengths else None, flags)
    front = Front(call, operand, last, new, mask)
    halved = stacked[:, :2 * hidden], stacked[:, 3 * hidden:]
    places = [(call.outputs[4][s.place], call.outputs[5][s.place]) if op.saved else (gates, cells) for s in front.steps]
    states = [*(cell[:hidden] for _, cell in places), c_last]
    steps = [(step, z, *_parts(z), cell[hidden:], before, c_new if mask else after, after)
             for step, (z, cell), before, after in zip(front.steps, places, states, states[1:], strict=False)]

    def run() -> None:
        load_weights(stacked, recurrent, bias, weight)
        for columns in halved:
            np.multiply(columns, half, columns)
        front.begin()
        np.copyto(states[0], c_first.T)
        for step, z, i_and_f, i, f, g, o, squashed, before, c, after in steps:
            front.load(step)
            np.matmul(stacked.T, step.operand, z)
            np.tanh(z, z)
            for gate in (i_and_f, o):
                np.multiply(gate, half, gate)
                np.add(gate, half, gate)
            np.multiply(i, g, product)
            np.multiply(f, before, c)
            np.add(c, product, c)
            np.tanh(c, squashed)
            np.multiply(o, squashed, step.new)
            front.store(step)
            if mask:
                mask.settle(before, c, after)
        front.end()
        np.copyto(call.outputs[1], c_last.T)
    return run


def _parts(z: Array) -> tuple[Array, Array, Array, Array, Array]:
    """[i, f] together, and each of the four gates."""
    hidden = len(z) // 4
    i, f, g, o = (z[start:start + hidden] for start in range(0, 4 * hidden, hidden))
    return z[:2 * hidden], i, f, g, o


def _grad_scratch(op: LstmGrad, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return backward_scratch(op, inputs, 1, 1, 1, 1, 1, 4)


@kernel(LstmGrad, workspace=_grad_scratch)
def lstm_grad(call: Call) -> Run:
    """The slopes of all gates times what they multiply, then times the gradient of the cell or the state."""
    (h_last, c_last, dy, gates, cells, recurrent, *lengths), (dz, h_first, c_first) = call.inputs, call.outputs
    dh, dc, through, kept, c_kept, slope, flags, numbers = call.workspace
    hidden = len(dh)
    mask = Mask(lengths[0] if lengths else None, flags)
    back = Back(call.op, dy, len(gates), mask, through, numbers)
    sigmoid, di, df, dg, do = _parts(slope)
    by_cell, three = slope[:3 * hidden].reshape(3, hidden, -1), (3, hidden, dh.shape[1])
    steps = [(t, result, *_parts(gates[t]), cells[t, :hidden], cells[t, hidden:], dz[t],
              dz[t, :3 * hidden].reshape(three), dz[t, 3 * hidden:], cut) for t, result, cut in back.walk]

    def run() -> None:
        np.copyto(dh, h_last.T)
        np.copyto(dc, c_last.T)
        for place, result, i_and_f, i, f, g, o, before, squashed, whole, into_cell, into_o, cut in steps:
            back.add_results(dh, result, place)
            if mask:
                np.copyto(kept, dh)
                np.copyto(c_kept, dc)
            np.multiply(squashed, squashed, through)
            np.subtract(1, through, through)
            np.multiply(through, o, through)
            np.multiply(through, dh, through)
            np.add(dc, through, dc)
            for gate, target in ((i_and_f, sigmoid), (o, do)):  # s (1 - s)
                np.subtract(1, gate, target)
                np.multiply(target, gate, target)
            np.multiply(g, g, dg)
            np.subtract(1, dg, dg)
            for target, factor in ((di, g), (df, before), (dg, i), (do, squashed)):
                np.multiply(target, factor, target)
            np.multiply(dc, f, through)
            np.multiply(by_cell, dc, into_cell)  # from here on the gates may be written over
            np.multiply(do, dh, into_o)
            np.copyto(dc, through)
            if mask:
                mask.blank(whole)
                np.copyto(dc, c_kept, where=mask.idle)
            np.matmul(recurrent, whole, dh)
            if mask:
                np.copyto(dh, kept, where=mask.idle)
            if cut:
                back.cut(place, dh, dc)
        np.copyto(h_first, dh.T)
        np.copyto(c_first, dc.T)
    return run
