"""Opens files that may or may not be gzip-packed; the content decides, never the file's name."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader

from graphnet.compiler.errors import DataError
from graphnet.compiler.words import file_label
from graphnet.data.files.files import regular_file

GZIP_MAGIC = b"\x1f\x8b"
# Deflate cannot pack tighter than 1032:1 (https://zlib.net/zlib_tech.html, "Maximum Compression Factor").
MOST_PER_PACKED_BYTE = 1032
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Unpacked:
    """A readable stream of unpacked bytes.

    Attributes:
        stream: Where to read from.
        packed: Whether the bytes are gzip-packed on the disk.
        most: Upper bound of what the stream can give, in bytes; exact for a file that is not packed.
    """

    stream: BufferedReader | gzip.GzipFile
    packed: bool
    most: int

    def read_up_to(self, count: int) -> bytearray:
        """Reads at most `count` bytes; memory grows with what is there, not with `count`."""
        data = bytearray()
        while len(data) < count:
            chunk = self.stream.read(min(_CHUNK, count - len(data)))
            if not chunk:
                break
            data += chunk
        return data


@contextmanager
def open_unpacked(path: str | os.PathLike[str]) -> Iterator[Unpacked]:
    """Opens a file for reading its unpacked bytes.

    Errors that occur while the stream is read inside the `with` block are translated too.

    Args:
        path: A regular file, gzip-packed or not.

    Yields:
        The stream with its bounds.

    Raises:
        DataError: The file cannot be opened or read, is not a regular file, or its gzip data is damaged.
    """
    path = regular_file(path)
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            file.seek(0)
            size = os.fstat(file.fileno()).st_size
            if not packed:
                yield Unpacked(file, packed=False, most=size)
                return
            with gzip.GzipFile(fileobj=file) as stream:
                yield Unpacked(stream, packed=True, most=size * MOST_PER_PACKED_BYTE)
    except EOFError as error:
        raise DataError(f"{file_label(path)}: the gzip data is cut off; fetch or copy the file again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{file_label(path)}: the gzip data is damaged ({error}); fetch or copy the file again"
        ) from error
    except OSError as error:
        raise DataError(f"{file_label(path)}: cannot be read: {error.strerror or error}") from error
