"""Clipped gradients, constrained weights, penalties."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphnet.compiler.op import Op
from graphnet.compiler.ops import ClipGradients, MaxNorm, NonNegative, Penalty, PenaltyGrad, UnitNorm
from graphnet.compiler.ops.clipping import GLOBAL_NORM, NORM, VALUE
from graphnet.compiler.ops.constraints import SMALLEST
from graphnet.compiler.ops.norms import is_ordinary
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.flat import PIECE, cut, flat_runs, in_memory_order
from graphnet.runtime.kernels.registry import Call, Run, kernel, like, like_output, void


@kernel(ClipGradients)
def clip_gradients(call: Call) -> Run:
    """Over the flat gradient buffer, in pieces that stay in the cache; in place where that is where the results go."""
    op: ClipGradients = call.op
    if not op.count:
        return lambda: None
    moves = [(g, y) for g, y in zip(call.inputs, call.outputs, strict=True) if g.ctypes.data != y.ctypes.data]
    scalar: Any = call.outputs[0].dtype.type
    runs = [in_memory_order(y) for y in call.outputs] if op.by == NORM else flat_runs(call.outputs)
    groups = [cut(run) for run in runs]
    if op.by == GLOBAL_NORM:
        groups = [[piece for group in groups for piece in group]]
    low, high = scalar(-op.limit), scalar(op.limit)

    def run() -> None:
        for g, y in moves:
            np.copyto(y, g)
        for pieces in groups:
            if op.by == VALUE:
                for piece in pieces:
                    np.clip(piece, low, high, out=piece)
                continue
            for factor in _factors(op, pieces):
                for piece in pieces if factor != 1 else ():
                    np.multiply(piece, scalar(factor), piece)
    return run


def _factors(op: ClipGradients, pieces: list[Array]) -> tuple[float, ...]:
    """What the gradients in these pieces are multiplied by; twice, if their squares are more than the dtype has."""
    with np.errstate(over="ignore"):
        square = sum(float(np.dot(piece, piece)) for piece in pieces)
    return (op.factor(square),) if square < math.inf else op.factors(pieces)


@kernel(NonNegative)
def non_negative(call: Call) -> Run:
    """max(w, 0)."""
    (w,), (y,) = call.inputs, call.outputs
    zero = w.dtype.type(0)
    return lambda: void(np.maximum(w, zero, out=y))


def _squares_and_norms(op: UnitNorm | MaxNorm, inputs: tuple[Operand, ...],
                       outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    (w,) = inputs
    norms = tuple(1 if axis in op.axes else dim for axis, dim in enumerate(w.shape))
    return w.type, TensorType(w.dtype, norms)


@kernel(UnitNorm, MaxNorm, workspace=_squares_and_norms)
def norm_constraint(call: Call) -> Run:
    """w / ‖w‖, or w · c / max(‖w‖, c)."""
    (w,), (y,), (flat, norms), op = call.inputs, call.outputs, call.workspace, call.op
    squares, axes, limit = like(w, flat), op.axes, getattr(op, "limit", None)
    least = w.dtype.type(SMALLEST if limit is None else limit)

    def run() -> None:
        with np.errstate(over="ignore"):
            np.multiply(w, w, squares)
            np.sum(squares, axes, out=norms, keepdims=True)
        np.sqrt(norms, norms)
        np.maximum(norms, least, out=norms)
        if not is_ordinary(norms):
            np.copyto(y, op.forward(w)[0])
            return
        if limit is None:
            np.divide(w, norms, y)
            return
        np.divide(least, norms, norms)
        np.multiply(w, norms, y)
    return run


def _piece(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return (TensorType(inputs[0].dtype, (PIECE,)),)


@kernel(Penalty, workspace=_piece)
def penalty(call: Call) -> Run:
    """λ₁ Σ |x| + λ₂ Σ x², piece by piece."""
    (x,), (y,), (scratch,) = call.inputs, call.outputs, call.workspace
    l1, l2 = call.op.shares(x)
    pieces = cut(in_memory_order(x))

    def run() -> None:
        total = 0.0
        for piece in pieces:
            if l2:
                total += l2 * float(np.dot(piece, piece))
            if l1:
                absolute = np.abs(piece, scratch[:len(piece)])
                total += l1 * float(absolute.sum())
        y[...] = total
    return run


@kernel(PenaltyGrad, workspace=like_output)
def penalty_grad(call: Call) -> Run:
    """g (λ₁ sign(x) + 2 λ₂ x)."""
    (g, x), (out,), (flat,) = call.inputs, call.outputs, call.workspace
    l1, l2 = map(x.dtype.type, call.op.shares(x))
    signs, double = like(x, flat), l2 + l2

    def run() -> None:
        if not l1:
            np.multiply(x, g * double, out)
            return
        np.sign(x, signs)
        np.multiply(signs, l1, signs)
        np.multiply(x, double, out)
        np.add(out, signs, out)
        np.multiply(out, g, out)
    return run
