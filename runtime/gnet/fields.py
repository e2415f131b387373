"""Stores the fields of frozen dataclasses as plain data and reads them back by their declared types.

Ops, their attributes and the items of a Graph all go through here. A field at its default is not written, so that
files written before the field existed stay canonical; a default, once published, must never change.
"""

from __future__ import annotations

import operator
import types
from collections.abc import Collection
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from graphnet.compiler.op import Op, is_registered
from graphnet.compiler.types import Dim
from graphnet.runtime.gnet.ops import make_op, stored_class
from graphnet.runtime.gnet.wire import limits
from graphnet.runtime.gnet.wire.header import Plain, expect_items, expect_keys, expect_list
from graphnet.runtime.gnet.wire.names import check_text
from graphnet.runtime.gnet.wire.refusal import Path, refuse, shown

_NAMES = {bool: "true or false", int: "a whole number", float: "a float", str: "text", type(None): "nil"}


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


@cache
def _fields(cls: type) -> tuple[Field[Any], ...]:
    return tuple(sorted(fields(cls), key=lambda field: field.name))


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


@cache
def _keys(cls: type, skip: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The stored fields that must be there, and those that may."""
    stored = [field for field in _fields(cls) if field.name not in skip]
    required = tuple(field.name for field in stored if _default(field) is MISSING)
    return required, tuple(field.name for field in stored if field.name not in required)


def encode_record(record: Any, path: Path, skip: Collection[str] = ()) -> Plain:
    """The fields of a dataclass, but for `skip` and those at their defaults, as plain data in order of name.

    Raises:
        GnetFormatError: a field holds what cannot stand in a file.
    """
    cls: type = type(record)
    hints, plain = _hints(cls), {}
    for field in _fields(cls):
        value = getattr(record, field.name)
        if field.name in skip or _same(value, _default(field)):
            continue
        plain[field.name] = encode(value, hints[field.name], (*path, field.name))
    return plain


def decode_fields(cls: type, plain: Any, path: Path, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """The stored fields of a dataclass, but for `skip`, from plain data.

    Raises:
        GnetFormatError: a key is unknown or missing, or a value is not of the field's type.
    """
    hints = _hints(cls)
    required, optional = _keys(cls, skip)
    expect_keys(plain, required, path, optional)
    return {key: decode(value, hints[key], (*path, key)) for key, value in plain.items()}


def encode_op(op: Op, path: Path) -> list[Any]:
    """The name and the attributes of an op.

    Raises:
        GnetFormatError: the op or an attribute cannot be stored.
    """
    if not is_registered(op):
        raise refuse(path, f"op {op.name} is not registered, so no file with it could be loaded: put @gn.register_op "
                           f"above the class {type(op).__name__}")
    stored_class(op.name, (*path, 0))
    return [op.name, encode_record(op, (*path, 1))]


def decode_op(name: Any, attributes: Any, path: Path) -> Op:
    """The op of this name, with its attributes from plain data.

    Raises:
        GnetFormatError: there is no such op, or it does not take these attributes.
    """
    cls = stored_class(name, (*path, 0))
    return make_op(cls, decode_fields(cls, attributes, (*path, 1)), (*path, 1))


def encode(value: Any, hint: Any, path: Path) -> Any:
    """A value of the declared type as plain data.

    Raises:
        GnetFormatError: it is not of that type, or the type cannot stand in a file.
    """
    if hint is float:
        return _as_float(value, path)
    if hint is int:
        return _as_int(value, path)
    if hint in _NAMES or get_origin(hint) is Literal:
        return decode(value, hint, path)
    if _is_union(hint):
        return encode(value, _member(value, hint, path), path)
    if get_origin(hint) is tuple:
        items = expect_list(list(value) if isinstance(value, tuple | list) else value, path)
        return [encode(item, part, (*path, index)) for index, (item, part) in enumerate(_pairs(items, hint, path))]
    if hint is Op and isinstance(value, Op):
        return encode_op(value, path)
    if is_dataclass(hint) and hint is not Op and isinstance(value, cast(type, hint)):
        return encode_record(value, path)
    raise refuse(path, f"{shown(value)} cannot be stored: files hold numbers, text and tuples of them")


def decode(plain: Any, hint: Any, path: Path) -> Any:
    """The value of the declared type that plain data stands for.

    Raises:
        GnetFormatError: the data does not fit the type, or a dim is out of range.
    """
    if hint in _NAMES:
        return _check_scalar(plain, hint, path)
    if get_origin(hint) is Literal:
        if not isinstance(plain, str) or plain not in get_args(hint):
            raise refuse(path, f"it must be one of {', '.join(map(str, get_args(hint)))}, not {shown(plain)}")
        return plain
    if hint == Dim:
        return check_dim(plain, path)
    if _is_union(hint):
        return decode(plain, _member(plain, hint, path), path)
    if get_origin(hint) is tuple:
        most = limits.RANK if get_args(hint)[0] == Dim else limits.ARRAY_ITEMS
        items = expect_list(plain, path, most)
        return tuple([decode(item, part, (*path, index))
                      for index, (item, part) in enumerate(_pairs(items, hint, path))])
    if hint is Op:
        name, attributes = expect_items(plain, ("op", "attributes"), path)
        return decode_op(name, attributes, path)
    if is_dataclass(hint):
        return cast(type, hint)(**decode_fields(cast(type, hint), plain, path))
    raise refuse(path, "this field cannot be stored in a file")


def check_dim(dim: Any, path: Path) -> Dim:
    """A dim: a whole number in range, or the name of a symbol.

    Raises:
        GnetFormatError: it is anything else.
    """
    if isinstance(dim, str):
        if not 0 < len(dim.encode()) <= limits.SYMBOL_BYTES:
            raise refuse(path, f"the name of a symbolic dim has {len(dim.encode())} bytes; allowed are 1 to "
                               f"{limits.SYMBOL_BYTES}")
        check_text(dim, path)
        return dim
    if type(dim) is not int:
        raise refuse(path, f"a dim must be a whole number or the name of a symbol, not {shown(dim)}")
    if not 0 <= dim <= limits.EXTENT:
        raise refuse(path, f"a dim of {dim}; allowed are 0 to {limits.EXTENT}")
    return dim


def _check_scalar(plain: Any, hint: type, path: Path) -> Any:
    if type(plain) is not hint:
        raise refuse(path, f"it must be {_NAMES[hint]}, not {shown(plain)}")
    if isinstance(plain, str):
        check_text(plain, path)
    return plain


def _as_float(value: Any, path: Path) -> float:
    try:
        return float(value) if not isinstance(value, str | bytes) else _check_scalar(value, float, path)
    except (TypeError, ValueError, OverflowError):
        raise refuse(path, f"it must be a float, not {shown(value)}") from None


def _as_int(value: Any, path: Path) -> int:
    try:
        number = operator.index(value) if not isinstance(value, bool) else _check_scalar(value, int, path)
    except TypeError:
        raise refuse(path, f"it must be a whole number, not {shown(value)}") from None
    if not -1 << 63 <= number < 1 << 64:
        raise refuse(path, f"{number} does not fit in 64 bits")
    return number


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _member(value: Any, hint: Any, path: Path) -> Any:
    """The member of a union that a value, plain or not, belongs to."""
    for member in get_args(hint):
        kind = get_origin(member) or member
        plain_kinds = (list,) if kind in (tuple, Op) else (dict,) if is_dataclass(kind) else ()
        if type(value) in plain_kinds or (kind is Literal and value in get_args(member)):
            return member
        if type(value) is kind or (is_dataclass(kind) and isinstance(value, cast(type, kind))):
            return member
    raise refuse(path, f"{shown(value)} is not of the type {hint}")


def _pairs(items: list[Any], hint: Any, path: Path) -> list[tuple[Any, Any]]:
    """Each item of a tuple with its declared type."""
    parts = get_args(hint)
    if len(parts) == 2 and parts[1] is Ellipsis:
        return [(item, parts[0]) for item in items]
    if len(items) != len(parts):
        raise refuse(path, f"it must have {len(parts)} items, not {len(items)}")
    return list(zip(items, parts, strict=True))


def _same(value: Any, default: Any) -> bool:
    """Equal in value and type: 0.0 is neither 0 nor -0.0."""
    return type(value) is type(default) and value == default and repr(value) == repr(default)
