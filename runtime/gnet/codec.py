"""Frozen dataclasses as plain data, and back by the declared types of their fields.

All that a file holds beside its tensors goes through here: the training set-up, what checkpoints keep, how a run was
begun; and by the stricter rules of `fields.py` graphs and their ops, of which this knows nothing.
"""

from __future__ import annotations

import math
import operator
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

import numpy as np

from graphnet.compiler.errors import ArgumentError, GnetFormatError
from graphnet.runtime.gnet.wire.header import Plain, expect_keys, expect_list
from graphnet.runtime.gnet.wire.refusal import Path, refuse, shown
from graphnet.runtime.records import usual_values

T = TypeVar("T")


@cache
def hints_of(cls: type) -> dict[str, Any]:
    """The declared type of each field of a dataclass, in order."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in fields(cls)}


class Codec:
    """Writes every field (but see `unless`), in order, and asks no more of a value than its type.

    That is bool, int, float, str, an array, such a dataclass, something with a config, a tuple, map or TypedDict of
    these, any of these or None, one of several scalar types, or Any plain data with arrays in it. The type
    `Annotated[int, "not negative"]`, and so with float, is that of a number that is finite and not negative.
    """

    def encode_record(self, record: Any, path: Path = ()) -> Plain:
        """The fields of a dataclass as plain data, with arrays in it as they are.

        Raises:
            GnetFormatError: a field holds what cannot stand in a file.
        """
        cls = cast(type, type(record))
        left_out = [key for key, usual in usual_values(cls).items() if getattr(record, key) == usual]
        return {key: self._encode(getattr(record, key), hint, (*path, key))
                for key, hint in hints_of(cls).items() if key not in left_out}

    def decode_record(self, cls: type[T], plain: Any, path: Path) -> T:
        """The dataclass that plain data at `path` of a file stands for.

        Raises:
            GnetFormatError: a key is unknown or missing, a value is not of the field's type, or the class refuses it.
        """
        values = self.decode_map(plain, hints_of(cast(type, cls)), path, self._optional(cls))
        try:
            return cls(**values)
        except GnetFormatError as error:
            raise refuse((*path, *error.path), error.reason) from None

    def decode_map(self, plain: Any, hints: Mapping[str, Any], path: Path,
                   optional: tuple[str, ...] = ()) -> dict[str, Any]:
        """The values of a map that has these keys, of these types, and no other key.

        Raises:
            GnetFormatError: a key is unknown or missing, or a value is not of its type.
        """
        expect_keys(plain, tuple([key for key in hints if key not in optional]), path,
                    tuple([key for key in optional if key in hints]))
        values = {}
        for key, value in plain.items():
            try:
                values[key] = self._decode(value, hints[key], (*path, key))
            except ArgumentError as error:  # from a config
                raise refuse((*path, key), str(error)) from error
        return values

    def _optional(self, cls: type) -> tuple[str, ...]:
        """The fields of a dataclass that need not be there."""
        return tuple(usual_values(cls))

    def _encode(self, value: Any, hint: Any, path: Path) -> Any:
        """A value of the declared type as plain data."""
        kind = get_origin(hint) or hint
        if kind in (int, float):
            return self._number(value, kind, path)
        members = _members(hint)
        if kind in (bool, str, Literal) or len(members) > 1:
            return self._decode(value, hint, path)
        if kind is Annotated:
            return self._encode(value, get_args(hint)[0], path)
        if kind in (Any, np.ndarray) or is_typeddict(kind):
            return value
        if members:
            return None if value is None else self._encode(value, members[0], path)
        if kind is tuple:
            pairs = _pairs(expect_list(list(value) if isinstance(value, tuple) else value, path), hint, path)
            return [self._encode(item, part, (*path, index)) for index, (item, part) in enumerate(pairs)]
        if kind in (dict, Mapping):
            return {key: self._encode(item, get_args(hint)[1], (*path, key)) for key, item in value.items()}
        if hasattr(kind, "from_config") and isinstance(value, kind):
            return value.config()
        if is_dataclass(kind) and isinstance(value, cast(type, kind)):
            return self.encode_record(value, path)
        raise refuse(path, f"{shown(value)} cannot be stored: files hold numbers, text and tuples of them")

    def _decode(self, plain: Any, hint: Any, path: Path) -> Any:
        """The value of the declared type that plain data stands for; a config raises an ArgumentError."""
        kind = get_origin(hint) or hint
        if kind in (bool, int, float, str, np.ndarray):
            return self._scalar(plain, (kind,), path)
        if kind is Any or (plain is None and type(None) in get_args(hint)):
            return plain
        if kind is Annotated:
            return _not_negative(plain, get_args(hint)[0], path)
        if kind is Literal:
            return _one_of(plain, get_args(hint), path)
        if members := _members(hint):
            return self._scalar(plain, members, path) if len(members) > 1 else self._decode(plain, members[0], path)
        if kind is tuple:
            pairs = _pairs(expect_list(plain, path), hint, path)
            return tuple([self._decode(item, part, (*path, index)) for index, (item, part) in enumerate(pairs)])
        if kind in (dict, Mapping):
            return {key: self._decode(item, get_args(hint)[1], (*path, key))
                    for key, item in self._scalar(plain, (dict,), path).items()}
        if is_typeddict(kind):
            return self.decode_map(plain, get_type_hints(kind), path)
        if hasattr(kind, "from_config"):
            return kind.from_config(plain)
        if is_dataclass(kind):
            return self.decode_record(cast(type, kind), plain, path)
        raise refuse(path, "this field cannot be stored in a file")

    def _scalar(self, plain: Any, kinds: tuple[type, ...], path: Path) -> Any:
        """A value of exactly one of these types."""
        if type(plain) not in kinds:
            names = " or ".join(kind.__name__ for kind in kinds)
            raise refuse(path, f"it must be of type {names}, not {type(plain).__name__}")
        return plain

    def _number(self, value: Any, kind: type, path: Path) -> Any:
        """Python's own number, whatever type it came in."""
        if isinstance(value, str | bytes) or (kind is int and isinstance(value, bool)):
            return self._scalar(value, (kind,), path)
        try:
            number = operator.index(value) if kind is int else float(value)
        except (TypeError, ValueError, OverflowError):
            return self._scalar(value, (kind,), path)
        if kind is int and not -1 << 63 <= number < 1 << 64:
            raise refuse(path, f"{number} does not fit in 64 bits")
        return number


def _members(hint: Any) -> tuple[Any, ...]:
    """The types of a union, but for that of None; no others have any."""
    if get_origin(hint) not in (Union, types.UnionType):
        return ()
    return tuple([member for member in get_args(hint) if member is not type(None)])


def _pairs(items: list[Any], hint: Any, path: Path) -> list[tuple[Any, Any]]:
    """Each item of a tuple with its declared type."""
    parts = get_args(hint)
    if len(parts) == 2 and parts[1] is Ellipsis:
        return [(item, parts[0]) for item in items]
    if len(items) != len(parts):
        raise refuse(path, f"it must have {len(parts)} items, not {len(items)}")
    return list(zip(items, parts, strict=True))


def _one_of(plain: Any, texts: tuple[Any, ...], path: Path) -> Any:
    if not isinstance(plain, str) or plain not in texts:
        raise refuse(path, f"it must be one of {', '.join(map(str, texts))}, not {shown(plain)}")
    return plain


def _not_negative(plain: Any, kind: Any, path: Path) -> Any:
    if type(plain) is not kind or not 0 <= plain < math.inf:
        raise refuse(path, f"it must be of type {kind.__name__}, finite and not negative, got {plain!r}")
    return plain


_PLAIN = Codec()
encode_record, decode_record, decode_map = _PLAIN.encode_record, _PLAIN.decode_record, _PLAIN.decode_map
