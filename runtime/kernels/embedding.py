"""Looking up rows, and adding gradients up by row: sorted by row, so that each row is one run of summands."""

from __future__ import annotations

import math

import numpy as np

from graphnet.compiler.ops import Embedding, EmbeddingGrad
from graphnet.compiler.ops.embedding import check_range
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels.registry import Call, Run, kernel


def _numbers(op: Embedding, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    rows = (0,) if outputs[0].layout == "rows" else outputs[0].shape
    return TensorType("int64", inputs[0].shape), TensorType(outputs[0].dtype, rows)


@kernel(Embedding, workspace=_numbers)
def embedding(call: Call) -> Run:
    """Takes the rows; into scratch first if the result is not stored in rows."""
    (indices, table), (y,), (numbers, rows) = call.inputs, call.outputs, call.workspace
    target = y if y.flags.c_contiguous else rows

    def run() -> None:
        check_range(call.op.name, indices, len(table))
        np.copyto(numbers, indices, casting="unsafe")
        np.take(table, numbers, 0, target, "clip")  # checked above; "raise" would allocate
        if target is not y:
            np.copyto(y, rows)
    return run


def _grad_scratch(op: EmbeddingGrad, inputs: tuple[Operand, ...],
                  outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    *places, features = inputs[1].shape
    count = math.prod(places)
    ints, floats = TensorType("int64", (count,)), TensorType(inputs[1].dtype, (count, features))
    return ints, ints, ints, ints, TensorType("bool", (count,)), floats, floats, floats


@kernel(EmbeddingGrad, workspace=_grad_scratch)
def embedding_grad(call: Call) -> Run:
    """Sorts row · count + place, unique numbers with one order only, and adds up each run of equal rows."""
    (indices, g), (table,), rows = call.inputs, call.outputs, call.op.rows
    keys, places, starts, targets, first, given, ordered, sums = call.workspace
    count = len(keys)
    numbers = np.arange(count)

    def run() -> None:
        table.fill(0)
        if not count:
            return
        check_range(call.op.name, indices, rows)
        np.copyto(given.reshape(g.shape), g)
        np.copyto(keys.reshape(indices.shape), indices, casting="unsafe")
        np.multiply(keys, count, keys)
        np.add(keys, numbers, keys)
        keys.sort()
        np.remainder(keys, count, places)
        np.floor_divide(keys, count, keys)
        np.take(given, places, 0, ordered, "clip")
        first[0] = True
        np.not_equal(keys[1:], keys[:-1], first[1:])
        runs = int(np.count_nonzero(first))
        starts.fill(count)
        np.copyto(starts, numbers, where=first)
        starts.sort()  # the places where a run begins, then `count` for the others
        np.add.reduceat(ordered, starts[:runs], 0, None, sums[:runs])
        np.take(keys, starts[:runs], 0, targets[:runs], "clip")
        table[targets[:runs]] = sums[:runs]
    return run
