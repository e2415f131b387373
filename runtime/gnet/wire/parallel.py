"""Work on other threads, where the system gives any: without them it is done by the caller, and only takes longer.

Starting a thread fails at the end of the process, or where too many run already. Files are saved and loaded even then.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """What a function gives, worked out by another thread until it is asked for.

    Args:
        make: the function; what it raises, `result` raises.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._found = make, list[T]()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = threading.Thread(target=self._work)
        try:
            self._thread.start()
        except RuntimeError:
            self._thread = None

    def result(self) -> T:
        """Waits for it, or makes it now."""
        if self._thread is not None:
            self._thread.join()
        elif not self._found and self._error is None:
            self._work()
        if self._error is not None:
            raise self._error
        return self._found[0]

    def wait(self) -> None:
        """Waits until nothing is worked on, whatever comes of it."""
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        try:
            self._found.append(self._make())
        except BaseException as error:  # noqa: BLE001 - handed on to whoever asks
            self._error = error


def for_each(function: Callable[[T], object], items: Sequence[T], threads: int) -> None:
    """Calls a function with each item, on up to so many threads, the caller's among them.

    Raises:
        BaseException: what the function raised, for the first item for which it did; later ones may be left out.
    """
    numbers, errors = itertools.count(), dict[int, BaseException]()

    def work() -> None:
        while not errors and (number := next(numbers)) < len(items):
            try:
                function(items[number])
            except BaseException as error:  # noqa: BLE001 - raised below
                errors[number] = error

    helpers = [Later(work) for _ in range(min(threads, len(items)) - 1)]
    work()
    for helper in helpers:
        helper.wait()
    if errors:
        raise errors[min(errors)]
