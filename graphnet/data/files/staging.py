"""Places files of data, and makes the directories for them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graphnet.compiler.atomic import replace_file
from graphnet.compiler.errors import ArgumentError, DataError
from graphnet.compiler.words import file_label


@contextmanager
def making(directory: Path) -> Iterator[None]:
    """Makes a directory for what the block places in it.

    When the block ends with an exception, the directories that had to be made go, as far as they are still empty.

    Args:
        directory: Where the files are going to live; made when it is not there.

    Raises:
        DataError: The directory cannot be made or written to.
    """
    made = [parent for parent in (directory, *directory.parents) if not parent.exists()]
    try:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if not os.access(directory, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(directory))
            yield
        except OSError as error:
            raise DataError(f"{file_label(directory)}: cannot be written to: {error}") from error
    except BaseException:
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
        raise


def place(path: Path, content: bytes) -> None:
    """Writes a whole file or nothing; an existing file is replaced in one step.

    Args:
        path: The file to write; its directory is made when it is not there.
        content: All of its bytes.

    Raises:
        DataError: It cannot be written.
    """
    with making(path.parent):
        try:
            replace_file(path, [content])
        except ArgumentError as error:  # no regular file
            raise DataError(f"{file_label(path)}: cannot be written to: {error}") from error
