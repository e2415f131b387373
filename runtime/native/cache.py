"""Keeps what was compiled from process to process, as files of the user's own. It serves speed alone: whatever is wrong
with the folder or a file, what is looked for is made anew.

Object code is code, so nothing is loaded that another user may have written, nor what does not match the hash in front
of it, which is that of its name and its contents.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from graphnet.compiler.atomic import is_temporary, replace_file
from graphnet.compiler.errors import GraphNetError
from graphnet.runtime.llvm.jit import LEVEL, Processor, compile_text, llvm
from graphnet.runtime.user_cache import OFF, VARIABLE, user_cache

LIMIT = 256 << 20
"""Bytes that may be kept; what was not used for longest goes first."""
_SUFFIX, _HASH = ".code", 32


@cache
def source_digest() -> str:
    """A hash of all that decides about code: the sources of the compiler and of the native backend. Empty if they are
    not there to be read."""
    runtime = Path(__file__).parent
    digest = hashlib.sha256()
    try:
        folders = (runtime.parents[1] / "compiler", runtime.parent / "llvm", runtime)
        files = sorted((where, name) for folder in folders for where, _, names in os.walk(folder) for name in names
                       if name.endswith(".py"))
        for where, name in files:
            with open(os.path.join(where, name), "rb") as file:
                digest.update(name.encode() + b"\0" + hashlib.sha256(file.read()).digest())
    except OSError:
        return ""
    return digest.hexdigest() if files else ""


def cache_folder() -> Path | None:
    """Where code is kept; None if it is not: by `GRAPHNET_CACHE=off`, or because no place is known for it."""
    if os.environ.get(VARIABLE) == OFF:
        return None
    with suppress(GraphNetError, OSError):
        return user_cache() / "native"
    return None


@dataclass(frozen=True)
class CodeCache:
    """Files of bytes by key.

    Attributes:
        folder: where they are; None for nowhere.
        limit: bytes that may be kept.
    """

    folder: Path | None
    limit: int = LIMIT

    @property
    def refusal(self) -> str:
        """Why nothing is kept there; empty if it is."""
        if self.folder is None:
            return f"{VARIABLE} is {OFF}" if os.environ.get(VARIABLE) == OFF else "there is no folder for it"
        try:
            found = self.folder.stat()
        except FileNotFoundError:
            return ""
        except NotADirectoryError:
            return "it would lie in what is no folder"
        except OSError as error:
            return error.strerror or str(error)
        if not stat.S_ISDIR(found.st_mode):
            return "it is no folder"
        if os.name != "nt" and found.st_uid != os.geteuid():
            return "it belongs to another user"
        return "others may write to it" if os.name != "nt" and found.st_mode & 0o022 else ""

    def read(self, key: str) -> bytes | None:
        """What is kept under a key; None if there is nothing, or nothing that can be trusted."""
        if self.refusal or self.folder is None:
            return None
        path = self._path(key)
        try:
            with path.open("rb") as file:
                if os.name != "nt" and os.fstat(file.fileno()).st_uid != os.geteuid():
                    return None
                found = file.read()
        except OSError:
            return None
        with suppress(OSError):  # a folder that may not be changed
            os.utime(path)
        return found[_HASH:] if found[:_HASH] == _hash(key, found[_HASH:]) else None

    def write(self, key: str, data: bytes) -> None:
        """Keeps something under a key, if that can be done."""
        if self.refusal or self.folder is None:
            return
        with suppress(OSError, GraphNetError):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            replace_file(self._path(key), [_hash(key, data), data])
            self._bound()

    def files(self) -> list[tuple[Path, os.stat_result]]:
        """All that is kept, what was used last first."""
        return sorted(self._files(), key=lambda found: found[1].st_mtime_ns, reverse=True)

    def clear(self) -> int:
        """Removes everything; returns how many files that were."""
        if self.refusal:
            return 0
        return sum(_remove(path) for path, _ in self._files())

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        with suppress(OSError):
            for path in self.folder.iterdir() if self.folder is not None else ():
                if path.suffix == _SUFFIX or is_temporary(path.name):
                    with suppress(OSError):  # another process was faster
                        yield path, path.lstat()

    def _bound(self) -> None:
        kept = 0
        for path, found in self.files():
            kept += found.st_size
            if kept > self.limit:
                _remove(path)

    def _path(self, key: str) -> Path:
        return Path(self.folder or "", hashlib.sha256(key.encode()).hexdigest()[:40] + _SUFFIX)


def kept(key: str, processor: Processor, write: Callable[[], str]) -> bytes:
    """The object code that is kept under a key for a processor; else it is made of the text that `write` gives."""
    if not source_digest():
        return compile_text(write(), processor)
    version = ".".join(map(str, llvm().llvm_version_info))
    store, key = CodeCache(cache_folder()), f"{source_digest()} LLVM {version} level {LEVEL} {processor} {key}"
    found = store.read(key)
    if found is None:
        found = compile_text(write(), processor)
        store.write(key, found)
    return found


def _hash(key: str, data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(key.encode()).digest() + data).digest()


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True
