"""Where graphnet keeps what it has downloaded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from graphnet.common.answers import answering
from graphnet.compiler.errors import DataError


@answering
def cache_root() -> Path:
    """The user's cache directory for graphnet; it need not exist.

    In order: `$GRAPHNET_CACHE` itself; on Windows `%LOCALAPPDATA%\\graphnet`; else `$XDG_CACHE_HOME/graphnet`
    (relative values are ignored, as the XDG Base Directory Specification demands); else
    `~/.cache/graphnet`. Variables that are empty count as unset.

    Raises:
        DataError: No variable is set and the user has no home directory, or `$GRAPHNET_CACHE` begins with a user's that
            is not known.

    Example:
        >>> import os
        >>> os.environ["GRAPHNET_CACHE"] = "somewhere"
        >>> print(gn.data.cache_root())
        somewhere
        >>> del os.environ["GRAPHNET_CACHE"]
    """
    if chosen := os.environ.get("GRAPHNET_CACHE"):
        return _expanded(chosen)
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    base = Path(os.environ.get(variable, ""))
    if base.is_absolute():
        return base / "graphnet"
    try:
        return Path.home() / ".cache" / "graphnet"
    except RuntimeError as error:
        raise DataError("no home directory to keep a cache in; set GRAPHNET_CACHE to a directory") from error


def _expanded(chosen: str) -> Path:
    try:
        return Path(chosen).expanduser()
    except RuntimeError as error:
        raise DataError(f"GRAPHNET_CACHE is {chosen!r}, but whose home directory {chosen.split(os.sep)[0]!r} is cannot "
                        "be told; set it to a directory without ~") from error
