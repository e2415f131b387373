"""Reads an op and its attributes: `conv2d{padding=((2,2),(2,2)), groups=2}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from graphnet.compiler.errors import STUMBLES, GraphError
from graphnet.compiler.op import Op, op_class
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.parsing.hints import attribute_types, describe, enum_members, fits, may_hold_op
from graphnet.compiler.parsing.line import Line

DEPTH = 32
"""How deep tuples and ops may stand within one another."""
_WORD = re.compile(r"[^\W\d]\w*(?:\.\w+)*")
_WHOLE = re.compile(r"-?[0-9]+(?![0-9.eE])")
_FLOAT = re.compile(r"-?(?:(?:inf|nan)(?![\w.])|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)")
_CONSTANTS: Mapping[str, Any] = {"True": True, "False": False, "None": None}


def read_name(line: Line, what: str = "the name of an op") -> str:
    """Reads the name of an op or an attribute."""
    if found := line.match(_WORD):
        return found[0]
    raise line.expected(what)


def read_op(line: Line, depth: int = 0) -> Op:
    """Reads an op that is no fused one.

    Raises:
        GraphTextError: there is no such op, or it does not take these attributes.
    """
    at = line.at
    return read_attributes(line, read_name(line), at, depth)


def read_attributes(line: Line, name: str, at: int, depth: int = 0) -> Op:
    """Reads the attributes behind the name of an op, which stands at `at`.

    Raises:
        GraphTextError: as `read_op`.
    """
    try:
        cls: Any = op_class(name)
        hints = attribute_types(cls)
    except GraphError as error:
        raise line.error(str(error), at) from None
    if issubclass(cls, Fused):
        raise line.error("a fused op can only be the op of a node", at)
    given = _read_all(line, cls, hints, depth) if line.take("{") else {}
    missing = [field.name for field in fields(cls) if field.name not in given and field.default is MISSING
               and field.default_factory is MISSING]
    if missing:
        raise line.error(f"op {name} needs {', '.join(missing)}: write {name}{{{missing[0]}=…}}", at)
    try:
        op: Op = cls(**given)
    except STUMBLES as error:
        raise line.error(f"op {name} refuses its attributes: {error}", at) from None
    return op


def read_value(line: Line, hint: Any, depth: int = 0) -> Any:
    """Reads a value of a declared type.

    Raises:
        GraphTextError: it is none, or of another type.
    """
    at = line.at
    value = _read_literal(line, hint, depth)
    if not fits(value, hint):
        raise line.error(f"expected {describe(hint)}", at)
    return value


def _read_all(line: Line, cls: type[Op], hints: Mapping[str, Any], depth: int) -> dict[str, Any]:
    known = [field.name for field in fields(cls)]
    given: dict[str, Any] = {}
    while True:
        at, name = line.at, read_name(line, "the name of an attribute")
        if name not in known:
            listed = f"it has {', '.join(known)}" if known else "it has none"
            raise line.error(f"op {cls.name} has no attribute {name!r}; {listed}", at)
        if name in given:
            raise line.error(f"the attribute {name!r} is given twice", at)
        line.expect("=")
        given[name] = read_value(line, hints[name], depth + 1)
        if line.expect(",", "}") == "}":
            return given


def _read_literal(line: Line, hint: Any, depth: int) -> Any:
    at = line.at
    if depth > DEPTH:
        raise line.error(f"tuples and ops stand more than {DEPTH} deep within one another")
    if line.take("("):
        return _read_items(line, hint, depth + 1)
    if (string := line.string()) is not None:
        return string
    if found := line.match(_WHOLE):
        return line.whole(found[0], at)
    if found := line.match(_FLOAT):
        return float(found[0])
    words = {**_CONSTANTS, **enum_members(hint)}
    found = line.match(_WORD)
    if found and found[0] in words:
        return words[found[0]]
    if found and may_hold_op(hint):
        return read_attributes(line, found[0], at, depth)
    raise line.error(f"expected {describe(hint)}", at)


def _read_items(line: Line, hint: Any, depth: int) -> tuple[Any, ...]:
    items: list[Any] = []
    while not line.take(")"):
        items.append(_read_literal(line, hint, depth))
        if len(items) == 1 or not line.at_hand(")"):
            line.expect(",")
    return tuple(items)
