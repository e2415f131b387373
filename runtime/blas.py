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
        self._wanted: dict[object, int] = {}  # by the blocks that have begun and not ended
        self._now: int | None = None  # what was set; None while nothing runs
        self._before: Any = 0

    def enter(self, block: object, threads: int) -> None:
        with self._lock:
            self._wanted[block] = threads
            self._apply()

    def leave(self, block: object) -> None:
        """May be called again, where an interrupt has ended the first call."""
        with self._lock:
            self._wanted.pop(block, None)
            self._apply()

    def forget(self) -> None:
        """In a forked child no other thread is left, so nothing runs."""
        self._lock = threading.Lock()
        self._wanted.clear()
        self._apply()

    def _apply(self) -> None:
        """Sets what is wanted. What it says of itself follows what it does, so that it can be done again."""
        get, put = _access()
        if not self._wanted:
            if self._now is not None:
                if self._before != self._now:
                    put(self._before)
                self._now = None
            return
        least = min(self._wanted.values()) if len(self._wanted) > 1 else next(iter(self._wanted.values()))
        if self._now is None:
            self._before = get()
            if self._before != least:
                self._now = least
                put(least)
        elif self._now != least:
            put(least)
        self._now = least


_SETTING = _Setting()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_SETTING.forget)


class _Inside(threading.local):
    """How many blocks the present thread is within."""

    depth = 0


class BlasThreads:
    """Within a `with` block BLAS uses so many threads, afterwards as many as before. Blocks may be nested.

    Whoever runs many Programs puts a block around them all, and around the block what holds interrupts back.

    Args:
        threads: how many; None for as many as it likes, which is left to its environment.
    """

    def __init__(self, threads: int | None) -> None:
        self.threads = threads
        self._inside = _Inside()

    def __enter__(self) -> None:
        if self.threads is not None and not self._inside.depth:
            _SETTING.enter((id(self), threading.get_ident()), self.threads)
        self._inside.depth += 1

    def __exit__(self, *_: object) -> None:
        self._inside.depth -= 1
        if self.threads is not None and not self._inside.depth:
            _SETTING.leave((id(self), threading.get_ident()))

    def call(self, function: Callable[[], object]) -> None:
        """Calls a function with so many threads; for whatever may be interrupted.

        An interrupt does not keep BLAS from having its own number back.
        """
        if self.threads is None or self._inside.depth:
            function()
            return
        block = self, threading.get_ident()
        try:
            _SETTING.enter(block, self.threads)
            function()
        finally:
            try:
                _SETTING.leave(block)
            except BaseException:
                _SETTING.leave(block)
                raise
