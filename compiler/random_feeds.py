"""Random arrays for all that a graph reads: of ordinary size, in the domain of every op, indices within their range.

The array of a name depends on the seed, the name and the shape only, so that two graphs get the same.
"""

from __future__ import annotations

import math
import zlib

import numpy as np

from graphnet.compiler.ir import Graph, Input, Node, Parameter, State
from graphnet.compiler.types import BATCH, Array, Dims, concrete

Item = Input | Parameter | State
_BATCH, _OTHERS = 3, 6


def small_dims(graph: Graph) -> dict[str, int]:
    """A small number for each symbol, all different, so that no two are mistaken for one another."""
    return {BATCH: _BATCH} | {symbol: _OTHERS + i for i, symbol in enumerate(graph.free_dims)}


def random_feeds(graph: Graph, dims: Dims, seed: int = 0) -> dict[str, Array]:
    """An array for each input, parameter and state of a graph, by name.

    Inputs and float states are uniform on [0.05, 0.95), which every op and loss takes; weights are normal, scaled by
    the fan-in so that activations keep their size. Integers that index something are drawn from what they may index.
    """
    items: tuple[Item, ...] = graph.given
    return {item.name: _draw(graph, item, dims, np.random.default_rng([seed, zlib.crc32(item.name.encode())]))
            for item in items}


def _draw(graph: Graph, item: Item, dims: Dims, rng: np.random.Generator) -> Array:
    t = graph.types[item.value].bind(dims)
    shape = concrete(t.shape)
    if t.dtype == "bool":
        return rng.random(shape) < 0.5
    if not t.is_float:
        least, most = (0, 1 << 30) if isinstance(item, State) else index_range(graph, item.value, dims)
        return np.asarray(rng.integers(least, most, shape, endpoint=True)).astype(t.dtype)
    if isinstance(item, Parameter) and len(shape) > 1:
        fan_in = math.prod(shape) // (shape[0] if len(shape) > 2 else shape[-1])
        return np.asarray(rng.standard_normal(shape) * (2 / max(fan_in, 1)) ** 0.5).astype(t.dtype)
    return np.asarray(rng.uniform(0.05, 0.95, shape)).astype(t.dtype)


def index_range(graph: Graph, value: int, dims: Dims) -> tuple[int, int]:
    """The least and the greatest number that an integer input may hold, as far as its readers tell."""
    ranges = [_read_range(graph, node, value, dims) for node in graph.uses.get(value, ())]
    found = [r for r in ranges if r]
    if found:
        return max(least for least, _ in found), min(most for _, most in found)
    return (1, 3) if graph.types[value].rank == 0 else (0, 1)  # a scalar counts steps; two classes there always are


def _read_range(graph: Graph, node: Node, value: int, dims: Dims) -> tuple[int, int] | None:
    types = [graph.types[v].bind(dims) for v in node.inputs]
    position = node.inputs.index(value)
    if node.op.view:
        return index_range(graph, node.outputs[0], dims) if graph.uses.get(node.outputs[0]) else None
    least, most = node.op.index_ranges(*types).get(position, ("", ""))
    if isinstance(least, int) and isinstance(most, int):
        return least, most
    # Class numbers (…) that stand beside rows (…, classes).
    rows = [t.shape[-1] for t in types if t.is_float and t.rank and t.shape[:-1] == types[position].shape]
    return (0, rows[0] - 1) if rows and isinstance(rows[0], int) else None
