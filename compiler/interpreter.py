"""The reference interpreter: runs `Op.forward` over any Graph, with no optimisation. The oracle for everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphnet.compiler.errors import GraphError
from graphnet.compiler.ir import Graph, Input, Parameter, State
from graphnet.compiler.op import as_type
from graphnet.compiler.results import check_results, is_foreign
from graphnet.compiler.types import Array, TensorType, concrete


def interpret(graph: Graph, feeds: Mapping[str, Array],
              change: Callable[[Array], Array] = lambda x: x) -> dict[int, Array]:
    """Computes every value of a graph.

    Args:
        graph: may have symbolic dims; the shapes of the arrays count.
        feeds: an array for each input, parameter and state, by name. A state that is not fed starts from its
            `initial` number.
        change: what becomes of each result before others use it.

    Returns:
        The array of every value id. The new value of a state is under `state.next`.

    Raises:
        GraphError: an input or parameter is not fed.
    """
    fed: tuple[Input | Parameter, ...] = (*graph.inputs, *graph.parameters)
    values = {item.value: _feed(graph, item, feeds) for item in fed}
    dims = {symbol: size for item in graph.inputs
            for symbol, size in zip(graph.types[item.value].shape, values[item.value].shape, strict=True)
            if isinstance(symbol, str)}
    values |= {state.value: _state(state, graph.types[state.value].bind(dims), feeds) for state in graph.states}
    for node in graph.nodes:
        op, arrays = node.op.bind(dims), [values[v] for v in node.inputs]
        results = op.forward(*arrays)
        if is_foreign(op):
            check_results(op, results, op.infer(*map(as_type, arrays)), node.origin)
        values.update(zip(node.outputs, map(change, results), strict=True))
    return values


def _state(state: State, type: TensorType, feeds: Mapping[str, Array]) -> Array:
    if state.name in feeds:
        return np.asarray(feeds[state.name])
    return np.full(concrete(type.shape), state.initial, type.dtype)


def _feed(graph: Graph, item: Input | Parameter, feeds: Mapping[str, Array]) -> Array:
    if item.name in feeds:
        return np.asarray(feeds[item.name])
    kind = "input" if isinstance(item, Input) else "parameter"
    raise GraphError(f"graph {graph.name} needs an array for its {kind} {item.name!r}")
