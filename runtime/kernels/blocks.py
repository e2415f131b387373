"""Ops that run their reference forward on blocks of samples, so that what they allocate does not grow with the batch.

For ops that treat each sample by itself, and for statistics, which add up over samples.
"""

from __future__ import annotations

import numpy as np

from graphnet.compiler.ops import (
    AbsoluteError,
    AbsoluteErrorGrad,
    AddUp,
    BinaryCrossEntropy,
    BinaryCrossEntropyGrad,
    CosineDistance,
    CosineDistanceGrad,
    CountCorrect,
    CountDecisions,
    CountPairs,
    CrossEntropy,
    CrossEntropyGrad,
    Hinge,
    HingeGrad,
    Huber,
    HuberGrad,
    LabelRows,
    NegativeEntropy,
    SigmoidCrossEntropy,
    SigmoidCrossEntropyGrad,
    SmoothLabels,
)
from graphnet.runtime.kernels.flat import PIECE
from graphnet.runtime.kernels.registry import Array, Call, Run, kernel


def _cut(call: Call) -> list[tuple[tuple[Array, ...], slice]]:
    """The inputs in blocks of samples: about as many elements as stay in the cache, at least one sample."""
    samples = len(call.inputs[0])
    largest = max(array.size // max(samples, 1) for array in (*call.inputs, *call.outputs) if array.ndim)
    size = max(PIECE // max(largest, 1), 1)
    parts = [slice(start, start + size) for start in range(0, samples, size)]
    return [(tuple(array[part] for array in call.inputs), part) for part in parts]


@kernel(AbsoluteError, AbsoluteErrorGrad, BinaryCrossEntropy, BinaryCrossEntropyGrad, CosineDistance,
        CosineDistanceGrad, CrossEntropy, CrossEntropyGrad, Hinge, HingeGrad, Huber, HuberGrad, LabelRows,
        NegativeEntropy, SigmoidCrossEntropy, SigmoidCrossEntropyGrad, SmoothLabels)
def sample_by_sample(call: Call) -> Run:
    """Each block's results into their place."""
    (out,), forward = call.outputs, call.op.forward
    blocks = [(inputs, out[part]) for inputs, part in _cut(call)]

    def run() -> None:
        for inputs, place in blocks:
            np.copyto(place, forward(*inputs)[0])
    return run


@kernel(AddUp, CountCorrect, CountDecisions, CountPairs)
def statistic(call: Call) -> Run:
    """The sum of the blocks' statistics."""
    (out,), forward = call.outputs, call.op.forward
    blocks = [inputs for inputs, _ in _cut(call)]

    def run() -> None:
        out.fill(0)
        for inputs in blocks:
            np.add(out, forward(*inputs)[0], out)
    return run
