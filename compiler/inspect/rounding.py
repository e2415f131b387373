"""What rounding makes of a computation: measured by moving its numbers by a few rounding errors, not guessed.

Monte Carlo arithmetic (Parker, Pierce and Eggert 2000): where a sum cancels, what is left differs by rounding errors of
its summands, however small it is itself; numbers that are moved show it. One draw may cancel too, several do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from graphnet.compiler.types import Array

DRAWS = 4
STEPS = 8
"""A number moves by 1 to this many rounding errors."""
_GOLDEN = 0x9E3779B97F4A7C15  # 2⁶⁴ over the golden ratio (Knuth, TAOCP 6.4)


def moved(x: Array, seed: int) -> Array:
    """The array, each float up to `STEPS` rounding errors off, up or down, but for zeros; equal numbers move alike.

    So what is equal stays equal, and what is 0 stays 0: the ties of a pooling window and the zeros that a ReLU made are
    no matter of rounding, and which way they fall decides about whole gradients. A number keeps its sign.
    """
    if x.dtype.kind != "f":
        return x
    bits = np.asarray(x, order="C").view(f"u{x.dtype.itemsize}")
    hashed = (bits.astype(np.uint64) + np.uint64(seed * 2 + 1)) * np.uint64(_GOLDEN)  # as good as random
    hashed = (hashed ^ (hashed >> np.uint64(29))) * np.uint64(_GOLDEN)
    step = ((hashed >> np.uint64(32)) % np.uint64(STEPS) + np.uint64(1)).astype(bits.dtype)
    upwards = hashed >> np.uint64(63) == 1
    size = np.abs(x)
    grows = np.where(size < 1, upwards | (size < np.finfo(x.dtype).tiny), upwards & (size < np.finfo(x.dtype).max / 2))
    away = np.where(grows, bits + step, bits - step).view(x.dtype)
    return np.where((x == 0) | ~np.isfinite(x), x, away)


def mover(seed: int) -> Callable[[Array], Array]:
    """Moves the results of one operation after the other, each in its own way."""
    count = 0

    def move(x: Array) -> Array:
        nonlocal count
        count += 1
        return moved(x, DRAWS * count + seed)
    return move


def spread(value: Array, others: Iterable[Array]) -> float:
    """How far moving by one rounding error brings a result, at most: the largest difference that is finite."""
    gaps = [np.abs(np.subtract(value, other, dtype=np.float64)) for other in others]
    return max((float(gap[np.isfinite(gap)].max(initial=0)) for gap in gaps), default=0.0) * 2 / STEPS
