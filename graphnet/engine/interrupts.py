"""Ctrl-C between steps: what must be done whole is done whole before an interrupt is delivered."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from importlib import import_module
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]
_signal: Any = import_module("_signal")
_get, _set = _signal.getsignal, _signal.signal
"""Those of `signal` look for each handler among the members of an enum, which takes as long as a small step does."""


class _Whole:
    """Blocks on the main thread within which an interrupt waits, until `may_interrupt` or the end of the outermost one.

    Whatever handles interrupts is called then, and is in its place again after the block. A second interrupt does not
    wait. On other threads nothing is done, since Python delivers interrupts to the main one.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._handler: Handler = signal.default_int_handler  # the one that is stood in for
        self._waiting: tuple[int, FrameType | None] | None = None

    def __enter__(self) -> None:
        if not _on_main_thread():
            return
        if self._depth:
            self._depth += 1
            return
        found = _get(signal.SIGINT)
        if not callable(found):  # interrupts end the process, are ignored, or belong to a program around Python
            return
        self._waiting, self._handler = None, found
        _set(signal.SIGINT, self._hold)
        self._depth = 1

    def __exit__(self, *_: object) -> None:
        if not self._depth or not _on_main_thread():
            return
        if self._depth > 1:
            self._depth -= 1
            return
        self._end()
        self._deliver()

    def may_interrupt(self) -> None:
        """Says that all is whole here. Within a block of a caller's nothing is: then the caller says where it is."""
        if self._waiting and self._depth == 1 and _on_main_thread():
            self._deliver()

    def forget(self) -> None:
        """In a forked child: it was begun within no block of its own, so an interrupt need not wait there."""
        self._depth, self._waiting = 0, None
        if _get(signal.SIGINT) == self._hold:
            _set(signal.SIGINT, self._handler)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        if self._waiting is None:
            self._waiting = number, frame
            return
        self._end()
        self._handler(number, frame)

    def _end(self) -> None:
        """The depth first: from the other line on an interrupt may come anywhere."""
        self._depth = 0
        found = _set(signal.SIGINT, self._handler)
        if found != self._hold:  # the caller has set another one within the block
            _set(signal.SIGINT, found)

    def _deliver(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting:
            self._handler(*waiting)


def _on_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident


whole = _Whole()
"""`with whole:` around what an interrupt must not tear."""
