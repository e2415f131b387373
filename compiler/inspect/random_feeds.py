"""Random arrays for all that a graph reads: of ordinary size, in the domain of every op, indices within their range.

The array of a name depends on the seed, the name, the shape and the range only, so that two graphs get the same.
"""

from __future__ import annotations

import math
import zlib

import numpy as np

from graphnet.compiler.index_ranges import index_ranges
from graphnet.compiler.ir import COUNTER, Graph, Input, Parameter, State
from graphnet.compiler.rewrite import bind_graph
from graphnet.compiler.types import BATCH, Array, Dims, TensorType, concrete

Item = Input | Parameter | State
Range = tuple[int, int]
_BATCH, _OTHERS = 3, 6
_FEW = 2  # a number without a greatest is drawn from the least on and so many more
_COUNTS, _ANY = (0, 1 << 30), (0, 1)  # of random counters; of integers that no op says anything about


def small_dims(graph: Graph) -> dict[str, int]:
    """A small number for each symbol, all different, so that no two are mistaken for one another."""
    return {BATCH: _BATCH} | {symbol: _OTHERS + i for i, symbol in enumerate(graph.free_dims)}


def random_feeds(graph: Graph, dims: Dims, seed: int = 0) -> dict[str, Array]:
    """An array for each input, parameter and state of a graph, by name.

    Inputs and float states are uniform on [0.05, 0.95), which every op and loss takes; weights are normal, scaled by
    the fan-in so that activations keep their size. Integers are drawn from what the ops that read them say they may be
    (see `Op.index_ranges`).
    """
    graph = bind_graph(graph, dims)
    ranges = number_ranges(graph)
    return {item.name: _draw(item, graph.types[item.value], ranges.get(item.name),
                             np.random.default_rng([seed, zlib.crc32(item.name.encode())])) for item in graph.given}


def number_ranges(graph: Graph) -> dict[str, Range]:
    """The least and the greatest number for each input, parameter and state whose readers demand something.

    Args:
        graph: without symbols.
    """
    ranges: dict[str, Range] = {}
    for found in index_ranges(graph, graph.given):
        least = int(found.least)
        most = least + _FEW if found.most is None else int(found.most)
        low, high = ranges.get(found.name, (least, most))
        ranges[found.name] = max(low, least), min(high, most)
    return ranges


def _draw(item: Item, t: TensorType, allowed: Range | None, rng: np.random.Generator) -> Array:
    shape = concrete(t.shape)
    if t.dtype == "bool":
        return rng.random(shape) < 0.5
    if not t.is_float:
        counts = isinstance(item, State) and item.role == COUNTER
        least, most = allowed or (_COUNTS if counts else _ANY)
        return np.asarray(rng.integers(least, most, shape, endpoint=True)).astype(t.dtype)
    if isinstance(item, Parameter) and len(shape) > 1:
        fan_in = math.prod(shape) // (shape[0] if len(shape) > 2 else shape[-1])
        return np.asarray(rng.standard_normal(shape) * (2 / max(fan_in, 1)) ** 0.5).astype(t.dtype)
    return np.asarray(rng.uniform(0.05, 0.95, shape)).astype(t.dtype)
