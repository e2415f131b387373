"""How many threads BLAS uses while graphnet runs, and which of its kernels this machine chose.

OpenBLAS adds up the parts of a product in another order with another number of threads, and takes that number from the
cores that a process may use. So that the same seed gives the same bits on one core and on many, Programs run with a
number of threads of their own, which is put back after each run.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy


class _Library:
    """A BLAS that NumPy computes with: how many threads it uses, and how that is changed."""

    def __init__(self, controller: Any) -> None:
        self.get: Callable[[], int] = _own(controller, "get") or controller.get_num_threads
        self.set: Callable[[int], Any] = _own(controller, "set") or controller.set_num_threads
        architecture = getattr(controller, "architecture", None)
        self.kind = f"{controller.internal_api} {architecture}" if architecture else str(controller.internal_api)


def _own(controller: Any, verb: str) -> Callable[..., Any] | None:
    """The library's own function, which takes a tenth of the time that the controller's does."""
    if controller.internal_api != "openblas" or controller.threading_layer == "openmp":
        return None
    library = ctypes.PyDLL(controller.filepath)  # it returns at once, so that giving up the lock would cost more
    for prefix in ("", "scipy_"):
        for suffix in ("", "64_", "_64"):
            if function := getattr(library, f"{prefix}openblas_{verb}_num_threads{suffix}", None):
                return cast(Callable[..., Any], function)
    return None


@cache
def _libraries() -> tuple[_Library, ...]:
    """The BLAS that NumPy brought; where it brought none, each that is loaded."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    found = [c for c in ThreadpoolController().lib_controllers if c.user_api == "blas"]
    package = Path(numpy.__file__).parent
    brought = [c for c in found if Path(c.filepath).parent in (package / ".dylibs", package.parent / "numpy.libs")]
    return tuple([_Library(controller) for controller in brought or found])


@cache
def blas_kind() -> str | None:
    """Which BLAS this is and which of its kernels it uses on this machine, such as "openblas Haswell".

    Other kernels give other last bits. None where it is not known.
    """
    return ", ".join(library.kind for library in _libraries()) or None


@cache
def _access() -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Reads the number of threads of each library, and sets one number for all of them or what was read."""
    libraries = _libraries()
    if len(libraries) == 1:
        return libraries[0].get, libraries[0].set

    def put(threads: int | list[int]) -> None:
        each = threads if isinstance(threads, list) else [threads] * len(libraries)
        for library, number in zip(libraries, each, strict=True):
            library.set(number)

    return lambda: [library.get() for library in libraries], put


class _Setting:
    """The number of threads, which is one for the whole process.

    While several Programs run on threads of their own, the smallest of their numbers holds for all: one thread gives
    bits that do not depend on the machine, and more are wanted for speed only.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: list[int] = []  # by the blocks that have begun and not ended
        self._now, self.forks = 0, 0
        self._before: Any = 0

    def enter(self, threads: int) -> None:
        get, put = _access()
        with self._lock:
            if not self._wanted:
                self._before, self._now = get(), threads
                if self._before != threads:
                    put(threads)
            elif threads < self._now:
                self._now = threads
                put(threads)
            self._wanted.append(threads)

    def leave(self, threads: int) -> None:
        with self._lock:
            if threads not in self._wanted:  # forgotten in a child that was forked within the block
                return
            self._wanted.remove(threads)
            if not self._wanted:
                if self._before != self._now:
                    _access()[1](self._before)
            elif (least := min(self._wanted)) != self._now:
                self._now = least
                _access()[1](least)

    def forget(self) -> None:
        """In a forked child no other thread is left, so nothing runs."""
        self._lock, self.forks = threading.Lock(), self.forks + 1
        if self._wanted:
            self._wanted.clear()
            _access()[1](self._before)


_NOBODY = (0, -1)
_SETTING = _Setting()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_SETTING.forget)


class BlasThreads:
    """Within a `with` block BLAS uses so many threads, afterwards as many as before. Blocks may be nested.

    A block within one of the same thread costs next to nothing, so whoever runs many Programs puts one around them all.

    Args:
        threads: how many; None for as many as it likes, which is left to its environment.
    """

    def __init__(self, threads: int | None) -> None:
        self.threads = threads
        self._holder = _NOBODY  # a thread that is within a block, and after how many forks
        self._depth = 0  # of its blocks within the first one

    def __enter__(self) -> None:
        if self.threads is None:
            return
        me = threading.get_ident(), _SETTING.forks
        if self._holder == me:
            self._depth += 1
            return
        _SETTING.enter(self.threads)
        if self._holder[1] != me[1] or self._holder is _NOBODY:
            self._holder, self._depth = me, 0

    def __exit__(self, *_: object) -> None:
        if self.threads is None:
            return
        if self._holder == (threading.get_ident(), _SETTING.forks):
            if self._depth:
                self._depth -= 1
                return
            self._holder = _NOBODY
        _SETTING.leave(self.threads)
