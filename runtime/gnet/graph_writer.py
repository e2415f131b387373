"""A declared graph as plain data. Value ids are numbered anew, types of results are left out, origins shared."""

from __future__ import annotations

from typing import Any

from graphnet.compiler.ir import FORWARD, Graph, Input, Node, Origin, Parameter, State
from graphnet.runtime.gnet.fields import encode_op, encode_record
from graphnet.runtime.gnet.ops import NEVER_STORED
from graphnet.runtime.gnet.wire.header import Plain
from graphnet.runtime.gnet.wire.names import escape_text
from graphnet.runtime.gnet.wire.refusal import Path, refuse

PARTS = ("name", "origins", "inputs", "parameters", "states", "nodes", "outputs", "penalties")
"""The keys of a stored graph, in order."""
ITEM = ("name", "dtype", "shape", "origin", "fields")
"""The items of a stored input, parameter or state; `fields` is a map of its other fields."""
NODE = ("op", "attributes", "inputs", "origin")
OUTPUT = ("name", "value")
ORIGIN = ("layer", "kind", "source")

STORED_ELSEWHERE = ("value", "name", "origin")
"""Fields of an input, parameter or state that are not in its `fields` map."""


def encode_graph(graph: Graph) -> Plain:
    """The graph as the header holds it.

    Raises:
        GnetFormatError: it is no declared graph (it holds a backward or update phase, or what passes make), or an
            attribute cannot be stored.
    """
    return _Writer(graph).plain()


class _Writer:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        values = [i.value for i in graph.inputs] + [p.value for p in graph.parameters] + [s.value for s in graph.states]
        values += [value for node in graph.nodes for value in node.outputs]
        self.ids = {value: index for index, value in enumerate(values)}
        self.origins: dict[tuple[str, ...], int] = {}

    def plain(self) -> Plain:
        graph = self.graph
        parts = {
            "inputs": [self._item(item, ("graph", "inputs", i)) for i, item in enumerate(graph.inputs)],
            "parameters": [self._item(item, ("graph", "parameters", i)) for i, item in enumerate(graph.parameters)],
            "states": [self._item(item, ("graph", "states", i)) for i, item in enumerate(graph.states)],
            "nodes": [self._node(node, ("graph", "nodes", i)) for i, node in enumerate(graph.nodes)],
            "outputs": [[output.name, self.ids[output.value]] for output in graph.outputs],
            "penalties": [[penalty.name, self.ids[penalty.value]] for penalty in graph.penalties],
        }
        return {"name": graph.name, "origins": [list(origin) for origin in self.origins], **parts}

    def _item(self, item: Input | Parameter | State, path: Path) -> list[Any]:
        fields = encode_record(item, path, (*STORED_ELSEWHERE, "next"))
        following = getattr(item, "next", None)
        if following is not None and not isinstance(item, State):
            raise refuse(path, f"{item.name} has a next value: save the declared graph, not that of a training step")
        if following is not None:
            fields["next"] = self.ids[following]
        kind = self.graph.types[item.value]
        return [item.name, kind.dtype, list(kind.shape), self._origin(item.origin), dict(sorted(fields.items()))]

    def _node(self, node: Node, path: Path) -> list[Any]:
        if node.phase != FORWARD or isinstance(node.op, NEVER_STORED):
            raise refuse(path, f"{node.op.name} in the {node.phase} phase cannot be stored: save the declared graph, "
                               "before any pass ran on it")
        return [*encode_op(node.op, path), [self.ids[value] for value in node.inputs], self._origin(node.origin)]

    def _origin(self, origin: Origin) -> int | None:
        """Its place in the table of origins, None if there is nothing to say."""
        texts = tuple([escape_text(getattr(origin, name)) for name in ORIGIN])
        return self.origins.setdefault(texts, len(self.origins)) if any(texts) else None
