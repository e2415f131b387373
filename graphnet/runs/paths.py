"""Paths as a checkpoint keeps them: as text that is the same in every locale, also where their bytes are no UTF-8."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from graphnet.compiler.errors import GnetFormatError
from graphnet.runs.options import Option
from graphnet.runs.recipe import Settings

_RAW = "\0"  # which no path has in it: the bytes follow in hex


def pack_path(path: str) -> str:
    """A path as UTF-8 can hold it."""
    raw = os.fsencode(path)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _RAW + raw.hex()


def unpack_path(text: str) -> str:
    """The path that was packed, as this process calls it.

    Raises:
        GnetFormatError: it is none.
    """
    try:
        raw = bytes.fromhex(text.removeprefix(_RAW)) if text.startswith(_RAW) else text.encode()
        found = os.fsdecode(raw)
    except (ValueError, UnicodeError):
        raise GnetFormatError("it has a path that is none") from None
    if "\0" in found:
        raise GnetFormatError("it has a path with a NUL byte, which no file's name can have")
    return found


def with_paths(change: Callable[[str], str], settings: Settings, options: dict[str, Option]) -> Settings:
    """The settings with each path in them changed."""
    changed = {name: change(str(value)) if name in options and options[name].is_path else value
               for name, value in settings.options.items()}
    return replace(settings, data_dir=settings.data_dir and change(settings.data_dir), options=changed)
