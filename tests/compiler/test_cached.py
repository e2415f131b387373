"""Properties that are worked out once."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from graphnet.compiler.cached import CachedProperty, cached_property


@dataclass(frozen=True)
class Square:
    """A number, and what is worked out of it."""

    number: int
    calls: list[int]

    @cached_property
    def area(self) -> int:
        """Of the square."""
        self.calls.append(self.number)
        return self.number**2


def test_it_is_worked_out_once_for_each_object() -> None:
    calls: list[int] = []
    one, other = Square(3, calls), Square(4, calls)
    assert (one.area, one.area, other.area, other.area) == (9, 9, 16, 16)
    assert calls == [3, 4]
    assert one == Square(3, calls)


def test_the_class_shows_the_property() -> None:
    assert isinstance(Square.area, CachedProperty)
    assert Square.area.__doc__ == "Of the square."


def test_an_error_is_not_kept() -> None:
    class Failing:
        tries = 0

        @cached_property
        def value(self) -> int:
            self.tries += 1
            return 1 // (self.tries - 1)

    item = Failing()
    with pytest.raises(ZeroDivisionError):
        _ = item.value
    assert item.value == 1


def test_another_object_does_not_wait() -> None:
    """Or a child that is forked meanwhile would wait for a thread that it does not have."""
    began, go_on = threading.Event(), threading.Event()

    class Slow:
        first = False

        @cached_property
        def value(self) -> int:
            if self.first:
                began.set()
                assert go_on.wait(60)
            return 1

    waiting, other = Slow(), Slow()
    waiting.first = True
    thread = threading.Thread(target=lambda: waiting.value)
    thread.start()
    assert began.wait(60)
    reader = threading.Thread(target=lambda: other.value, daemon=True)
    reader.start()
    reader.join(20)
    alive = reader.is_alive()
    go_on.set()
    thread.join()
    assert not alive
