"""A declared graph as plain data. Value ids are numbered anew, types of results are left out, origins shared."""

from __future__ import annotations

from graphnet.compiler.ir import FORWARD, Graph, Input, Node, Origin, Output, Parameter, State
from graphnet.compiler.op import Op
from graphnet.compiler.ops import Fused, Update
from graphnet.runtime.gnet.fields import encode_record
from graphnet.runtime.gnet.header import Plain
from graphnet.runtime.gnet.names import escape_text
from graphnet.runtime.gnet.refusal import Path, refuse

NEVER_STORED: tuple[type[Op], ...] = (Fused, Update)
"""Ops that passes make; a file holds the graph as it was declared."""

_REFERENCES = ("value", "next", "origin")


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
        declared = [item.value for item in (*graph.inputs, *graph.parameters, *graph.states)]
        made = [value for node in graph.nodes for value in node.outputs]
        self.ids = {value: index for index, value in enumerate((*declared, *made))}
        self.origins: dict[Origin, int] = {}

    def plain(self) -> Plain:
        graph = self.graph
        parts = {
            "inputs": [self._item(item, ("graph", "inputs", i)) for i, item in enumerate(graph.inputs)],
            "parameters": [self._item(item, ("graph", "parameters", i)) for i, item in enumerate(graph.parameters)],
            "states": [self._item(item, ("graph", "states", i)) for i, item in enumerate(graph.states)],
            "nodes": [self._node(node, ("graph", "nodes", i)) for i, node in enumerate(graph.nodes)],
            "outputs": [self._output(output, ("graph", "outputs", i)) for i, output in enumerate(graph.outputs)],
        }
        origins = [encode_record(origin, ("graph", "origins", i)) for i, origin in enumerate(self.origins)]
        return {"name": graph.name, "origins": origins, **parts}

    def _item(self, item: Input | Parameter | State, path: Path) -> Plain:
        plain = encode_record(item, path, _REFERENCES)
        if isinstance(item, Parameter) and item.next is not None:
            raise refuse((*path, "next"), f"{item.name} has a next value: save the declared graph, not the graph of "
                                          "a training step")
        if isinstance(item, State) and item.next is not None:
            plain["next"] = self.ids[item.next]
        kind = self.graph.types[item.value]
        return self._placed(plain | {"dtype": kind.dtype, "shape": list(kind.shape)}, item.origin)

    def _node(self, node: Node, path: Path) -> Plain:
        if node.phase != FORWARD or isinstance(node.op, NEVER_STORED):
            raise refuse(path, f"{node.op.name} in the {node.phase} phase cannot be stored: save the declared graph, "
                               "before any pass ran on it")
        plain = encode_record(node, path, ("op", "inputs", "outputs", "origin"))
        plain |= {"op": node.op.name, "inputs": [self.ids[value] for value in node.inputs]}
        if attributes := encode_record(node.op, (*path, "attributes")):
            plain["attributes"] = attributes
        return self._placed(plain, node.origin)

    def _output(self, output: Output, path: Path) -> Plain:
        return self._placed(encode_record(output, path, _REFERENCES) | {"value": self.ids[output.value]}, Origin())

    def _placed(self, plain: Plain, origin: Origin) -> Plain:
        """The record with a reference to its origin, in order of key."""
        if origin != Origin():
            plain["origin"] = self.origins.setdefault(_clean(origin), len(self.origins))
        return dict(sorted(plain.items()))


def _clean(origin: Origin) -> Origin:
    """The origin with escapes for what file names may hold, but text in a file must not."""
    return Origin(*(escape_text(text) for text in (origin.layer, origin.kind, origin.source)))
