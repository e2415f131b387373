"""Random masks and noise, drawn into planned memory in row-major order, whatever the layout of the result."""

from __future__ import annotations

from functools import partial

import numpy as np

from graphnet.compiler.op import Op
from graphnet.compiler.ops import GaussianNoise, RandomMask
from graphnet.compiler.ops.noise import generator, next_counter
from graphnet.compiler.planning.program import Operand, row_strides
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.registry import Call, Run, kernel
from graphnet.runtime.kernels.walk import cuts, piece

PIECE, FRUGAL_PIECE = 1 << 13, 1 << 10  # numbers drawn at a time


def _mask_workspace(op: RandomMask, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...],
                    size: int = PIECE) -> tuple[TensorType, ...]:
    """A piece of uniform numbers."""
    return (TensorType("float32", (min(size, outputs[0].type.size),)),)


@kernel(RandomMask, workspace=_mask_workspace, frugal=partial(_mask_workspace, size=FRUGAL_PIECE))
def random_mask(call: Call) -> Run:
    """u ≥ rate, piece by piece."""
    (counter,), (mask, following), (numbers,) = call.inputs, call.outputs, call.workspace
    rows = Operand(mask.dtype.name, mask.shape, row_strides(mask.shape, mask.dtype.name))
    places = [piece(mask, cut) for cut in cuts(rows, max(numbers.size, 1))]
    steps = [(place, numbers[:place.size], numbers[:place.size].reshape(place.shape)) for place in places]
    rate = numbers.dtype.type(call.op.rate)

    def run() -> None:
        stream = generator(counter)
        for place, drawn, shaped in steps:
            stream.random(out=drawn, dtype=drawn.dtype)
            np.greater_equal(shaped, rate, place)
        np.copyto(following, next_counter(counter))
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
