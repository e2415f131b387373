"""Ops by name and attributes: the closed registry is all that a file can refer to."""

from __future__ import annotations

from typing import Any

from graphnet.compiler.errors import STUMBLES, GraphError
from graphnet.compiler.op import Op, Types, arity, op_class
from graphnet.compiler.ops import Fused, GradientReader
from graphnet.compiler.results import infer_results
from graphnet.runtime.gnet.wire import limits
from graphnet.runtime.gnet.wire.refusal import Path, refuse, shown

NEVER_STORED: tuple[type[Op], ...] = (Fused, GradientReader)
"""Ops that passes make; a file holds the graph as it was declared."""


def stored_class(name: Any, path: Path) -> type[Op]:
    """The class of an op that a file names.

    Raises:
        GnetFormatError: there is none, or it never stands in a file.
    """
    if not isinstance(name, str):
        raise refuse(path, f"an op is named by text, not {shown(name)}")
    try:
        cls = op_class(name)
    except GraphError as error:
        raise refuse(path, str(error)) from None
    if issubclass(cls, NEVER_STORED):
        raise refuse(path, f"op {name} never stands in a file")
    return cls


def make_op(cls: type[Op], attributes: dict[str, Any], path: Path) -> Op:
    """An op with decoded attributes.

    Raises:
        GnetFormatError: the op refuses them.
    """
    try:
        return cls(**attributes)
    except STUMBLES as error:
        raise refuse(path, f"{cls.name} refuses its attributes: {error}") from None


def infer_types(op: Op, inputs: Types, path: Path) -> Types:
    """The types that an op makes of the types of its inputs.

    Raises:
        GnetFormatError: it takes another number of inputs, or refuses them.
    """
    least, most = arity(type(op))
    if not least <= len(inputs) <= (limits.ARRAY_ITEMS if most is None else most):
        wanted = f"{least}" if least == most else f"at least {least}"
        raise refuse(path, f"{op.name} takes {wanted} inputs, not {len(inputs)}")
    try:
        return infer_results(op, inputs)
    except STUMBLES as error:
        raise refuse(path, f"{op.name} refuses its inputs: {error}") from None
