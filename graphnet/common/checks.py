"""Checks of arguments, shared by everything that users declare. Each refuses with an ArgumentError."""

from __future__ import annotations

import math
import numbers
import os
import re
from collections.abc import Sequence
from typing import Any

from graphnet.common.habits import WORDS, hint
from graphnet.common.plain import as_python, as_whole, whole_instead
from graphnet.compiler.errors import ArgumentError

_NAME = re.compile(r"\w[\w.\-]*")


def check_whole(owner: str, name: str, value: object, least: int = 1, most: float = math.inf) -> int:
    """A whole number ≥ `least` and ≤ `most` (NumPy's too, also as arrays without dims; no bool).

    Raises:
        ArgumentError: it is anything else.
    """
    number = as_whole(value, least, most)
    if number is None:
        end = f" and ≤ {most}" if math.isfinite(most) else ""
        raise ArgumentError(owner, name, value, f"it must be a whole number ≥ {least}{end}{whole_instead(value)}")
    return number


def check_number(owner: str, name: str, value: object, least: float = -math.inf, below: float = math.inf,
                 *, above: float = -math.inf) -> float:
    """A finite number with `least` ≤ number < `below` and number > `above`.

    Raises:
        ArgumentError: it is anything else.
    """
    number = _as_float(value)
    if not (math.isfinite(number) and least <= number < below and number > above):
        limits = (("≥", least), (">", above), ("<", below))
        bounds = " and ".join(f"{sign} {limit:g}" for sign, limit in limits if math.isfinite(limit))
        raise ArgumentError(owner, name, value, f"it must be a finite number {bounds}".strip())
    return number


def check_epsilon(owner: str, value: object) -> float:
    """An ε that is still greater than 0 in float32: at least 2⁻¹²⁶, the smallest normal number.

    Raises:
        ArgumentError: it is anything else.
    """
    return check_number(owner, "epsilon", value, 2.0**-126)


def check_flag(owner: str, name: str, value: object) -> bool:
    """True or False.

    Raises:
        ArgumentError: it is anything else.
    """
    if not isinstance(value, bool):
        raise ArgumentError(owner, name, value, "it must be True or False")
    return value


def check_choice(owner: str, name: str, value: object, choices: Sequence[str | None]) -> Any:
    """One of a few strings, and None if that is among them.

    Raises:
        ArgumentError: it is anything else.
    """
    if not (value is None or isinstance(value, str)) or value not in choices:
        meant = hint(WORDS, value, [choice for choice in choices if choice], quoted=True)
        raise ArgumentError(owner, name, value, f"it must be one of {', '.join(map(repr, choices))}{meant}")
    return value


def _is_encodable(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def check_name(owner: str, value: object) -> str:
    """A name for a layer, input or output, of letters, digits, `_`, `-` and `.`.

    There is no `/` in it, because weights are named `<layer>/<weight>`.

    Raises:
        ArgumentError: it is anything else.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ArgumentError(owner, "name", value, "it must be made of letters, digits, '_', '-' and '.', "
                                                  "and begin with a letter, a digit or '_'")
    return value


def _as_float(value: object) -> float:
    """The number that `value` is, or NaN."""
    number = as_python(value)
    if isinstance(number, bool) or not isinstance(number, (float, int, numbers.Real)):  # the last one is slow to ask
        return math.nan
    try:
        return float(number)
    except OverflowError:  # a whole number beyond all floats
        return math.nan


def check_path(owner: str, value: object, name: str = "path", what: str = "a file") -> str:
    """A path, as text or as a path object.

    Raises:
        ArgumentError: it is anything else, is empty, or has a NUL byte or a lone surrogate, which no file's name can
            have.
    """
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path or "\0" in path or not _is_encodable(path):
        raise ArgumentError(owner, name, value, f"it must be the path of {what}, as text or a pathlib.Path")
    return path
