"""The check that comes before any file is opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from graphnet.compiler.errors import DataError
from graphnet.compiler.words import file_label


def regular_file(path: str | os.PathLike[str]) -> Path:
    """Refuses what is not a plain file; opening a pipe would wait for ever and a device has no end.

    Raises:
        DataError: There is no such file, or it is a directory, a pipe or a device.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise DataError(f"{file_label(path)}: cannot be read: {error.strerror or error}") from error
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise DataError(f"{file_label(path)}: expected a regular file, found {kind}")
    return path
