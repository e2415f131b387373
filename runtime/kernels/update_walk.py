"""The walk over the flat buffers that every optimizer's kernel is, in pieces that stay in the cache.

Each optimizer says what it does with a piece: it brings the moments up to date and leaves η · direction in the first
scratch array. Decay and descent are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from graphnet.compiler.ops import Update
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.flat import PIECE, cut, flat
from graphnet.runtime.kernels.registry import Array, Call, Run

Direct = Callable[..., None]
Prepare = Callable[[float, int], Direct]
"""From the learning rate and the step to what is done with (gradient, *moments, first scratch, second scratch)."""


def two_pieces(op: Update, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """Two scratch arrays of a piece each."""
    return (TensorType(outputs[0].dtype, (PIECE,)),) * 2


def walk(call: Call, prepare: Prepare) -> Run:
    """Runs an optimizer over all pieces."""
    op: Update = call.op
    n = op.count
    weights, gradients, moments = call.inputs[2:2 + n], call.inputs[2 + n:2 + 2 * n], call.inputs[2 + 2 * n:]
    buffers = [flat(weights), flat(gradients), *moments]
    groups = [(factor, decay, list(zip(*(cut(a[part]) for a in buffers), strict=True)))
              for factor, decay, part in _groups(op, weights)]
    (rate, step), (first, second) = call.inputs[:2], call.workspace
    scalar: Any = first.dtype.type

    def run() -> None:
        for factor, decay, pieces in groups:
            eta = float(rate) * factor
            direct, keep = prepare(eta, int(step)), scalar(1 - eta * decay)
            for p, *rest in pieces:
                s, t = first[:len(p)], second[:len(p)]
                if decay:
                    np.multiply(p, keep, p)
                direct(*rest, s, t)
                np.subtract(p, s, p)
    return run


def _groups(op: Update, weights: Sequence[Array]) -> Iterator[tuple[float, float, slice]]:
    """Rate and decay of each run of neighbours that agree in both, and where it lies in the flat buffers."""
    rates, decays = op.rates or (1.0,) * op.count, op.decays or (0.0,) * op.count
    start = 0
    for (rate, decay), group in groupby(zip(rates, decays, weights, strict=True), lambda item: item[:2]):
        stop = start + sum(weight.size for _, _, weight in group)
        yield rate, decay, slice(start, stop)
        start = stop


def follow(average: Array, share: Any, rest: Any, new: Array, scratch: Array) -> None:
    """average ← share · average + rest · new."""
    np.multiply(average, share, average)
    np.multiply(new, rest, scratch)
    np.add(average, scratch, average)
