"""Writes a file as a whole or not at all, also when the machine stops halfway. Nothing else makes or replaces files.

The bytes go to a temporary file beside the target, are synced to disk, and are put in place by one rename, which is
synced too. A process that is killed leaves its temporary file; the next one to write the same target removes it. It
tells dead from living by a lock that the system drops when a process ends.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import signal
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from graphnet.compiler.errors import ArgumentError

try:
    import fcntl
except ImportError:  # Windows has no such locks, but does not let go of files that are open
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".gnet-tmp"
_SYNCED_EARLY = 8 << 20  # bytes that are worth a sync of their own while the start of the file is being made
_BINARY = getattr(os, "O_BINARY", 0)
_SEPARATORS = tuple({os.sep, os.altsep or os.sep})


@dataclass(frozen=True)
class LateStart:
    """The start of a file, known only when the rest is on its way: its size, and what gives it when it is needed."""

    size: int
    make: Callable[[], memoryview]


def replace_file(path: str | os.PathLike[str], pieces: Iterable[bytes | memoryview], start: LateStart | None = None,
                 *, overwrite: bool = True, owner: str = "save") -> None:
    """Makes `pieces` the contents of a file.

    Args:
        path: the target; symbolic links are followed. An existing file keeps its mode.
        pieces: the bytes, in order.
        start: what stands before them, if that is known later; what it raises is passed on.
        overwrite: whether there may be a file already.
        owner: who is named when the target is refused.

    Raises:
        ArgumentError: the target is no regular file, or its folder does not exist, or the working directory does not.
        FileExistsError: it is there and may not be replaced.
        OSError: what the system refuses; before the rename the old file is untouched.
    """
    target = _resolved(owner, path)
    if not overwrite and (os.path.lexists(path) or os.path.lexists(target)):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))
    mode = _check_target(owner, path, target)
    folder, prefix = os.path.dirname(target), _prefix(target)
    remove_stale(folder, prefix)
    with ExitStack() as always, ExitStack() as on_failure:
        always.enter_context(_cleaning_up_if_ended(on_failure))
        temporary, descriptor = _create(folder, prefix, mode, always, on_failure)
        try:
            _write_all(descriptor, pieces, start, os.fspath(path))
            with _naming(os.fspath(path)):
                if mode is not None:
                    os.chmod(temporary, mode)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not overwrite:  # takes the name, unless somebody did meanwhile
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            on_failure.callback(_remove, target)
        with _naming(os.fspath(path)):
            os.replace(temporary, target)
        on_failure.pop_all()
    _sync_folder(folder)


def is_temporary(name: str) -> bool:
    """Whether a file with this name is one that is written to, or that a process left when it died."""
    return name.startswith(".") and name.endswith(_SUFFIX)


def remove_stale(folder: str, prefix: str) -> None:
    """Removes the temporary files of one target that no living process is writing."""
    try:
        names = os.listdir(folder)
    except PermissionError:  # a folder that may be written to, but not read
        return
    for name in names:
        if name.startswith(prefix) and is_temporary(name):
            with suppress(OSError):  # another process came first, or may not be disturbed
                _remove_unlocked(os.path.join(folder, name))


def _resolved(owner: str, path: str | os.PathLike[str]) -> str:
    """The absolute path, without symbolic links."""
    try:
        return os.path.realpath(path)
    except FileNotFoundError:
        raise ArgumentError(owner, "path", os.fspath(path), "it is relative to the working directory, which is not "
                                                            "there any more; give an absolute path") from None


def _check_target(owner: str, path: str | os.PathLike[str], target: str) -> int | None:
    """The mode bits of the target, None if it does not exist yet."""
    if os.fspath(path).endswith(_SEPARATORS):
        raise ArgumentError(owner, "path", os.fspath(path), "it must be a file, and this ends as a folder does")
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        if not os.path.isdir(os.path.dirname(target)):
            raise ArgumentError(owner, "path", os.fspath(path), "its folder must exist; create it first") from None
        return None
    if not stat.S_ISREG(mode):
        raise ArgumentError(owner, "path", os.fspath(path), "only a regular file can be replaced")
    return stat.S_IMODE(mode)


def _prefix(target: str) -> str:
    """What the temporary files of a target start with; short, whatever the target's own name is."""
    return f".{hashlib.sha256(os.fsencode(os.path.basename(target))).hexdigest()[:16]}-"


def _create(folder: str, prefix: str, mode: int | None, stack: ExitStack, cleanup: ExitStack) -> tuple[str, int]:
    """A new locked file: its path and descriptor. The lock lasts until the stack closes; `cleanup` removes the file.

    The file of a private target is private from the start.
    """
    while True:
        path = os.path.join(folder, f"{prefix}{secrets.token_hex(8)}{_SUFFIX}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
        cleanup.callback(_remove, path)  # before it is there, so that at no moment it could be left
        try:
            descriptor = os.open(path, flags, 0o666 if mode is None else stat.S_IRUSR | stat.S_IWUSR)
        except OSError as error:  # names the folder: nobody knows of the temporary file
            raise OSError(error.errno, os.strerror(error.errno or 0), folder) from None
        if fcntl is None:
            return path, descriptor
        stack.callback(os.close, os.dup(descriptor))  # shares the lock
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # somebody cleaned up before the lock was taken


def _remove_unlocked(path: str) -> None:
    if fcntl is None:
        os.unlink(path)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, pieces: Iterable[bytes | memoryview], start: LateStart | None, path: str) -> None:
    if start is None:
        for piece in pieces:
            _write(descriptor, piece, path)
        return
    end = os.lseek(descriptor, start.size, os.SEEK_SET)
    for piece in pieces:
        _write(descriptor, piece, path)
        end += len(piece)
    if end > _SYNCED_EARLY:  # the disk works on while the start is made; the last sync then has little to do
        with _naming(path):
            os.fsync(descriptor)
    os.lseek(descriptor, 0, os.SEEK_SET)
    _write(descriptor, start.make(), path)


def _write(descriptor: int, data: bytes | memoryview, path: str) -> None:
    rest = memoryview(data)
    with _naming(path):
        while rest:
            rest = rest[os.write(descriptor, rest):]


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Within the block, what the system refuses, such as more than fits on the disk, names the file that was asked for
    and not the temporary one or none.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, path) from None


@contextmanager
def _cleaning_up_if_ended(cleanup: ExitStack) -> Iterator[None]:
    """Within the block, a SIGTERM that would end the process cleans up first; what else answers it is left alone.

    Python answers signals in the main thread only.
    """
    alone = threading.current_thread() is not threading.main_thread()
    if alone or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: object) -> None:
        cleanup.close()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _sync_folder(folder: str) -> None:
    if os.name == "nt":  # a folder cannot be opened there, and a rename needs no sync
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # it may be written to, but not read, and so not synced
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
