"""Random masks and noise, drawn into planned memory in row-major order, whatever the layout of the result."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.op import Op
from graphnet.compiler.ops import ApplyMask, GaussianNoise, RandomMask
from graphnet.compiler.ops.noise import generator, next_counter
from graphnet.compiler.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.registry import Call, Run, kernel

PIECE = 1 << 13  # numbers drawn at a time; even, so that a piece ends where a word of the generator does


def _mask_workspace(op: RandomMask, inputs: tuple[Operand, ...],
                    outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """A piece of uniform numbers, and the mask in rows if it is stored otherwise."""
    mask = outputs[0]
    return TensorType("float32", (PIECE,)), TensorType("bool", (0,) if mask.layout == "rows" else mask.shape)


@kernel(RandomMask, workspace=_mask_workspace)
def random_mask(call: Call) -> Run:
    """u ≥ rate, piece by piece."""
    (counter,), (mask, following), (numbers, rows) = call.inputs, call.outputs, call.workspace
    direct = rows.size != mask.size
    flat = (mask if direct else rows).reshape(-1)
    pieces = [flat[start:start + PIECE] for start in range(0, flat.size, PIECE)]
    rate = numbers.dtype.type(call.op.rate)

    def run() -> None:
        stream = generator(counter)
        for piece in pieces:
            drawn = numbers[:piece.size]
            stream.random(out=drawn, dtype=numbers.dtype)
            np.greater_equal(drawn, rate, piece)
        if not direct:
            np.copyto(mask, rows)
        np.copyto(following, next_counter(counter))
    return run


@kernel(ApplyMask)
def apply_mask(call: Call) -> Run:
    """x · mask · factor."""
    (x, mask), (y,) = call.inputs, call.outputs
    factor = x.dtype.type(call.op.factor)

    def run() -> None:
        np.multiply(x, mask, y)
        np.multiply(y, factor, y)
    return run


def _noise_workspace(op: Op, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    return (outputs[0].type,)


@kernel(GaussianNoise, workspace=_noise_workspace)
def gaussian_noise(call: Call) -> Run:
    """x + stddev · n."""
    (x, counter), (y, following), (noise,) = call.inputs, call.outputs, call.workspace
    stddev = x.dtype.type(call.op.stddev)

    def run() -> None:
        generator(counter).standard_normal(out=noise, dtype=noise.dtype)
        np.multiply(noise, stddev, noise)
        np.add(x, noise, y)
        np.copyto(following, next_counter(counter))
    return run
