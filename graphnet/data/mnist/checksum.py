"""Checks gzip-packed bytes against what the unpacked file must be; mirrors pack the same file differently."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib

from graphnet.compiler.errors import DataError
from graphnet.data.mnist.mnist_files import IdxFile

_CHUNK = 1 << 16


def check_packed(body: bytes, file: IdxFile) -> None:
    """Checks that gzip-packed bytes unpack to a file; never unpacks more than the file's size.

    Raises:
        DataError: They are not gzip data, are damaged, or unpack to something else.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
            while size <= file.size and (chunk := stream.read(min(_CHUNK, file.size + 1 - size))):
                digest.update(chunk)
                size += len(chunk)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"is not a sound gzip file ({error})") from error
    if size > file.size:
        raise DataError(f"expected {file.size:,} bytes unpacked, found more")
    if digest.hexdigest() != file.sha256:
        raise DataError(
            f"expected SHA-256 {file.sha256} unpacked, found {digest.hexdigest()} of {size:,} bytes"
        )
