"""A mapping with a bound, which forgets what was not used for the longest time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Entry(Generic[V]):
    """A value, and when it was used last."""

    value: V
    used: int


class Recent(Generic[K, V]):
    """The values that were used last.

    Args:
        bound: how many are kept, ≥ 1.
    """

    def __init__(self, bound: int) -> None:
        self._bound, self._clock = bound, itertools.count()
        self._entries: dict[K, _Entry[V]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The value of a key, which counts as used; None if there is none."""
        entry = self._entries.get(key)  # the only time that the key is hashed, which may take longer than all the rest
        if entry is None:
            return None
        entry.used = next(self._clock)
        return entry.value

    def put(self, key: K, value: V) -> None:
        """Keeps a value, and forgets the one that was not used for the longest time if there are too many."""
        self._entries[key] = _Entry(value, next(self._clock))
        if len(self._entries) > self._bound:
            del self._entries[min(self._entries, key=lambda key: self._entries[key].used)]

    def values(self) -> list[V]:
        """All values, the one that was used last at the end."""
        return [entry.value for entry in sorted(self._entries.values(), key=lambda entry: entry.used)]

    def keep(self, wanted: Callable[[V], bool]) -> None:
        """Forgets all values but those wanted."""
        self._entries = {key: entry for key, entry in self._entries.items() if wanted(entry.value)}
