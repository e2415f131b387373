"""What a `.gnet` file holds, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from graphnet.compiler.ir import Graph
from graphnet.runtime.gnet.tensors import Tensor
from graphnet.runtime.gnet.wire.header import placing
from graphnet.runtime.gnet.wire.names import check_unique
from graphnet.runtime.gnet.wire.refusal import naming


@dataclass(frozen=True, eq=False)
class Contents:
    """The declared graph, the tensors by name, and two maps of plain data.

    Plain data is None, bool, int, float, str, bytes, and lists and dicts (with text keys) of it.

    Attributes:
        graph: the graph as declared, without backward or update phase.
        tensors: weights (`param`), batch-norm statistics (`buffer`), constants and samples (`const`), recurrent and
            other state (`state`), optimizer moments (`optimizer`, named `<parameter>:<slot>`).
        train: what a run needs to go on: loss, optimizer, metrics, step, seed, …
        meta: anything else: who wrote the file, …
        source: the name of the file that this was read from; "" if from none.
        header: of that file, as it stands there.
    """

    graph: Graph
    tensors: Mapping[str, Tensor]
    train: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    header: bytes = field(default=b"", repr=False)

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Within the block, refusals get their byte offset and the name of the file."""
        with naming(self.source), placing(self.header):
            yield


def by_name(tensors: Iterable[Tensor]) -> dict[str, Tensor]:
    """Tensors by their names.

    Raises:
        GnetFormatError: two have one name.
    """
    listed = list(tensors)
    check_unique((tensor.name for tensor in listed), ("tensors",))
    return {tensor.name: tensor for tensor in listed}
