"""Where the bytes of a file come from: a path, bytes, or a binary file object. Each byte is read once."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol

from graphnet.compiler.errors import ArgumentError
from graphnet.runtime.gnet.wire import preamble
from graphnet.runtime.gnet.wire.refusal import naming, refuse

CHUNK = 1 << 20
Justify = Callable[[preamble.Preamble, bytes], object]


class Source(Protocol):
    """Bytes of a known number.

    Attributes:
        name: for messages.
        size: the number of bytes.
        in_order: whether they must be read from front to back; else several threads may read at once.
    """

    name: str
    size: int
    in_order: bool

    def fill(self, target: memoryview, at: int) -> None:
        """Fills the target with the bytes from number `at`.

        Raises:
            GnetFormatError: there are not so many.
        """

    def take(self, count: int, at: int) -> bytes:
        """The `count` bytes from number `at`; the caller has checked that number.

        Raises:
            GnetFormatError: there are not so many.
        """


class _Taking:
    in_order = False

    def fill(self, target: memoryview, at: int) -> None:
        raise NotImplementedError

    def take(self, count: int, at: int) -> bytes:
        data = bytearray(count)
        self.fill(memoryview(data), at)
        return bytes(data)


class FileSource(_Taking):
    """A regular file, by its descriptor."""

    def __init__(self, descriptor: int, name: str) -> None:
        self.descriptor, self.name = descriptor, name
        self.size = os.fstat(descriptor).st_size
        self.in_order = not hasattr(os, "preadv")  # Windows has one place in a file for all threads
        self._file = open(descriptor, "rb", buffering=0, closefd=False)  # noqa: SIM115 - the descriptor's owner closes

    def fill(self, target: memoryview, at: int) -> None:
        """See Source."""
        while target:
            count = self._read(target, at)
            if not count:
                raise refuse((), "the file became shorter while it was read")
            target, at = target[count:], at + count

    def _read(self, target: memoryview, at: int) -> int:
        if not self.in_order:
            return os.preadv(self.descriptor, [target], at)
        self._file.seek(at)
        return self._file.readinto(target)


class BytesSource(_Taking):
    """Bytes in memory."""

    def __init__(self, data: Any, name: str) -> None:
        view = memoryview(data)
        self._data = view.cast("B") if view.c_contiguous and view.nbytes else memoryview(view.tobytes())
        self.name = name
        self.size = len(self._data)

    def fill(self, target: memoryview, at: int) -> None:
        """See Source. The size is checked before anything is read."""
        target[:] = self._data[at:at + len(target)]


class HashingSource(_Taking):
    """Another source, whose bytes it adds up to a SHA-256."""

    in_order = True

    def __init__(self, source: Source) -> None:
        self._source, self.name, self.size = source, source.name, source.size
        self._hash = hashlib.sha256()

    def fill(self, target: memoryview, at: int) -> None:
        """See Source."""
        self._source.fill(target, at)
        self._hash.update(target)

    @property
    def digest(self) -> str:
        """The SHA-256 of all that was read, in hex."""
        return self._hash.hexdigest()

    def check(self, expected: str) -> None:
        """Refuses bytes with another SHA-256.

        Raises:
            GnetFormatError: they have.
        """
        if self.digest != expected:
            raise refuse((), f"the SHA-256 of the file is {self.digest}, expected is {expected}: "
                             "this is another file than the one asked for")


@contextmanager
def open_source(source: Any, justify: Justify) -> Iterator[Source]:
    """The bytes of a path, a bytes-like object, or an object with a `read` method.

    Args:
        source: one of these.
        justify: refuses a preamble and a header that do not account for the file's length, where it has to be believed.

    Raises:
        GnetFormatError: the path is no regular file, or a file object is no `.gnet` file.
        ArgumentError: it is none of these.
    """
    if isinstance(source, str | os.PathLike):
        with open_descriptor(source) as descriptor:
            yield FileSource(descriptor, os.fspath(source))
    elif isinstance(source, bytes | bytearray | memoryview):
        yield BytesSource(source, "bytes")
    elif isinstance(source, io.TextIOBase):
        raise ArgumentError("load", "source", source, 'a file must be opened in binary mode: open(path, "rb")')
    elif hasattr(source, "read"):
        name = str(getattr(source, "name", "file object"))
        with naming(name):
            data = read_all(source, justify)
        yield BytesSource(data, name)
    else:
        raise ArgumentError("load", "source", source, "it must be a path, bytes, or a file opened in binary mode")


@contextmanager
def open_descriptor(path: str | os.PathLike[str]) -> Iterator[int]:
    """A read-only descriptor of a regular file. Never waits, as opening a pipe would.

    Raises:
        GnetFormatError: the path is a directory, pipe, device or socket.
        OSError: there is no such file, or it may not be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if error.errno != errno.ENXIO:  # what a socket gives
            raise
        raise refuse((), "it is not a regular file but a socket") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise refuse((), f"it is not a regular file but {_kind(mode)}")
        yield descriptor
    finally:
        os.close(descriptor)


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a directory"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a device"),
             (stat.S_ISBLK, "a device"))
    return next((text for test, text in kinds if test(mode)), "something else")


def read_all(file: BinaryIO, justify: Justify) -> bytearray:
    """Everything that a file object holds, in pieces, and never more than its header justifies (and one byte).

    Raises:
        GnetFormatError: it does not start as a `.gnet` file does, or its header does not justify its length.
        ArgumentError: it gives text.
    """
    data = bytearray()
    if not _extend(data, file, preamble.SIZE):
        return data
    start = preamble.parse_preamble(bytes(data[:preamble.SIZE]), None)
    if not _extend(data, file, start.header_end):
        return data
    justify(start, bytes(data[preamble.SIZE:start.header_end]))
    _extend(data, file, start.file_length + 1)
    return data


def _extend(data: bytearray, file: BinaryIO, wanted: int) -> bool:
    """Reads until there are so many bytes; False if the file ends before."""
    while len(data) < wanted:
        piece = file.read(min(CHUNK, wanted - len(data)))
        if isinstance(piece, str):
            raise ArgumentError("load", "source", file, "a file object must be opened in binary mode")
        if not piece:
            return False
        data += piece
    return True
