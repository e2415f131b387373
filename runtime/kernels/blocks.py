"""Ops that run their reference forward on blocks of samples, so that what they allocate does not grow with the batch.

For ops that treat each sample by itself, and for statistics, which add up over samples.
"""

from __future__ import annotations

import numpy as np

from graphnet.compiler.types import Array
from graphnet.runtime.kernels.flat import PIECE
from graphnet.runtime.kernels.registry import Call, Run, bind_reference, kernel_by_trait


def _cut(call: Call) -> list[tuple[tuple[Array, ...], slice]]:
    """The inputs in blocks of samples: about as many elements as stay in the cache, at least one sample."""
    samples = len(call.inputs[0])
    largest = max(array.size // max(samples, 1) for array in (*call.inputs, *call.outputs) if array.ndim)
    size = max(PIECE // max(largest, 1), 1)
    parts = [slice(start, start + size) for start in range(0, samples, size)]
    return [(tuple(array[part] for array in call.inputs), part) for part in parts]


@kernel_by_trait("samplewise")
def sample_by_sample(call: Call) -> Run:
    """Each block's results into their place."""
    if len(call.outputs) != 1 or len({array.shape[:1] for array in (*call.inputs, *call.outputs)}) != 1:
        return bind_reference(call)
    (out,), forward = call.outputs, call.forward
    blocks = [(inputs, out[part]) for inputs, part in _cut(call)]

    def run() -> None:
        for inputs, place in blocks:
            np.copyto(place, forward(*inputs, like=place))
    return run


@kernel_by_trait("statistic")
def statistic(call: Call) -> Run:
    """The sum of the blocks' statistics."""
    if len(call.outputs) != 1 or len({array.shape[:1] for array in call.inputs}) != 1:
        return bind_reference(call)
    (out,), forward = call.outputs, call.forward
    blocks = [inputs for inputs, _ in _cut(call)]

    def run() -> None:
        out.fill(0)
        for inputs in blocks:
            np.add(out, forward(*inputs, like=out), out)
    return run
