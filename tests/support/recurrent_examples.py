"""Examples of the recurrent ops, whose inputs have to fit one another: sequences of 7 steps in a batch of 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphnet.compiler.op import Example, Op, as_type, f, f64
from graphnet.compiler.ops import Gru, GruGrad, Lstm, LstmGrad, SimpleRnn, SimpleRnnGrad
from graphnet.compiler.ops.recurrent import Recurrent
from graphnet.compiler.types import Array

BATCH, STEPS, FEATURES, HIDDEN = 3, 7, 5, 2
LENGTHS = np.array([STEPS, 1, 0])


def cell(op: Recurrent, *more: int, lengths: bool = False) -> Example:
    """A recurrent op; `more` are the sizes of biases after the first."""
    wide = op.gates * HIDDEN
    states = [f64(BATCH, HIDDEN)] * op.states
    types = (f64(BATCH, STEPS, FEATURES), *states, f64(FEATURES, wide), f64(HIDDEN, wide), f64(wide),
             *(f64(size) for size in more), *([f("int64", BATCH)] if lengths else []))

    def values(rng: np.random.Generator) -> tuple[Array, ...]:
        return tuple(rng.uniform(-1, 1, t.shape) if t.is_float else LENGTHS for t in types)  # type: ignore[arg-type]
    return Example(op, types, values=values)


def gradient(forward: Example, grad: Op, picks: tuple[int, ...]) -> Example:
    """The gradient of a recurrent op: gradients of its states and results, its saved outputs `picks`, U, lengths."""
    op: Any = forward.op

    def values(rng: np.random.Generator) -> tuple[Array, ...]:
        given = forward.values(rng) if forward.values else ()
        outs = op.forward(*given)
        recurrent, lengths = given[2 + op.states], [a for a in given if a.dtype.kind == "i"]
        return (*(rng.uniform(-1, 1, y.shape) for y in outs[:op.states + 1]), *(outs[p] for p in picks), recurrent,
                *lengths)
    return Example(grad, tuple(map(as_type, values(np.random.default_rng(0)))), values=values)


EXAMPLES: dict[type[Op], Sequence[Example]] = {
    SimpleRnn: (
        cell(SimpleRnn(sequences=True)),
        cell(SimpleRnn(reverse=True, sequences=True), lengths=True),
        cell(SimpleRnn(saved=False)),
        cell(SimpleRnn(activation="relu"), lengths=True),
    ),
    SimpleRnnGrad: (
        gradient(cell(SimpleRnn(sequences=True)), SimpleRnnGrad(), (3,)),
        gradient(cell(SimpleRnn(reverse=True, activation="relu"), lengths=True), SimpleRnnGrad(True, 2, "relu"), (3,)),
    ),
    Lstm: (
        cell(Lstm(sequences=True)),
        cell(Lstm(reverse=True, sequences=True), lengths=True),
        cell(Lstm(saved=False)),
        cell(Lstm(), lengths=True),
    ),
    LstmGrad: (
        gradient(cell(Lstm(sequences=True)), LstmGrad(), (4, 5)),
        gradient(cell(Lstm(reverse=True), lengths=True), LstmGrad(True, 2), (4, 5)),
        gradient(cell(Lstm(sequences=True), lengths=True), LstmGrad(truncate=3), (4, 5)),
    ),
    Gru: (
        cell(Gru(sequences=True), HIDDEN),
        cell(Gru(reverse=True, sequences=True, reset_after=False), HIDDEN, lengths=True),
        cell(Gru(saved=False), HIDDEN),
        cell(Gru(), HIDDEN, lengths=True),
    ),
    GruGrad: (
        gradient(cell(Gru(sequences=True), HIDDEN), GruGrad(), (3, 2)),
        gradient(cell(Gru(reverse=True), HIDDEN, lengths=True), GruGrad(True, 2), (3, 2)),
        gradient(cell(Gru(reset_after=False, sequences=True), HIDDEN, lengths=True),
                 GruGrad(truncate=3, reset_after=False), (3, 2)),
    ),
}
