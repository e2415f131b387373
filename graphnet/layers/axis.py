"""Axes as users give them: counted with the batch as axis 0, which no layer may touch."""

from __future__ import annotations

from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.types import TensorType, check_axis, format_shape


def check_axis_argument(owner: str, axis: object) -> int:
    """An axis other than 0, as declared.

    Raises:
        ArgumentError: it is anything else.
    """
    if isinstance(axis, bool) or not isinstance(axis, int) or axis == 0:
        raise ArgumentError(owner, "axis", axis, "it must be a whole number other than 0, which is the batch")
    return axis


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
