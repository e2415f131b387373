"""Moving elements between axes and blocks: transposes, nearest-neighbour upsampling and its reverse."""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import SumBlocks, Transpose, Upsample
from graphnet.compiler.types import Array
from graphnet.runtime.kernels.registry import Call, Run, kernel


@kernel(Transpose)
def transpose(call: Call) -> Run:
    """Copies x with its axes in another order."""
    (x,), (y,) = call.inputs, call.outputs
    source = x.transpose(call.op.axes)
    return lambda: np.copyto(y, source)


def places(array: Array, factors: tuple[int, ...]) -> list[Array]:
    """For each place in a block a view of all elements that stand there."""
    lead = (slice(None),) * (array.ndim - len(factors))
    return [array[(*lead, *(slice(offset, None, factor) for offset, factor in zip(place, factors, strict=True)))]
            for place in np.ndindex(factors)]


@kernel(Upsample)
def upsample(call: Call) -> Run:
    """Copies x to each place of the blocks."""
    (x,), (y,) = call.inputs, call.outputs
    targets = places(y, call.op.factors)

    def run() -> None:
        for target in targets:
            np.copyto(target, x)
    return run


@kernel(SumBlocks)
def sum_blocks(call: Call) -> Run:
    """Adds up the places of the blocks."""
    (x,), (y,) = call.inputs, call.outputs
    first, *others = places(x, call.op.factors)

    def run() -> None:
        np.copyto(y, first)
        for view in others:
            np.add(y, view, y)
    return run
