"""Places files atomically: they are written to a temporary directory and moved when they are complete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graphnet.compiler.errors import DataError


@contextmanager
def staging(directory: Path) -> Iterator[Path]:
    """Makes a temporary directory inside `directory`, so that `os.replace` out of it never crosses disks.

    However the block ends, the temporary directory goes away. When it ends with an exception, so do the
    directories that had to be made for it, as far as they are still empty.

    Args:
        directory: Where the finished files are going to live; made when it is not there.

    Yields:
        The temporary directory.

    Raises:
        DataError: The directory cannot be made or written to.
    """
    made = [parent for parent in (directory, *directory.parents) if not parent.exists()]
    try:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".partial-", dir=directory) as temporary:
                yield Path(temporary)
        except OSError as error:
            raise DataError(f"{directory}: cannot be written to: {error}") from error
    except BaseException:
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
        raise


def place(path: Path, content: bytes) -> None:
    """Writes a whole file or nothing; an existing file is replaced in one step.

    Args:
        path: The file to write.
        content: All of its bytes.

    Raises:
        DataError: It cannot be written.
    """
    with staging(path.parent) as temporary:
        partial = temporary / path.name
        partial.write_bytes(content)
        os.replace(partial, path)
