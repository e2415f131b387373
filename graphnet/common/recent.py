"""A mapping with a bound, which forgets what was not used for the longest time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The values that were used last.

    Args:
        bound: how many are kept, ≥ 1.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._values: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value of a key, which counts as used; None if there is none."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: K, value: V) -> None:
        """Keeps a value, and forgets the one that was not used for the longest time if there are too many."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._bound:
            self._values.popitem(last=False)

    def values(self) -> list[V]:
        """All values, the one that was used last at the end."""
        return list(self._values.values())

    def keep(self, wanted: Callable[[V], bool]) -> None:
        """Forgets all values but those wanted."""
        for key in [key for key, value in self._values.items() if not wanted(value)]:
            del self._values[key]
