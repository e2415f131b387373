"""Where graphnet keeps what it could get or make again: data that it has downloaded, code that it has compiled."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from graphnet.compiler.errors import DataError

VARIABLE, OFF = "GRAPHNET_CACHE", "off"
"""The environment variable that names the folder, and the value by which no code is kept."""


def user_cache() -> Path:
    """The folder; it need not exist.

    In order: `$GRAPHNET_CACHE` itself; on Windows `%LOCALAPPDATA%\\graphnet`; else `$XDG_CACHE_HOME/graphnet`
    (relative values are ignored, as the XDG Base Directory Specification demands); else `~/.cache/graphnet`, on macOS
    `~/Library/Caches/graphnet` unless the other is there. Variables that are empty count as unset, and so does
    `GRAPHNET_CACHE=off`.

    Raises:
        DataError: no variable is set and the user has no home directory, or `$GRAPHNET_CACHE` begins with a user's that
            is not known.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen and chosen != OFF:
        return _expanded(chosen)
    base = Path(os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", ""))
    if base.is_absolute():
        return base / "graphnet"
    try:
        home = Path.home()
    except RuntimeError as error:
        raise DataError("no home directory to keep a cache in; set GRAPHNET_CACHE to a directory") from error
    usual = home / ".cache" / "graphnet"
    return home / "Library" / "Caches" / "graphnet" if sys.platform == "darwin" and not usual.is_dir() else usual


def _expanded(chosen: str) -> Path:
    try:
        return Path(chosen).expanduser()
    except RuntimeError as error:
        raise DataError(f"GRAPHNET_CACHE is {chosen!r}, but whose home directory {chosen.split(os.sep)[0]!r} is cannot "
                        "be told; set it to a directory without ~") from error
