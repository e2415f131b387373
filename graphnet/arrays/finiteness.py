"""Whether the numbers that are fed are finite where the network needs them, and whether its loss still is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import DataError, DivergenceError
from graphnet.compiler.ir import Graph
from graphnet.compiler.ops.recurrent import Recurrent
from graphnet.compiler.types import BATCH, Array

BLOCK = 1 << 16  # elements looked at together: the scratch that a check takes, whatever the size of the array


@dataclass(frozen=True, slots=True)
class FiniteInput:
    """Input `name` may hold what is finite in `dtype`; behind the lengths that input `lengths` says, anything."""

    name: str
    dtype: np.dtype[Any]
    lengths: str | None

    def check(self, arrays: Mapping[str, Array]) -> None:
        """Refuses what is fed, already of the right shape, if it holds other numbers.

        Raises:
            DataError: see `check_finite`.
        """
        lengths = None if self.lengths is None else arrays[self.lengths]
        check_finite("input", self.name, arrays[self.name], self.dtype, lengths)


def finite_inputs(graph: Graph) -> tuple[FiniteInput, ...]:
    """What must be finite of the inputs of a graph that have samples."""
    padded, types = _padded_inputs(graph), {item.name: graph.types[item.value] for item in graph.inputs}
    return tuple(FiniteInput(name, np.dtype(t.dtype), padded.get(name)) for name, t in types.items()
                 if t.is_float and BATCH in t.shape)


def check_finite(kind: str, name: str, array: Array, dtype: np.dtype[Any], lengths: Array | None = None) -> None:
    """Refuses numbers that are not finite in the dtype that the network computes in.

    Args:
        kind: of what holds them, for the text: "input".
        name: its name.
        array: in any dtype; float64 may hold numbers that are infinite in float32.
        dtype: that they are converted to.
        lengths: (N,), of an array (N, T, …): what stands at or behind a sequence's length may be anything.

    Raises:
        DataError: the text names the first bad one, and says how many there are.
    """
    if array.dtype.kind != "f":
        return
    flat, count, first = array.reshape(-1), 0, -1
    for start in range(0, flat.size, BLOCK):
        block = flat[start:start + BLOCK]
        finite = _is_finite(block, dtype)
        if np.count_nonzero(finite) == block.size:
            continue
        bad = np.flatnonzero(~finite) + start
        if lengths is not None:
            bad = bad[_inside(bad, array.shape, lengths)]
        first = int(bad[0]) if bad.size and not count else first
        count += bad.size
    if count:
        value = flat[first].item()
        place = [int(index) for index in np.unravel_index(first, array.shape)]
        why = "must be finite" if not math.isfinite(value) else f"must be finite in {dtype}"
        raise DataError(f"{kind} {name!r} holds {value!r} at {place}, but what is fed {why}; {count:,} of {flat.size:,}"
                        " are not. If it is meant, give gn.compile or gn.load allow_nonfinite=True")


def _is_finite(block: Array, dtype: np.dtype[Any]) -> NDArray[np.bool_]:
    """Which numbers are finite once they are converted."""
    if dtype.itemsize < block.dtype.itemsize:
        with np.errstate(over="ignore"):
            block = block.astype(dtype)
    return np.isfinite(block)


def _inside(places: NDArray[np.intp], shape: tuple[int, ...], lengths: Array) -> NDArray[np.bool_]:
    """Which of these places of an array (N, T, …) stand before the length of their sequence."""
    row = math.prod(shape[2:])
    inside: NDArray[np.bool_] = places // row % shape[1] < lengths[places // (row * shape[1])]
    return inside


def _padded_inputs(graph: Graph) -> dict[str, str]:
    """The inputs whose steps behind a length are never looked at, each with the input that says the lengths."""
    names = {item.value: item.name for item in graph.inputs}
    found: dict[str, str] = {}
    for node in graph.nodes:
        if isinstance(node.op, Recurrent) and len(node.inputs) > node.op.arity:
            sequence, lengths = node.inputs[0], names.get(node.inputs[node.op.arity])
            steps = graph.types[sequence].shape[:2]
            found |= {names[value]: lengths for value in graph.sources(sequence, lambda _: True)
                      if lengths and value in names and graph.types[value].shape[:2] == steps}
    return found


def check_loss(loss: float, step: int, epoch: int | None = None, history: Any = None) -> None:
    """Refuses a loss that is not finite, from which no training recovers.

    Raises:
        DivergenceError: the weights are by then those at the end of that step.
    """
    if not math.isfinite(loss):
        raise DivergenceError(loss, step, epoch, history)
