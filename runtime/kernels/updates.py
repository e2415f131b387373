"""Optimizer steps as one walk over the flat buffers, in pieces that stay in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from graphnet.compiler.ops import AdamUpdate, MomentumUpdate, SgdUpdate, Update
from graphnet.compiler.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.registry import Array, Call, Run, kernel

PIECE = 1 << 14  # elements


def _flat(views: Sequence[Array]) -> Array:
    """The one run of memory in which weights (or gradients) lie one after the other.

    Raises:
        ValueError: they do not; the plan would be wrong.
    """
    size = sum(view.size for view in views)
    end = views[0].ctypes.data
    for view in views:
        if view.ctypes.data != end or not view.flags.c_contiguous:
            raise ValueError("the weights of an update must lie one after the other in memory")
        end += view.nbytes
    return as_strided(views[0].reshape(-1), (size,), (views[0].itemsize,))


def _pieces(call: Call) -> list[tuple[tuple[Array, ...], Array | None]]:
    """Matching pieces of the weights, the gradients and each moment; and of the rate's factors, if any is not 1."""
    op: Update = call.op
    n = op.count
    weights, grads, moments = call.inputs[2:2 + n], call.inputs[2 + n:2 + 2 * n], call.inputs[2 + 2 * n:]
    whole = [_flat(weights), _flat(grads), *moments]
    factors = op.spread_rates([w.size for w in weights])
    if factors is not None:
        factors = factors.astype(weights[0].dtype)
    cuts = [slice(start, start + PIECE) for start in range(0, len(whole[0]), PIECE)]
    return [(tuple(a[cut] for a in whole), None if factors is None else factors[cut]) for cut in cuts]


def _descend(p: Array, step: Array, factors: Array | None) -> None:
    """p -= factors · step; overwrites the step."""
    if factors is not None:
        np.multiply(step, factors, step)
    np.subtract(p, step, p)


def _scratch(op: Update, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return (TensorType(outputs[0].dtype, (PIECE,)),)


def _two_scratch(op: Update, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return _scratch(op, inputs, outputs) * 2


@kernel(SgdUpdate, workspace=_scratch)
def sgd(call: Call) -> Run:
    """p -= η g."""
    pieces, rate, scratch = _pieces(call), call.inputs[0], call.workspace[0]
    scalar: Any = scratch.dtype.type

    def run() -> None:
        size = scalar(rate)
        for (p, g), factors in pieces:
            t = scratch[:len(p)]
            np.multiply(g, size, t)
            _descend(p, t, factors)
    return run


@kernel(MomentumUpdate, workspace=_scratch)
def momentum(call: Call) -> Run:
    """v = μ v + g; p -= η v, or η (g + μ v)."""
    pieces, rate, scratch, nesterov = _pieces(call), call.inputs[0], call.workspace[0], call.op.nesterov
    scalar: Any = scratch.dtype.type
    mu = scalar(call.op.momentum)

    def run() -> None:
        size = scalar(rate)
        for (p, g, v), factors in pieces:
            t = scratch[:len(p)]
            np.multiply(v, mu, v)
            np.add(v, g, v)
            if nesterov:
                np.multiply(v, mu, t)
                np.add(t, g, t)
                np.multiply(t, size, t)
            else:
                np.multiply(v, size, t)
            _descend(p, t, factors)
    return run


@kernel(AdamUpdate, workspace=_two_scratch)
def adam(call: Call) -> Run:
    """m, v, and p -= η̂ m / (√v · c + ε)."""
    op: AdamUpdate = call.op
    pieces, (rate, step), (first, second) = _pieces(call), call.inputs[:2], call.workspace
    scalar: Any = first.dtype.type
    beta1, beta2, epsilon = map(scalar, (op.beta1, op.beta2, op.epsilon))
    rest1, rest2 = scalar(1 - op.beta1), scalar(1 - op.beta2)

    def run() -> None:
        corrected, root = op.corrections(int(step))
        size, root = scalar(rate * corrected), scalar(root)
        for (p, g, m, v), factors in pieces:
            s, t = first[:len(p)], second[:len(p)]
            np.multiply(m, beta1, m)
            np.multiply(g, rest1, t)
            np.add(m, t, m)
            np.multiply(v, beta2, v)
            np.multiply(g, rest2, t)
            np.multiply(t, g, t)
            np.add(v, t, v)
            np.sqrt(v, t)
            np.multiply(t, root, t)
            np.add(t, epsilon, t)
            np.multiply(m, size, s)
            np.divide(s, t, s)
            _descend(p, s, factors)
    return run
