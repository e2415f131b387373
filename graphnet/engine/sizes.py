"""Numbers for the symbols of a graph, as a caller gives them: the batch size, and the other dims by name."""

from __future__ import annotations

from collections.abc import Mapping

from graphnet.common.checks import check_whole
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
    free = set(graph.free_dims)
    for name in dims:
        if name not in free:
            raise ArgumentError(owner, name, dims[name], f"the free dims of {graph.name} are: "
                                                         f"{', '.join(sorted(free)) or 'none'}")
    sizes = {name: check_whole(owner, name, size) for name, size in dims.items()}
    if missing := sorted(free - sizes.keys()):
        raise ShapeError(f"{owner}: the dim {missing[0]} of {graph.name} has no number",
                         f"give one, e.g. {owner}(…, {missing[0]}=20)")
    return {BATCH: check_whole(owner, "batch", batch)} | sizes
