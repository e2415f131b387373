"""What passes share: renaming values, binding symbols, changing the dtype, checking a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphnet.compiler.errors import GraphError
from graphnet.compiler.ir import Graph, Node
from graphnet.compiler.types import FLOATS, Dims, TensorType


def rename_values(graph: Graph, nodes: tuple[Node, ...], names: Mapping[int, int]) -> Graph:
    """The graph with these nodes, in which everybody who read a key of `names` reads its value instead."""
    def new(value: int) -> int:
        return names.get(value, value)

    renamed = tuple(node if not any(v in names for v in node.inputs)
                    else replace(node, inputs=tuple(map(new, node.inputs))) for node in nodes)
    outputs, penalties = (tuple(replace(o, value=new(o.value)) for o in given)
                          for given in (graph.outputs, graph.penalties))
    parameters = tuple(p if p.next is None else replace(p, next=new(p.next)) for p in graph.parameters)
    states = tuple(s if s.next is None else replace(s, next=new(s.next)) for s in graph.states)
    graph = replace(graph, outputs=outputs, penalties=penalties, parameters=parameters, states=states)
    return graph.with_nodes(renamed)


def bind_graph(graph: Graph, dims: Dims) -> Graph:
    """The graph with symbols replaced by numbers, in types and attributes."""
    nodes = tuple(replace(node, op=bound) if (bound := node.op.bind(dims)) is not node.op else node
                  for node in graph.nodes)
    return replace(graph, nodes=nodes, types={value: t.bind(dims) for value, t in graph.types.items()})


def convert_floats(graph: Graph, dtype: str) -> Graph:
    """The graph with every floating-point value of this dtype."""
    if dtype not in FLOATS:
        raise GraphError(f"dtype is {dtype!r}, but a model computes in {' or '.join(FLOATS)}")
    types = {v: TensorType(dtype, t.shape) if t.is_float else t for v, t in graph.types.items()}
    nodes = tuple(replace(node, op=replace(node.op, dtype=dtype))  # type: ignore[call-arg]
                  if getattr(node.op, "dtype", None) in FLOATS else node for node in graph.nodes)
    return graph if types == dict(graph.types) else replace(graph, nodes=nodes, types=types)


def check_graph(graph: Graph) -> None:
    """Checks a graph by itself: each value defined once and before it is read, and typed as its op infers.

    Raises:
        GraphError: it is not well formed; the text names the node.
    """
    defined: set[int] = set()
    for item in graph.given:
        _define(graph, defined, item.value, item.name)
    for node in graph.nodes:
        where = f"{node.op.name} of {node.origin}"
        for value in node.inputs:
            if value not in defined:
                raise GraphError(f"{where} reads %{value} before anything defines it")
        inferred = node.op.infer(*(graph.types[v] for v in node.inputs))
        stated = tuple(graph.types.get(v) for v in node.outputs)
        if inferred != stated:
            raise GraphError(f"{where} makes {', '.join(map(str, inferred))}, but the graph says "
                             f"{', '.join(map(str, stated))}")
        for value in node.outputs:
            _define(graph, defined, value, where)
    for value in graph.kept - defined:
        raise GraphError(f"graph {graph.name} gives %{value} out, but nothing defines it")


def _define(graph: Graph, defined: set[int], value: int, what: str) -> None:
    if value in defined:
        raise GraphError(f"%{value} is defined twice, the second time by {what}")
    if value not in graph.types:
        raise GraphError(f"%{value} of {what} has no type")
    defined.add(value)


def hold_states(graph: Graph, roles: tuple[str, ...]) -> Graph:
    """The graph without the new values of states of these roles: a run leaves them as they are."""
    states = tuple(replace(s, next=None) if s.role in roles else s for s in graph.states)
    return graph if states == graph.states else replace(graph, states=states)
