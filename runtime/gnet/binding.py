"""Holds the tensors of a file to the graph they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from graphnet.compiler.ir import BUFFER, OPTIMIZER, Graph, State
from graphnet.compiler.types import TensorType
from graphnet.runtime.gnet.rows import Row
from graphnet.runtime.gnet.tensors import PARAM, ROLES, STATE
from graphnet.runtime.gnet.wire.names import check_unique
from graphnet.runtime.gnet.wire.refusal import refuse, shown


def slot_name(parameter: str, slot: str) -> str:
    """The name of the tensor that holds an optimizer's slot (such as `first_moment`) of a parameter."""
    return f"{parameter}:{slot}"


def split_slot(name: str) -> tuple[str, str]:
    """The parameter and the slot that the name of an optimizer tensor stands for."""
    parameter, _, slot = name.rpartition(":")
    return parameter, slot


def state_role(state: State) -> str:
    """The role of the tensor that holds a state of the graph."""
    return state.role if state.role in ROLES else STATE


def declared(graph: Graph) -> dict[str, tuple[str, TensorType]]:
    """For each weight and state of a graph the role and type that its tensor must have, in canonical order."""
    types = graph.types
    return {p.name: (PARAM, types[p.value]) for p in graph.parameters} | {
        s.name: (state_role(s), types[s.value]) for s in graph.states}


def check_binding(graph: Graph, rows: Sequence[Row]) -> None:
    """Refuses tensors that do not fit the graph.

    Every parameter and every buffer has its tensor, of its dtype and shape; other states may be left out. There are
    no other tensors of role param or buffer. A tensor of role optimizer belongs to a parameter and has its shape.

    Raises:
        GnetFormatError: one does not fit, or is missing.
    """
    check_unique([p.name for p in graph.parameters] + [s.name for s in graph.states], ("graph", "states"), 0)
    wanted = declared(graph)
    for index, row in enumerate(rows):
        if row.name in wanted:
            _check_declared(row, *wanted[row.name], index)
        elif row.role in (PARAM, BUFFER):
            raise refuse(("tensors", index), f"the graph has no {row.role} {shown(row.name)}")
    found = {row.name: row for row in rows}
    for name, (role, kind) in wanted.items():
        if role in (PARAM, BUFFER) and name not in found:
            raise refuse(("tensors",), f"the {role} {shown(name)}, {kind}, of the graph has no tensor")
    _check_slots(rows, found)
    _check_order(rows, list(wanted))


def _check_declared(row: Row, role: str, kind: TensorType, index: int) -> None:
    if row.role != role:
        raise refuse(("tensors", index, 3), f"{shown(row.name)} has the role {role} in the graph, not {row.role}")
    fits = len(row.shape) == kind.rank and all(isinstance(want, str) or want == got
                                               for want, got in zip(kind.shape, row.shape, strict=True))
    if row.dtype != kind.dtype or not fits:
        raise refuse(("tensors", index), f"{shown(row.name)} is {row.dtype} {row.shape}, but the graph declares "
                                         f"{kind.dtype} {kind.shape}")


def _check_order(rows: Sequence[Row], declared_names: Sequence[str]) -> None:
    """Within a role, what the graph declares stands in its order, before all else: a file can be written in one way."""
    order = {name: index for index, name in enumerate(declared_names)}
    last = len(order)
    for index, (before, row) in enumerate(pairwise(rows), 1):
        if before.role == row.role and order.get(row.name, last) < order.get(before.name, last):
            raise refuse(("tensors", index), f"{shown(row.name)} must stand before {shown(before.name)}: within a role "
                                             "what the graph declares comes first, in its order")


def _check_slots(rows: Sequence[Row], found: Mapping[str, Row]) -> None:
    for index, row in enumerate(rows):
        if row.role != OPTIMIZER:
            continue
        name, slot = split_slot(row.name)
        parameter = found.get(name)
        if not slot or parameter is None or parameter.role != PARAM:
            raise refuse(("tensors", index), f"the optimizer tensor {shown(row.name)} belongs to no parameter; "
                                             "its name must be <parameter>:<slot>")
        if row.shape != parameter.shape:
            raise refuse(("tensors", index, 2), f"the optimizer tensor {shown(row.name)} is {row.shape}, but its "
                                                f"parameter is {parameter.shape}")
