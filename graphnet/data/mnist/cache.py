"""Where graphnet keeps what it has downloaded."""

from __future__ import annotations

from pathlib import Path

from graphnet.common.answers import answering
from graphnet.runtime.user_cache import user_cache


@answering
def cache_root() -> Path:
    """The user's cache directory for graphnet; it need not exist.

    In order: `$GRAPHNET_CACHE` itself, unless it is `off`; on Windows `%LOCALAPPDATA%\\graphnet`; else
    `$XDG_CACHE_HOME/graphnet` (relative values are ignored, as the XDG Base Directory Specification demands); else
    `~/.cache/graphnet`, on macOS `~/Library/Caches/graphnet` unless the other is there. Variables that are empty count
    as unset.

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
    return user_cache()
