"""Whole numbers as users give them, NumPy's too, as Python's: what graphs, configs and files hold."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np

_USUAL = frozenset({int, float, str, tuple, list, bool, type(None)})
_MOST = 64  # elements of an array of sizes; a larger one holds samples and was given by mistake


def as_python(value: object) -> Any:
    """NumPy's numbers, and arrays of some few of them, as Python's numbers and lists; anything else as it is."""
    if type(value) in _USUAL:  # asking a union of NumPy's types takes ten times as long
        return value
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return value.item()
    if isinstance(value, np.ndarray) and 0 < value.size <= _MOST and value.dtype.kind in "biuf":
        return value.tolist()
    return value


def as_whole(value: object, least: int = 1, most: float = math.inf) -> int | None:
    """The whole number ≥ `least` and ≤ `most` that a value is (NumPy's too; no bool, no float); None for all else."""
    number = as_python(value)
    if isinstance(number, bool) or not isinstance(number, (int, Integral)) or not least <= int(number) <= most:
        return None
    return int(number)


def as_items(value: object) -> tuple[Any, ...] | None:
    """The items of a tuple, a list or an array of sizes; None for all else."""
    items = as_python(value)
    return tuple(items) if isinstance(items, tuple | list) else None


def whole_instead(value: object) -> str:
    """What to write instead of floats that are whole: `: write 3`; nothing if that is not what is wrong."""
    items = as_items(value)
    numbers = [as_python(item) for item in ((value,) if items is None else items)]
    whole = all(isinstance(number, int | float) and number % 1 == 0 for number in numbers)
    if not whole or not any(isinstance(number, float) for number in numbers):
        return ""
    return f": write {int(numbers[0]) if items is None else tuple(map(int, numbers))}"
