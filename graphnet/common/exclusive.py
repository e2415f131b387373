"""One thread at a time: calls that work in the memory of the same network wait for one another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Lockable(Protocol):
    """What has a lock that the thread holding it may take again."""

    @property
    def _lock(self) -> AbstractContextManager[Any]:
        """The lock."""
        ...


L = TypeVar("L", bound=Lockable)


def exclusive(method: Callable[Concatenate[L, P], R]) -> Callable[Concatenate[L, P], R]:
    """A decorator for methods: each call holds the object's `_lock`.

    All Programs of a network work in one arena, so a second call would write into the values of the first.
    """
    @wraps(method)
    def alone(self: L, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:
            return method(self, *args, **kwargs)
    return alone
