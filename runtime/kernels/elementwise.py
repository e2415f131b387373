"""Element-wise kernels. Each may write over the inputs that its op lists as `inplace`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphnet.compiler.op import Op
from graphnet.compiler.ops import (
    Add,
    Advance,
    BiasAdd,
    Copy,
    Expand,
    Full,
    Multiply,
    Relu,
    ReluGrad,
    Scale,
    Sigmoid,
    SigmoidGrad,
    Subtract,
    Tanh,
    TanhGrad,
)
from graphnet.compiler.ops.linear import along_axis
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.flat import cut_alike
from graphnet.runtime.kernels.registry import Array, Call, Run, bind_reference, kernel, void

PIECE = 1 << 16  # elements that are worked on at a time where a step needs scratch memory
CLIP_FROM = 4096  # elements; below, the call itself costs more than the loop
BINARY = {Add: np.add, Subtract: np.subtract, Multiply: np.multiply}


@kernel(Add, Subtract, Multiply)
def binary(call: Call) -> Run:
    """a ∘ b in one call of NumPy."""
    function, (a, b), (y,) = BINARY[type(call.op)], call.inputs, call.outputs
    return lambda: void(function(a, b, y))


@kernel(Scale)
def scale(call: Call) -> Run:
    """factor · x."""
    (x,), (y,) = call.inputs, call.outputs
    factor = x.dtype.type(call.op.factor)
    return lambda: void(np.multiply(x, factor, y))


@kernel(Copy)
def copy(call: Call) -> Run:
    """x into memory of its own."""
    (x,), (y,) = call.inputs, call.outputs
    return lambda: np.copyto(y, x)


@kernel(Advance)
def advance(call: Call) -> Run:
    """The new state over the old."""
    new, (y,) = call.inputs[1], call.outputs
    return lambda: np.copyto(y, new)


@kernel(Full)
def full(call: Call) -> Run:
    """A number everywhere."""
    (y,), value = call.outputs, call.op.value
    return lambda: y.fill(value)


@kernel(Expand)
def expand(call: Call) -> Run:
    """g spread over axes, scaled if it reverses a mean."""
    (g,), (y,), op = call.inputs, call.outputs, call.op
    spread = np.expand_dims(g, op.axes)
    if not op.mean:
        return lambda: np.copyto(y, spread)
    factor = g.dtype.type(1 / max(y.size // max(g.size, 1), 1))
    return lambda: void(np.multiply(spread, factor, y))


@kernel(BiasAdd)
def bias_add(call: Call) -> Run:
    """x + b along an axis."""
    (x, b), (y,) = call.inputs, call.outputs
    bias = along_axis(b, call.op.axis, x.ndim)
    return lambda: void(np.add(x, bias, y))


@kernel(Relu)
def relu(call: Call) -> Run:
    """max(x, 0). Large arrays go through clip, whose loop NumPy vectorises for a scalar bound; NaN stays NaN."""
    (x,), (y,) = call.inputs, call.outputs
    zero, infinity = x.dtype.type(0), x.dtype.type(np.inf)
    if x.size < CLIP_FROM:
        return lambda: void(np.maximum(x, zero, out=y))
    return lambda: void(np.clip(x, zero, infinity, out=y))


def _mask(op: ReluGrad, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return (TensorType("bool", (min(outputs[0].type.size, PIECE),)),)


def _piece(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return (TensorType(outputs[0].dtype, (min(outputs[0].type.size, PIECE),)),)


def _by_pieces(call: Call, work: Callable[[Array, Array, Array, Array], None]) -> Run:
    """Runs `work(gradient, y, result, scratch)` on each piece of the operands, which have one shape and layout."""
    pieces = cut_alike([*call.inputs, *call.outputs], PIECE)
    if pieces is None:
        return bind_reference(call)
    scratch = call.workspace[0]

    def run() -> None:
        for g, y, out in pieces:
            work(g, y, out, scratch[:len(out)])
    return run


@kernel(ReluGrad, workspace=_mask)
def relu_grad(call: Call) -> Run:
    """g where y > 0."""
    zero = call.inputs[1].dtype.type(0)

    def work(g: Array, y: Array, out: Array, positive: Array) -> None:
        np.greater(y, zero, positive)
        np.multiply(g, positive, out)
    return _by_pieces(call, work)


@kernel(Sigmoid)
def sigmoid(call: Call) -> Run:
    """(1 + tanh(x / 2)) / 2."""
    (x,), (y,) = call.inputs, call.outputs
    half = x.dtype.type(0.5)

    def run() -> None:
        np.multiply(x, half, y)
        np.tanh(y, y)
        np.multiply(y, half, y)
        np.add(y, half, y)
    return run


@kernel(SigmoidGrad, workspace=_piece)
def sigmoid_grad(call: Call) -> Run:
    """g y (1 - y)."""
    one = call.inputs[1].dtype.type(1)

    def work(g: Array, y: Array, out: Array, scratch: Array) -> None:
        np.subtract(one, y, scratch)
        np.multiply(scratch, y, scratch)
        np.multiply(g, scratch, out)
    return _by_pieces(call, work)


@kernel(Tanh)
def tanh(call: Call) -> Run:
    """tanh(x)."""
    (x,), (y,) = call.inputs, call.outputs
    return lambda: void(np.tanh(x, y))


@kernel(TanhGrad, workspace=_piece)
def tanh_grad(call: Call) -> Run:
    """g (1 - y²)."""
    one = call.inputs[1].dtype.type(1)

    def work(g: Array, y: Array, out: Array, scratch: Array) -> None:
        np.multiply(y, y, scratch)
        np.subtract(one, scratch, scratch)
        np.multiply(g, scratch, out)
    return _by_pieces(call, work)
