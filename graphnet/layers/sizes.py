"""Sizes of windows and margins of images as users give them."""

from __future__ import annotations

from typing import get_args

from graphnet.common.habits import WORDS, hint
from graphnet.common.plain import as_items, as_whole, whole_instead
from graphnet.compiler.errors import ArgumentError
from graphnet.compiler.ops.windows import PaddingName, Pair, Pairs

Margins = int | tuple[int | Pair, int | Pair]
"""A number for every side, one for rows and one for columns, or (before, after) for these."""


def check_pair(owner: str, name: str, value: object, least: int = 1) -> Pair:
    """A whole number or a pair of them (NumPy's and arrays too), each at least `least`, as a pair.

    Raises:
        ArgumentError: it is anything else.
    """
    given = as_items(value)
    sizes = [as_whole(item, least) for item in ((value, value) if given is None else given)]
    if len(sizes) != 2 or sizes[0] is None or sizes[1] is None:
        fix = whole_instead(value)
        raise ArgumentError(owner, name, value, f"it must be a whole number ≥ {least} or a pair of them{fix}")
    return sizes[0], sizes[1]


def check_padding(owner: str, padding: object) -> PaddingName | Pairs:
    """Padding as "valid", "same" (in capitals too) or two pairs of whole numbers ≥ 0; a number p means p on every side.

    Raises:
        ArgumentError: it is anything else.
    """
    if isinstance(padding, str) and padding.lower() in get_args(PaddingName):
        return padding.lower()  # type: ignore[return-value]
    try:
        return check_sides(owner, "padding", padding)
    except ArgumentError as error:
        meant = hint(WORDS, padding, get_args(PaddingName), quoted=True)
        allowed = error.allowed.replace("a number", '"valid", "same", a number') + meant
        raise ArgumentError(owner, "padding", padding, allowed) from None


def check_sides(owner: str, name: str, value: object) -> Pairs:
    """Margins of an image as ((top, bottom), (left, right)).

    Raises:
        ArgumentError: they are not a number, (rows, columns) or two such pairs, all ≥ 0.
    """
    parts = as_items(value)
    try:
        rows, columns = (check_pair(owner, name, part, 0) for part in ((value, value) if parts is None else parts))
    except ValueError:  # an ArgumentError, or not two parts
        raise ArgumentError(owner, name, value, "it must be a number ≥ 0, (rows, columns) or ((top, bottom), "
                                                f"(left, right)){whole_instead(value)}") from None
    return rows, columns
