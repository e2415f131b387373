"""Which numbers the inputs that count something may hold: rows of an embedding, classes, lengths of sequences, steps.

The ops that read them say so (`Op.index_ranges`); what is fed is checked against it before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from graphnet.compiler.errors import DataError
from graphnet.compiler.ir import Graph, Input, Origin, Parameter, State
from graphnet.compiler.types import Array, Dim


@dataclass(frozen=True, slots=True)
class IndexRange:
    """`name` may hold numbers from `least` to `most` (None: any), both included, since `reader` counts with them."""

    name: str
    least: Dim
    most: Dim | None
    reader: Origin

    def check(self, array: Array, dims: Mapping[str, int]) -> None:
        """Refuses an array with other numbers.

        Args:
            array: what is fed.
            dims: what the symbols stand for.

        Raises:
            DataError: the text names the first bad one.
        """
        low = dims[self.least] if isinstance(self.least, str) else self.least
        most = dims[self.most] if isinstance(self.most, str) else self.most
        if not array.size or (int(array.min()) >= low and (most is None or int(array.max()) <= most)):
            return
        bad = array < low if most is None else (array < low) | (array > most)
        place = tuple(int(index) for index in np.unravel_index(int(bad.argmax()), bad.shape))
        allowed = f"of at least {low}" if most is None else f"from {low} to {most}"
        raise DataError(f"input {self.name!r} holds {array[place].item()} at {list(place)}, but {self.reader} takes "
                        f"whole numbers {allowed}; {int(bad.sum()):,} of {bad.size:,} are out of range")


def index_ranges(graph: Graph, items: Iterable[Input | Parameter | State] | None = None) -> tuple[IndexRange, ...]:
    """What the ops of a graph demand of its inputs (or of `items`), through ops that only rearrange numbers."""
    names = {item.value: item.name for item in (graph.inputs if items is None else items)}
    found = []
    for node in graph.nodes:
        types = [graph.types[value] for value in node.inputs]
        for position, (least, most) in node.op.index_ranges(*types).items():
            sources = graph.sources(node.inputs[position], lambda maker: maker.op.rearranging)  # unchanged numbers
            found += [IndexRange(names[value], least, most, node.origin) for value in sources if value in names]
    return tuple(dict.fromkeys(found))
