"""Examples of the recurrent ops for the contract test: sequences of 7 steps in a batch of 3."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphnet.compiler.op import Array, Example, Op, as_type, f, f64
from graphnet.compiler.ops.recurrent import Recurrent

BATCH, STEPS, FEATURES, HIDDEN = 3, 7, 5, 2
LENGTHS = np.array([STEPS, 1, 0])


def cell_example(op: Recurrent, *more: int, lengths: bool = False) -> Example:
    """A recurrent op; `more` are the sizes of biases after the first."""
    wide = op.gates * HIDDEN
    states = [f64(BATCH, HIDDEN)] * op.states
    types = (f64(BATCH, STEPS, FEATURES), *states, f64(FEATURES, wide), f64(HIDDEN, wide), f64(wide),
             *(f64(size) for size in more), *([f("int64", BATCH)] if lengths else []))

    def values(rng: np.random.Generator) -> tuple[Array, ...]:
        return tuple(rng.uniform(-1, 1, t.shape) if t.is_float else LENGTHS for t in types)  # type: ignore[arg-type]
    return Example(op, types, values=values)


def gradient_example(cell: Example, grad: Op, picks: tuple[int, ...]) -> Example:
    """The gradient of a recurrent op: gradients of its states and results, its saved outputs `picks`, U, lengths."""
    op: Any = cell.op

    def values(rng: np.random.Generator) -> tuple[Array, ...]:
        given = cell.values(rng) if cell.values else ()
        outs = op.forward(*given)
        recurrent, lengths = given[2 + op.states], [a for a in given if a.dtype.kind == "i"]
        return (*(rng.uniform(-1, 1, y.shape) for y in outs[:op.states + 1]), *(outs[p] for p in picks), recurrent,
                *lengths)
    return Example(grad, tuple(map(as_type, values(np.random.default_rng(0)))), values=values)
