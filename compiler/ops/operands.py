"""What ops demand of the types of their operands: floats, equal shapes, something to take the mean of."""

from __future__ import annotations

import math

import numpy as np

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.types import Dim, Shape, TensorType, check_axis, format_shape

LARGEST = 2**31 - 1
"""Of attributes that count steps or places: no kernel computes with larger ones."""


def same_type(owner: str, *types: TensorType) -> TensorType:
    """The one type that all operands have.

    Raises:
        ShapeError: they differ.
    """
    for other in types[1:]:
        if other.shape != types[0].shape:
            raise ShapeError(f"{owner} needs operands of one shape, got {format_shape(types[0].shape)} and "
                             f"{format_shape(other.shape)}: {first_difference(types[0].shape, other.shape)}",
                             "make the shapes equal; broadcasting is never implied")
        if other.dtype != types[0].dtype:
            raise ShapeError(f"{owner} needs operands of one dtype, got {types[0].dtype} and {other.dtype}")
    return types[0]


def first_difference(a: Shape, b: Shape) -> str:
    """Where two shapes part, in words."""
    if len(a) != len(b):
        return f"{len(a)} dims against {len(b)}"
    return next(f"axis {axis} is {x} in one and {y} in the other" for axis, (x, y) in enumerate(zip(a, b, strict=True))
                if x != y)


def check_floats(owner: str, *types: TensorType) -> None:
    """Refuses operands that are not floats of one dtype.

    Raises:
        ShapeError: one is of whole numbers or bools, or there are float32 and float64.
    """
    for t in types:
        if not t.is_float:
            raise ShapeError(f"{owner} computes with float32 or float64, but an operand is {t.dtype} "
                             f"{format_shape(t.shape)}", "feed floats")
        if t.dtype != types[0].dtype:
            raise ShapeError(f"{owner} needs operands of one dtype, got {types[0].dtype} and {t.dtype}")


def same_floats(owner: str, *types: TensorType) -> TensorType:
    """The one type of floats that all operands have.

    Raises:
        ShapeError: they differ, or are no floats.
    """
    check_floats(owner, types[0])
    return same_type(owner, *types)


def check_some(owner: str, what: str, t: TensorType, *dims: Dim) -> None:
    """Refuses an operand in which there is nothing to work on: one of these dims of it is 0.

    Raises:
        ShapeError: the text says what is missing.
    """
    if 0 in dims:
        raise ShapeError(f"{owner} needs at least one {what}, but {format_shape(t.shape)} has none")


def check_summands(owner: str, axis: int, t: TensorType) -> None:
    """Refuses an operand that is no float, or has not one element along the axis.

    Raises:
        ShapeError: it is such an operand, or has no such axis.
    """
    check_floats(owner, t)
    check_some(owner, f"element along axis {axis}", t, t.shape[check_axis(axis, t.rank, owner)])


def can_hold(dtype: str, number: float) -> bool:
    """Whether an array of this dtype can be filled with a number."""
    if dtype == "bool":
        return number in (0, 1)
    if dtype.startswith("float"):
        return not math.isfinite(number) or abs(number) <= float(np.finfo(dtype).max)
    limits = np.iinfo(dtype)
    return math.isfinite(number) and number == int(number) and limits.min <= number <= limits.max
