"""Reads a graph from plain data: decodes each op by its declared fields, infers every type, trusts nothing."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from graphnet.compiler.errors import GnetFormatError, GraphNetError
from graphnet.compiler.ir import Graph, Input, Node, Origin, Output, Parameter, State
from graphnet.compiler.op import Op, op_class, registered_ops
from graphnet.compiler.types import TensorType
from graphnet.runtime.gnet import limits
from graphnet.runtime.gnet.fields import check_dim, decode_record
from graphnet.runtime.gnet.graph_writer import NEVER_STORED, encode_graph
from graphnet.runtime.gnet.header import Plain, expect_keys, expect_list, pack
from graphnet.runtime.gnet.names import check_name, check_text, check_unique
from graphnet.runtime.gnet.refusal import Path, refuse, shown
from graphnet.runtime.gnet.tensors import check_extent

_PARTS = ("name", "origins", "inputs", "parameters", "states", "nodes", "outputs")
_STUMBLES = (GraphNetError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What an op may raise on attributes or types that no layer would give it."""


def decode_graph(plain: Any) -> Graph:
    """The graph that a header holds.

    Raises:
        GnetFormatError: it is not sound, or not written in the canonical way.
    """
    parts = expect_keys(plain, _PARTS, ("graph",))
    graph = _Reader().read(parts)
    canonical = encode_graph(graph)
    for key in _PARTS:
        _check_canonical(canonical[key], parts[key], ("graph", key))
    return graph


def _check_canonical(canonical: Any, stored: Any, path: Path) -> None:
    """Refuses what the writer would write in another way: a default spelled out, keys out of order, …"""
    if pack(canonical) == pack(stored):
        return
    if isinstance(stored, list) and isinstance(canonical, list) and len(stored) == len(canonical):
        for index, (a, b) in enumerate(zip(canonical, stored, strict=True)):
            _check_canonical(a, b, (*path, index))
    raise refuse(path, f"it is not written in the canonical way: {shown(stored)} should be {shown(canonical)}")


class _Reader:
    """Collects values in order; their ids are their positions."""

    def __init__(self) -> None:
        self.types: list[TensorType] = []
        self.origins: list[Origin] = []

    def read(self, parts: Plain) -> Graph:
        name = parts["name"]
        if not isinstance(name, str):
            raise refuse(("graph", "name"), f"a name must be text, not {shown(name)}")
        check_text(name, ("graph", "name"))
        lists = {key: expect_list(parts[key], ("graph", key)) for key in _PARTS[1:]}
        self.origins = [self._origin(item, ("graph", "origins", i)) for i, item in enumerate(lists["origins"])]
        inputs = tuple([self._input(item, ("graph", "inputs", i)) for i, item in enumerate(lists["inputs"])])
        parameters = tuple([self._parameter(item, ("graph", "parameters", i))
                            for i, item in enumerate(lists["parameters"])])
        first_state = len(self.types)
        for i, item in enumerate(lists["states"]):
            self._declare(item, ("graph", "states", i))
        nodes = self._nodes(lists["nodes"])
        states = tuple([self._state(item, first_state + i, ("graph", "states", i))
                        for i, item in enumerate(lists["states"])])
        outputs = tuple([self._output(item, ("graph", "outputs", i)) for i, item in enumerate(lists["outputs"])])
        check_unique((item.name for item in inputs), ("graph", "inputs"), "name")
        check_unique((item.name for item in parameters), ("graph", "parameters"), "name")
        check_unique((item.name for item in states), ("graph", "states"), "name")
        check_unique((item.name for item in outputs), ("graph", "outputs"), "name")
        return Graph(name, inputs, parameters, states, nodes, outputs, dict(enumerate(self.types)))

    def _origin(self, item: Any, path: Path) -> Origin:
        origin: Origin = decode_record(Origin, item, path)
        for text in (origin.layer, origin.kind, origin.source):
            check_text(text, path)
        return origin

    def _input(self, item: Any, path: Path) -> Input:
        return self._named(Input, item, path, value=self._declare(item, path))  # type: ignore[no-any-return]

    def _parameter(self, item: Any, path: Path) -> Parameter:
        value = self._declare(item, path)
        return self._named(Parameter, item, path, value=value, next=None)  # type: ignore[no-any-return]

    def _state(self, item: Plain, value: int, path: Path) -> State:
        after = item.get("next")
        if after is not None:
            self._check_value(after, len(self.types), 0, (*path, "next"))
            if self.types[after] != self.types[value]:
                raise refuse((*path, "next"), f"the next value is {self.types[after]}, but the state is "
                                              f"{self.types[value]}")
        rest = {key: entry for key, entry in item.items() if key != "next"}
        return self._named(State, rest, path, value=value, next=after)  # type: ignore[no-any-return]

    def _output(self, item: Any, path: Path) -> Output:
        parts = expect_keys(item, ("name", "value"), path)
        self._check_value(parts["value"], len(self.types), 0, (*path, "value"))
        return Output(check_name(parts["name"], (*path, "name")), parts["value"])

    def _named(self, cls: type, item: Plain, path: Path, **given: Any) -> Any:
        """The item from its record, without the keys that are read elsewhere."""
        fields = {key: entry for key, entry in item.items() if key not in ("dtype", "shape", "origin")}
        record = decode_record(cls, fields, path, origin=self._origin_of(item, path), **given)
        check_name(record.name, (*path, "name"))
        return record

    def _declare(self, item: Any, path: Path) -> int:
        """Adds the value that an input, parameter or state declares; returns its id."""
        if not isinstance(item, dict):
            raise refuse(path, f"it must be a map, not {shown(item)}")
        for key in ("dtype", "shape"):
            if key not in item:
                raise refuse(path, f"the key {key!r} is missing")
        shape = expect_list(item["shape"], (*path, "shape"), limits.RANK)
        dims = tuple([check_dim(dim, (*path, "shape", axis)) for axis, dim in enumerate(shape)])
        if not isinstance(item["dtype"], str):
            raise refuse((*path, "dtype"), f"it must be text, not {shown(item['dtype'])}")
        try:
            return self._add(TensorType(item["dtype"], dims), (*path, "shape"))
        except GnetFormatError:
            raise
        except GraphNetError as error:
            raise refuse((*path, "dtype"), str(error)) from None

    def _add(self, type: TensorType, path: Path) -> int:
        if type.rank > limits.RANK:
            raise refuse(path, f"a value of {type.rank} dims; at most {limits.RANK} are allowed")
        dims = [dim for dim in type.shape if isinstance(dim, int)]
        for dim in dims:
            check_dim(dim, path)
        check_extent(dims, path)
        self.types.append(type)
        return len(self.types) - 1

    def _origin_of(self, item: Plain, path: Path) -> Origin:
        if "origin" not in item:
            return Origin()
        index = item["origin"]
        if type(index) is not int or not 0 <= index < len(self.origins):
            raise refuse((*path, "origin"), f"there is no origin {shown(index)}; the graph has {len(self.origins)}")
        return self.origins[index]

    def _nodes(self, items: list[Any]) -> tuple[Node, ...]:
        if len(items) > limits.NODES:
            raise refuse(("graph", "nodes"), f"the graph has {len(items)} nodes; at most {limits.NODES} are allowed")
        return tuple([self._node(item, len(items) - i, ("graph", "nodes", i)) for i, item in enumerate(items)])

    def _node(self, item: Any, left: int, path: Path) -> Node:
        parts = expect_keys(item, ("op", "inputs"), path, ("attributes", "origin"))
        inputs = expect_list(parts["inputs"], (*path, "inputs"))
        for i, value in enumerate(inputs):
            self._check_value(value, len(self.types), left, (*path, "inputs", i))
        cls = _op_class(parts["op"], (*path, "op"))
        least, most = _arity(cls)
        if not least <= len(inputs) <= most:
            wanted = f"{least}" if least == most else f"at least {least}"
            raise refuse((*path, "inputs"), f"{cls.name} takes {wanted} inputs, not {len(inputs)}")
        try:
            op: Op = decode_record(cls, parts.get("attributes", {}), (*path, "attributes"))
            types = op.infer(*(self.types[value] for value in inputs))
        except GnetFormatError:
            raise
        except _STUMBLES as error:
            raise refuse(path, f"{cls.name} refuses its attributes or inputs: {error}") from None
        outputs = tuple([self._add(type, path) for type in types])
        return Node(op, tuple(inputs), outputs, self._origin_of(parts, path))

    def _check_value(self, value: Any, defined: int, left: int, path: Path) -> None:
        """Refuses what is not the id of a value made before; `left` nodes are still to come, this one included."""
        if type(value) is not int:
            raise refuse(path, f"a value is named by a whole number, not {shown(value)}")
        if 0 <= value < defined:
            return
        if defined <= value < defined + left:
            raise refuse(path, f"value {value} is made by this node or a later one: nodes must stand in order of "
                               "execution")
        raise refuse(path, f"there is no value {value}; the values up to here are 0 to {defined - 1}")


def _op_class(name: Any, path: Path) -> type[Op]:
    if not isinstance(name, str) or name not in registered_ops():
        raise refuse(path, f"unknown op {shown(name)}: upgrade graphnet if the file comes from a newer one")
    cls = op_class(name)
    if issubclass(cls, NEVER_STORED):
        raise refuse(path, f"op {name} never stands in a file")
    return cls


@cache
def _arity(cls: type[Op]) -> tuple[int, int]:
    """The least and greatest number of inputs of an op, from the signature of its `infer`."""
    parameters = [p for p in inspect.signature(cls.infer).parameters.values() if p.name != "self"]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in positional)
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return least, limits.ARRAY_ITEMS if variadic else len(positional)
