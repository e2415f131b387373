"""Stores the fields of ops, their attributes and the items of a Graph, by stricter rules than other dataclasses.

A field at its default is not written, so that files written before the field existed stay canonical; a default, once
published, must never change.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import Any, cast

from graphnet.compiler.op import Op, is_registered
from graphnet.compiler.types import Dim
from graphnet.runtime.gnet.codec import Codec, hints_of
from graphnet.runtime.gnet.ops import make_op, stored_class
from graphnet.runtime.gnet.wire import limits
from graphnet.runtime.gnet.wire.header import Plain, expect_items, expect_list
from graphnet.runtime.gnet.wire.names import check_text
from graphnet.runtime.gnet.wire.refusal import Path, refuse, shown

_NAMES = {bool: "true or false", int: "a whole number", float: "a float", str: "text"}


@cache
def _fields(cls: type) -> tuple[Field[Any], ...]:
    return tuple(sorted(fields(cls), key=lambda field: field.name))


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


class _GraphCodec(Codec):
    """Leaves out defaults, sorts the fields by name, and refuses control characters and dims out of range."""

    def encode_record(self, record: Any, path: Path = (), skip: Collection[str] = ()) -> Plain:
        """The fields of a dataclass, but for `skip` and those at their defaults, as plain data in order of name."""
        cls = cast(type, type(record))
        hints, plain = hints_of(cls), {}
        for field in _fields(cls):
            value = getattr(record, field.name)
            if field.name not in skip and not _same(value, _default(field)):
                plain[field.name] = self._encode(value, hints[field.name], (*path, field.name))
        return plain

    @cache  # noqa: B019 - there is only one
    def _optional(self, cls: type) -> tuple[str, ...]:
        """The fields that have a default."""
        return tuple([field.name for field in _fields(cls) if _default(field) is not MISSING])

    def _encode(self, value: Any, hint: Any, path: Path) -> Any:
        return encode_op(value, path) if hint is Op and isinstance(value, Op) else super()._encode(value, hint, path)

    def _decode(self, plain: Any, hint: Any, path: Path) -> Any:
        if hint == Dim:
            return check_dim(plain, path)
        if hint == tuple[Dim, ...]:
            expect_list(plain, path, limits.RANK)
        if hint is not Op:
            return super()._decode(plain, hint, path)
        if not isinstance(plain, list):
            raise refuse(path, f"{shown(plain)} is not of the type Op")
        name, attributes = expect_items(plain, ("op", "attributes"), path)
        return decode_op(name, attributes, path)

    def _scalar(self, plain: Any, kinds: tuple[type, ...], path: Path) -> Any:
        if type(plain) not in kinds:
            raise refuse(path, f"it must be {' or '.join(_NAMES[kind] for kind in kinds)}, not {shown(plain)}")
        if isinstance(plain, str):
            check_text(plain, path)
        return plain


_GRAPH = _GraphCodec()
encode_record = _GRAPH.encode_record


def decode_fields(cls: type, plain: Any, path: Path, skip: Collection[str] = ()) -> dict[str, Any]:
    """The stored fields of a dataclass, but for `skip`, from plain data.

    Raises:
        GnetFormatError: a key is unknown or missing, or a value is not of the field's type.
    """
    hints = {key: hint for key, hint in hints_of(cls).items() if key not in skip}
    return _GRAPH.decode_map(plain, hints, path, _GRAPH._optional(cls))


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


def _same(value: Any, default: Any) -> bool:
    """Equal in value and type: 0.0 is neither 0 nor -0.0."""
    return type(value) is type(default) and value == default and repr(value) == repr(default)
