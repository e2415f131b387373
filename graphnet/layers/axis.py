"""Axes as users give them: counted with the batch as axis 0, which no layer may touch."""

from __future__ import annotations

import sys

from graphnet.common.plain import as_items, as_whole, whole_instead
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.types import TensorType, check_axis, format_shape


def check_axis_argument(owner: str, axis: object, name: str = "axis") -> int:
    """An axis other than 0, as declared (NumPy's numbers too, also as arrays without dims; no bool).

    Raises:
        ArgumentError: it is anything else.
    """
    number = as_whole(axis, -sys.maxsize)
    if not number:
        raise ArgumentError(owner, name, axis, "it must be a whole number other than 0, which is the batch"
                                               f"{whole_instead(axis)}")
    return number


def resolve_axis(owner: str, axis: int, type: TensorType) -> int:
    """The axis ≥ 1 that `axis` is in a tensor of this type.

    Raises:
        ShapeError: there is no such axis, or it is the batch.
    """
    resolved = check_axis(axis, type.rank, owner)
    if resolved == 0:
        raise ShapeError(f"axis {axis} of {format_shape(type.shape)} is the batch, and samples never mix",
                         "choose another axis")
    return resolved


def check_channel_axis(owner: str, axis: object) -> int | None:
    """An axis other than 0, or None for the usual axis of the channels.

    Raises:
        ArgumentError: it is anything else.
    """
    return None if axis is None else check_axis_argument(owner, axis)


def channel_axis(owner: str, axis: int | None, type: TensorType) -> int:
    """The axis ≥ 1 of the channels: the one that was declared, or axis 1 of rows and images.

    Raises:
        ShapeError: there is no such axis, or none was declared for an input of 3 dims, which has two candidates.
    """
    if axis is None and type.rank == 3:
        raise ShapeError(f"{format_shape(type.shape)} may be (N, channels, length) or (N, steps, features)",
                         f"say which axis of {owner} has the channels: axis=1 or axis=-1")
    return resolve_axis(owner, 1 if axis is None else axis, type)


def check_trailing_axes(owner: str, axis: object) -> int | tuple[int, ...]:
    """An axis other than 0, or a tuple of such axes, all counted from the same end.

    Raises:
        ArgumentError: it is anything else.
    """
    given = as_items(axis)
    if given is None:
        return check_axis_argument(owner, axis)
    axes = tuple(check_axis_argument(owner, item, f"axis[{i}]") for i, item in enumerate(given))
    if not axes or sorted(axes) != list(range(min(axes), max(axes) + 1)) or min(axes) < 0 < max(axes):
        raise ArgumentError(owner, "axis", axis, "it must be the last axis or a tuple of the last few, "
                                                 "such as -1, (-2, -1) or (1, 2, 3)")
    return axes


def first_trailing_axis(owner: str, axis: int | tuple[int, ...], type: TensorType) -> int:
    """The first of axes that reach to the last one.

    Raises:
        ShapeError: they do not, or one of them is missing or the batch.
    """
    items = axis if isinstance(axis, tuple) else (axis,)
    if max(items) >= type.rank:
        raise ShapeError(f"{owner} has axis {axis}, but its input has {type.rank} dims (axes 1 … {type.rank - 1})",
                         "name axes, not their sizes: axis=-1 is the last one, (-2, -1) are the last two")
    axes = sorted(resolve_axis(owner, item, type) for item in items)
    if axes != list(range(axes[0], type.rank)):
        raise ShapeError(f"{owner} goes over the last axes, but axis {axis} of {format_shape(type.shape)} leaves out "
                         f"axis {type.rank - 1}", f"use axis={tuple(range(axes[0], type.rank))}")
    return axes[0]
