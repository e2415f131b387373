"""Whether the numbers that are fed are finite where the network needs them, and whether its loss still is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import DataError, DivergenceError
from graphnet.compiler.ir import Graph
from graphnet.compiler.ops.recurrent import Recurrent
from graphnet.compiler.types import Array

BLOCK = 1 << 16  # elements looked at together: the scratch that a check takes, whatever the size of the array


def check_finite(what: str, array: Array, dtype: str, lengths: Array | None = None) -> None:
    """Refuses numbers that are not finite in the dtype that the network computes in.

    Args:
        what: what holds them, for the text: `input 'x'`.
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
        finite = np.isfinite(_converted(flat[start:start + BLOCK], np.dtype(dtype)))
        if np.logical_and.reduce(finite):
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
        raise DataError(f"{what} holds {value!r} at {place}, but what is fed {why}; {count:,} of {flat.size:,} are "
                        "not. If it is meant, give gn.compile or gn.load allow_nonfinite=True")


def _converted(block: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.itemsize >= block.dtype.itemsize:
        return block
    with np.errstate(over="ignore"):  # what overflows is refused
        return block.astype(dtype)


def _inside(places: NDArray[np.intp], shape: tuple[int, ...], lengths: Array) -> NDArray[np.bool_]:
    """Which of these places of an array (N, T, …) stand before the length of their sequence."""
    row = math.prod(shape[2:])
    inside: NDArray[np.bool_] = places // row % shape[1] < lengths[places // (row * shape[1])]
    return inside


def padded_inputs(graph: Graph) -> dict[str, str]:
    """The inputs whose steps behind a length are never looked at, each with the input that says the lengths."""
    names = {item.value: item.name for item in graph.inputs}
    found: dict[str, str] = {}
    for node in graph.nodes:
        if isinstance(node.op, Recurrent) and len(node.inputs) > node.op.arity:
            sequence, lengths = node.inputs[0], names.get(node.inputs[node.op.arity])
            steps = graph.types[sequence].shape[:2]
            found |= {names[value]: lengths for value in _origins(graph, sequence)
                      if lengths and graph.types[value].shape[:2] == steps and value in names}
    return found


def _origins(graph: Graph, value: int) -> Iterator[int]:
    """The values that no node makes and that a value is computed from."""
    todo, seen = [value], {value}
    while todo:
        value = todo.pop()
        maker = graph.producers.get(value)
        if maker is None:
            yield value
            continue
        todo += [v for v in maker.inputs if v not in seen]
        seen.update(maker.inputs)


def check_inputs_finite(graph: Graph, arrays: Mapping[str, Array], padded: Mapping[str, str]) -> None:
    """Refuses inputs, already of the right shapes, whose numbers are not finite; `padded` is of `padded_inputs`.

    Raises:
        DataError: see `check_finite`.
    """
    for item in graph.inputs:
        if item.name in arrays:
            lengths = arrays[padded[item.name]] if item.name in padded else None
            check_finite(f"input {item.name!r}", arrays[item.name], graph.types[item.value].dtype, lengths)


def check_loss(loss: float, step: int, epoch: int | None = None, history: Any = None) -> None:
    """Refuses a loss that is not finite, from which no training recovers.

    Raises:
        DivergenceError: the weights are by then those at the end of that step.
    """
    if not math.isfinite(loss):
        raise DivergenceError(loss, step, epoch, history)
