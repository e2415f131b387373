"""Checks and copies plain data on its way into a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphnet.runtime.gnet.wire import limits
from graphnet.runtime.gnet.wire.header import Plain
from graphnet.runtime.gnet.wire.refusal import Path, refuse, shown

_SCALARS = (type(None), bool, int, float, str, bytes)


def plain_map(value: Mapping[str, Any], path: Path) -> Plain:
    """A copy of a map of plain data; tuples become lists.

    Raises:
        GnetFormatError: it holds anything else, or nests too deep.
    """
    if not isinstance(value, Mapping):
        raise refuse(path, f"it must be a map, not {shown(value)}")
    copy: Plain = plain(value, path)
    return copy


def plain(value: Any, path: Path) -> Any:
    """A copy of plain data; see `plain_map`.

    Raises:
        GnetFormatError: it holds anything else, or nests too deep.
    """
    if type(value) in _SCALARS:
        return _scalar(value, path)
    if len(path) >= limits.DEPTH:
        raise refuse(path, f"arrays and maps are nested more than {limits.DEPTH} deep")
    if isinstance(value, Mapping):
        return {_key(key, path): plain(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, (*path, index)) for index, item in enumerate(value)]
    raise refuse(path, f"{shown(value)} of type {type(value).__name__} cannot be stored; use None, bool, int, float, "
                       "str, bytes, lists and dicts (a NumPy number has .item())")


def _key(key: Any, path: Path) -> str:
    if type(key) is not str:
        raise refuse(path, f"the key {shown(key)} is no text")
    checked: str = _scalar(key, path)
    return checked


def _scalar(value: Any, path: Path) -> Any:
    if type(value) is int and not -1 << 63 <= value < 1 << 64:
        raise refuse(path, f"{shown(value)} does not fit in 64 bits")
    return value
