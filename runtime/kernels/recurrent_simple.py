"""Elman's recurrent network, step by step over memory planned beforehand."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import SimpleRnn, SimpleRnnGrad
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.recurrent import Front, Mask, forward_scratch, load_weights
from graphnet.runtime.kernels.recurrent_back import Back, backward_scratch
from graphnet.runtime.kernels.registry import Call, Run, kernel


def _scratch(op: SimpleRnn, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    hidden = inputs[1].shape[1]
    return forward_scratch(op, inputs, *[hidden] * 3)


@kernel(SimpleRnn, workspace=_scratch)
def simple_rnn(call: Call) -> Run:
    """h = f(all weights · [h; 1; x]) at each step."""
    op, (weight, recurrent, bias, *lengths) = call.op, call.inputs[2:]
    stacked, operand, last, new, activated, flags = call.workspace
    front = Front(call, operand, last, new, Mask(lengths[0] if lengths else None, flags))
    steps = [(step, call.outputs[3][step.place] if op.saved else activated) for step in front.steps]
    zero, tanh = stacked.dtype.type(0), op.activation == "tanh"

    def run() -> None:
        load_weights(stacked, recurrent, bias, weight)
        front.begin()
        for step, z in steps:
            front.load(step)
            np.matmul(stacked.T, step.operand, z)
            if tanh:
                np.tanh(z, z)
            else:
                np.maximum(z, zero, out=z)
            np.copyto(step.new, z)
            front.store(step)
        front.end()
    return run


def _grad_scratch(op: SimpleRnnGrad, inputs: tuple[Operand, ...],
                  outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return backward_scratch(op, inputs, 1, 1, 1, 1)


@kernel(SimpleRnnGrad, workspace=_grad_scratch)
def simple_rnn_grad(call: Call) -> Run:
    """dz = dh f'(z), dh = U dz, from the last step to the first."""
    (last, dy, activated, recurrent, *lengths), (dz, first) = call.inputs, call.outputs
    dh, slope, kept, temporary, flags, numbers = call.workspace
    mask = Mask(lengths[0] if lengths else None, flags)
    back = Back(call.op, dy, len(activated), mask, temporary, numbers)
    steps = [(t, result, activated[t], dz[t], cut) for t, result, cut in back.walk]
    derive = _tanh_slope if call.op.activation == "tanh" else _relu_slope

    def run() -> None:
        np.copyto(dh, last.T)
        for place, result, h, gradient, cut in steps:
            back.add_results(dh, result, place)
            derive(h, slope)
            np.multiply(dh, slope, gradient)
            if mask:
                mask.blank(gradient)
                np.copyto(kept, dh)
            np.matmul(recurrent, gradient, dh)
            if mask:
                np.copyto(dh, kept, where=mask.idle)
            if cut:
                back.cut(place, dh)
        np.copyto(first, dh.T)
    return run


def _tanh_slope(h: Array, out: Array) -> None:
    np.multiply(h, h, out)
    np.subtract(1, out, out)


def _relu_slope(h: Array, out: Array) -> None:
    np.greater(h, 0, out, casting="unsafe")
