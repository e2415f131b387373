"""The walk over the flat buffers that every optimizer's step is, by its rule and in pieces that stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from graphnet.compiler.ops import Update
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels.expression_plan import Plan, plan
from graphnet.runtime.kernels.expressions import bind_plan, registers
from graphnet.runtime.kernels.flat import PIECE, cut, flat
from graphnet.runtime.kernels.registry import Call, Run, kernel_by_trait, sequence


def _plan(op: Update, decayed: bool) -> Plan:
    formula = op.formula_of(decayed)
    if formula is None:
        raise TypeError(f"{op.name} has no rule")
    return plan(formula, ((0,), *((2 + i,) for i in range(len(op.moments)))))


def _workspace(op: Update, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> tuple[TensorType, ...]:
    """A piece for each register; weight decay needs none more."""
    return registers(_plan(op, decayed=False), outputs[0].dtype, PIECE)


@kernel_by_trait("update", workspace=_workspace)
def update(call: Call) -> Run:
    """New weights and moments over the old, group by group of weights that agree in rate and decay."""
    op: Update = call.op
    n = op.count
    weights, gradients, moments = call.inputs[2:2 + n], call.inputs[2 + n:2 + 2 * n], call.inputs[2 + 2 * n:]
    buffers = [flat(weights), flat(gradients), *moments]
    groups = []
    for factor, decay, part in _groups(op, weights):
        scalars = [np.zeros((), weights[0].dtype) for _ in (*op.numbers(1.0, 1), decay)]
        wanted, given = _plan(op, bool(decay)), scalars if decay else scalars[:-1]
        pieces = [([p, g, *kept, *given], [p, *kept])
                  for p, g, *kept in zip(*(cut(buffer[part]) for buffer in buffers), strict=True)]
        groups.append((factor, decay, scalars, sequence(bind_plan(wanted, pieces, call.workspace))))
    rate, count = call.inputs[:2]

    def run() -> None:
        for factor, decay, scalars, walk in groups:
            eta = float(rate) * factor
            for scalar, number in zip(scalars, (*op.numbers(eta, int(count)), 1 - eta * decay), strict=True):
                scalar[...] = number
            walk()
    return run


def _groups(op: Update, weights: Sequence[Array]) -> Iterator[tuple[float, float, slice]]:
    """Rate and decay of each run of neighbours that agree in both, and where it lies in the flat buffers."""
    rates, decays = op.rates or (1.0,) * op.count, op.decays or (0.0,) * op.count
    start = 0
    for (rate, decay), group in groupby(zip(rates, decays, weights, strict=True), lambda item: item[:2]):
        stop = start + sum(weight.size for _, _, weight in group)
        yield rate, decay, slice(start, stop)
        start = stop
