"""The declared types of attributes: whether a value is of one, and how it is called."""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from graphnet.compiler.errors import GraphError
from graphnet.compiler.op import Op

_NAMES = {bool: "True or False", int: "a whole number", float: "a number", str: "a string in quotes",
          type(None): "None"}


@cache
def attribute_types(cls: type) -> dict[str, Any]:
    """The declared type of each attribute of an op class.

    Raises:
        GraphError: an annotation is of no use, such as one that names what its module does not.
    """
    try:
        return get_type_hints(cls)
    except (AttributeError, NameError, TypeError) as error:
        raise GraphError(f"the annotations of {cls.__qualname__} cannot be read: {error}") from None


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a declared type. A whole number may stand for a float."""
    if hint is Any:
        return True
    if hint in _NAMES:
        return type(value) is hint or (hint is float and type(value) is int)
    if get_origin(hint) is Literal:
        return any(type(value) is type(allowed) and value == allowed for allowed in get_args(hint))
    if _is_union(hint):
        return any(fits(value, member) for member in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and _items_fit(value, get_args(hint))
    return isinstance(hint, type) and isinstance(value, hint)


def describe(hint: Any) -> str:
    """The declared type in words."""
    if hint is Any:
        return "a value"
    if hint in _NAMES:
        return _NAMES[hint]
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if _is_union(hint):
        return " or ".join(map(describe, get_args(hint)))
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        endless = len(parts) == 2 and parts[1] is Ellipsis
        return f"a tuple, each item {describe(parts[0])}" if endless else f"({', '.join(map(describe, parts))})"
    if isinstance(hint, type) and issubclass(hint, Op):
        return "an op" if hint is Op else f"an op of the kind {hint.__name__}"
    return " or ".join(enum_members(hint)) or str(hint)


@cache
def enum_members(hint: Any) -> dict[str, Enum]:
    """The members of every enumeration in a declared type, by the names that they have in text: `Colour.RED`."""
    enums = [cls for cls in _classes(hint) if issubclass(cls, Enum)]
    return {f"{cls.__name__}.{member.name}": member for cls in enums for member in cls}


@cache
def may_hold_op(hint: Any) -> bool:
    """Whether a value of a declared type may be, or hold, an op."""
    return any(cls is object or issubclass(cls, Op) for cls in _classes(hint))


def _classes(hint: Any) -> Iterator[type]:
    """Every class in a declared type; `object` for what may be anything."""
    if hint is Any:
        yield object
    if isinstance(hint, type):
        yield hint
    for part in get_args(hint) if get_origin(hint) is not Literal else ():
        yield from _classes(part)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _items_fit(items: tuple[Any, ...], parts: tuple[Any, ...]) -> bool:
    if len(parts) == 2 and parts[1] is Ellipsis:
        return all(fits(item, parts[0]) for item in items)
    return len(items) == len(parts) and all(map(fits, items, parts))
