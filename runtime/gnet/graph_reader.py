"""Reads a graph from plain data: decodes each op by its declared fields, infers every type, trusts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from graphnet.compiler.ir import COUNTER, LAYER_ROLES, RECURRENT, Graph, Input, Node, Origin, Output, Parameter, State
from graphnet.compiler.ops.noise import COUNTER_TYPE
from graphnet.compiler.ops.operands import can_hold
from graphnet.compiler.roles import ROLES
from graphnet.compiler.types import BATCH, DTYPES, TensorType
from graphnet.runtime.gnet.fields import check_dim, decode_fields, decode_op
from graphnet.runtime.gnet.graph_writer import (
    ITEM,
    NODE,
    ORIGIN,
    OUTPUT,
    PARTS,
    STORED_ELSEWHERE,
    encode_graph,
)
from graphnet.runtime.gnet.ops import infer_types
from graphnet.runtime.gnet.rows import check_extent
from graphnet.runtime.gnet.wire import limits
from graphnet.runtime.gnet.wire.header import Plain, expect_items, expect_keys, expect_list, pack
from graphnet.runtime.gnet.wire.names import check_name, check_text, check_unique
from graphnet.runtime.gnet.wire.refusal import Path, refuse, shown

Item = TypeVar("Item", Input, Parameter, State)


def decode_graph(plain: Any) -> Graph:
    """The graph that a header holds.

    Raises:
        GnetFormatError: it is not sound, or not written in the canonical way.
    """
    parts = expect_keys(plain, PARTS, ("graph",))
    graph = _Reader().read(parts)
    canonical = encode_graph(graph)
    for key in PARTS:
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
        self.origins = [_origin(item, path) for item, path in _items(parts, "origins", limits.ARRAY_ITEMS)]
        inputs = [self._item(Input, *entry) for entry in _items(parts, "inputs", limits.TENSORS)]
        parameters = [self._parameter(*entry) for entry in _items(parts, "parameters", limits.TENSORS)]
        states = [self._state(*entry) for entry in _items(parts, "states", limits.TENSORS)]
        nodes = [self._node(item, len(parts["nodes"]) - index, path)
                 for index, (item, path) in enumerate(_items(parts, "nodes", limits.NODES))]
        outputs = [self._output(*entry) for entry in _items(parts, "outputs", limits.TENSORS)]
        penalties = [self._penalty(*entry) for entry in _items(parts, "penalties", limits.TENSORS)]
        for index, state in enumerate(states):
            self._check_next(state, ("graph", "states", index, 4, "next"))
        for key, items in (("inputs", inputs), ("parameters", parameters), ("states", states),
                           ("outputs", outputs), ("penalties", penalties)):
            check_unique((item.name for item in items), ("graph", key), 0)
        return Graph(name, tuple(inputs), tuple(parameters), tuple(states), tuple(nodes), tuple(outputs),
                     dict(enumerate(self.types)), tuple(penalties))

    def _item(self, cls: type[Item], item: Any, path: Path, **given: Any) -> Item:
        """An input, parameter or state; its value is the next one."""
        name, dtype, shape, origin, fields = expect_items(item, ITEM, path)
        check_name(name, (*path, 0))
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise refuse((*path, 1), f"dtype {shown(dtype)} is not supported; use one of {', '.join(DTYPES)}")
        dims = expect_list(shape, (*path, 2), limits.RANK)
        kind = TensorType(dtype, tuple([check_dim(dim, (*path, 2, axis)) for axis, dim in enumerate(dims)]))
        values = decode_fields(cls, fields, (*path, 4), (*STORED_ELSEWHERE, *given))
        return cls(value=self._add(kind, (*path, 2)), name=name, origin=self._origin_at(origin, (*path, 3)), **values,
                   **given)

    def _parameter(self, item: Any, path: Path) -> Parameter:
        parameter = self._item(Parameter, item, path, next=None)
        kind = self.types[parameter.value]
        _check_symbols(kind, (), (*path, 2))
        if parameter.role is not None and parameter.role not in ROLES:
            raise refuse((*path, 4, "role"), f"a parameter has one of the roles {', '.join(ROLES)}, not "
                                             f"{shown(parameter.role)}")
        if parameter.constraint is None:
            return parameter
        made = infer_types(parameter.constraint, (kind,), (*path, 4, "constraint"))
        if made != (kind,):
            raise refuse((*path, 4, "constraint"), f"it makes {', '.join(map(str, made))} of a weight {kind}; "
                                                   "a constraint must keep the type")
        return parameter

    def _state(self, item: Any, path: Path) -> State:
        state = self._item(State, item, path)
        kind, role = self.types[state.value], state.role
        if role not in LAYER_ROLES:
            known = ", ".join(LAYER_ROLES)
            raise refuse((*path, 4, "role"), f"a state has one of the roles {known}, not {shown(role)}")
        _check_symbols(kind, (BATCH,) if role == RECURRENT else (), (*path, 2))
        if role == COUNTER and kind != COUNTER_TYPE:
            raise refuse((*path, 2), f"a counter is {COUNTER_TYPE}, not {kind}")
        if not can_hold(kind.dtype, state.initial):
            raise refuse((*path, 4, "initial"), f"{kind.dtype} cannot hold {state.initial!r}")
        return state

    def _check_next(self, state: State, path: Path) -> None:
        if state.next is None:
            return
        self._check_value(state.next, 0, path)
        kind, following = self.types[state.value], self.types[state.next]
        if following != kind:
            raise refuse(path, f"the next value is {following}, but the state {shown(state.name)} is {kind}")

    def _output(self, item: Any, path: Path) -> Output:
        name, value = expect_items(item, OUTPUT, path)
        self._check_value(value, 0, (*path, 1))
        return Output(check_name(name, (*path, 0)), value)

    def _penalty(self, item: Any, path: Path) -> Output:
        penalty = self._output(item, path)
        kind = self.types[penalty.value]
        if kind.shape or not kind.is_float:
            raise refuse((*path, 1), f"a penalty must be a floating-point scalar, not {kind}")
        return penalty

    def _add(self, type: TensorType, path: Path) -> int:
        if type.rank > limits.RANK:
            raise refuse(path, f"a value of {type.rank} dims; at most {limits.RANK} are allowed")
        dims = [dim for dim in type.shape if isinstance(dim, int)]
        for dim in dims:
            check_dim(dim, path)
        check_extent(dims, path)
        self.types.append(type)
        return len(self.types) - 1

    def _origin_at(self, index: Any, path: Path) -> Origin:
        if index is None:
            return Origin()
        if type(index) is not int or not 0 <= index < len(self.origins):
            raise refuse(path, f"there is no origin {shown(index)}; the graph has {len(self.origins)}")
        return self.origins[index]

    def _node(self, item: Any, left: int, path: Path) -> Node:
        name, attributes, inputs, origin = expect_items(item, NODE, path)
        for index, value in enumerate(expect_list(inputs, (*path, 2))):
            self._check_value(value, left, (*path, 2, index))
        op = decode_op(name, attributes, path)
        types = infer_types(op, tuple([self.types[value] for value in inputs]), path)
        outputs = tuple([self._add(type, path) for type in types])
        return Node(op, tuple(inputs), outputs, self._origin_at(origin, (*path, 3)))

    def _check_value(self, value: Any, left: int, path: Path) -> None:
        """Refuses what is not the id of a value made before; `left` nodes are still to come, this one included."""
        if type(value) is not int:
            raise refuse(path, f"a value is named by a whole number, not {shown(value)}")
        defined = len(self.types)
        if 0 <= value < defined:
            return
        if defined <= value < defined + left:
            raise refuse(path, f"value {value} is made by this node or a later one: nodes must stand in order of "
                               "execution")
        raise refuse(path, f"there is no value {value}; the values up to here are 0 to {defined - 1}")


def _check_symbols(kind: TensorType, allowed: tuple[str, ...], path: Path) -> None:
    """Refuses dims of a weight or state that nobody could give a number to."""
    for axis, dim in enumerate(kind.shape):
        if isinstance(dim, str) and dim not in allowed:
            raise refuse((*path, axis), f"the dim is the symbol {shown(dim)}; the dims of weights and states are "
                                        f"numbers, of recurrent states also {BATCH}, the batch")


def _items(parts: Plain, key: str, most: int) -> Iterator[tuple[Any, Path]]:
    """The items of an array of the graph, each with its path."""
    for index, item in enumerate(expect_list(parts[key], ("graph", key), most)):
        yield item, ("graph", key, index)


def _origin(item: Any, path: Path) -> Origin:
    for index, text in enumerate(expect_items(item, ORIGIN, path)):
        if not isinstance(text, str):
            raise refuse((*path, index), f"it must be text, not {shown(text)}")
        check_text(text, (*path, index))
    return Origin(*item)
