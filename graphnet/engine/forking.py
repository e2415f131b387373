"""Forks between steps, so that a child finds each network whole and free, whatever other threads were doing with it."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Protocol

from graphnet.engine.interrupts import whole


class Stepping(Protocol):
    """What runs Programs, on any thread.

    Attributes:
        lock: held by whoever runs one; in a child it is a new one, since its holder is not there to give it back.
        step_lock: held while weights and states are changed, for no longer than a step, and while a Program is made.
    """

    lock: Any
    step_lock: Any


_ALIVE: weakref.WeakSet[Stepping] = weakref.WeakSet()
_GUARD = threading.Lock()
_FORKING = threading.RLock()  # by one thread at a time: two that wait for the same steps would wait for each other
_waited_for: list[Stepping] = []


def keep_whole(runner: Stepping) -> None:
    """From now on forks wait for the end of its steps."""
    with _GUARD:
        _ALIVE.add(runner)


def _before() -> None:
    _FORKING.acquire()
    with _GUARD:
        alive = list(_ALIVE)
    for runner in alive:
        runner.step_lock.acquire()
        _waited_for.append(runner)


def _after() -> None:
    while _waited_for:
        _waited_for.pop().step_lock.release()
    _FORKING.release()


def _after_in_child() -> None:
    global _GUARD
    _GUARD = threading.Lock()
    for runner in _waited_for:
        runner.lock = threading.RLock()
    _after()
    whole.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
