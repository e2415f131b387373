"""Numbers for the symbols of a graph, as a caller gives them: the batch size, and the other dims by name."""

from __future__ import annotations

from collections.abc import Mapping

from graphnet.common.checks import check_whole
from graphnet.common.habits import hint
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.ir import Graph
from graphnet.compiler.types import BATCH


def check_sizes(owner: str, graph: Graph, batch: object, dims: Mapping[str, object]) -> dict[str, int]:
    """A number for each symbol.

    Args:
        owner: the method that they were given to, for the text.
        graph: with these symbols.
        batch: the batch size.
        dims: numbers for the other symbols, by name.

    Raises:
        ArgumentError: there is no such symbol, or a number is none.
        ShapeError: one has no number.
    """
    check_dims(owner, graph, dims)
    sizes = {name: check_whole(owner, name, size) for name, size in dims.items()}
    if missing := sorted(set(graph.free_dims) - sizes.keys()):
        raise ShapeError(f"{owner}: the dim {missing[0]} of {graph.name} has no number",
                         f"give one, e.g. {owner}(…, {missing[0]}=20)")
    return {BATCH: check_whole(owner, "batch", batch)} | sizes


def check_dims(owner: str, graph: Graph, dims: Mapping[str, object], *arguments: str) -> None:
    """Refuses names that are no symbol of the graph, such as misspelt arguments.

    Args:
        owner: the method that they were given to, for the text.
        graph: with its symbols.
        dims: what was given, by name.
        arguments: those of the method beside mode and batch.

    Raises:
        ArgumentError: there is one.
    """
    for name in dims:
        if name not in graph.free_dims:
            meant = hint("", name, ("mode", "batch", *arguments, *graph.free_dims))
            raise ArgumentError(owner, name, dims[name], f"the free dims of {graph.name} are: "
                                                         f"{', '.join(sorted(graph.free_dims)) or 'none'}{meant}")
