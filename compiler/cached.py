"""Properties that are worked out once, without a lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class CachedProperty(Generic[T]):
    """As `functools.cached_property` is from Python 3.12 on.

    Before, all objects of a class share a lock, and a child that is forked while another thread holds it waits for
    ever. Here two threads may work out the same value, one of them for nothing.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make, self.__doc__ = make, make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> CachedProperty[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object, owner: type) -> CachedProperty[T] | T:
        if instance is None:
            return self
        value = vars(instance)[self._name] = self._make(instance)  # found there from now on, before this is asked
        return value


cached_property = CachedProperty
