"""Checks and names the arrays that a caller feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphnet.arrays.conversion import are_pairs, as_array, shape_fix
from graphnet.common.source import at_user_source
from graphnet.compiler.errors import DataError, ShapeError
from graphnet.compiler.ir import Origin
from graphnet.compiler.types import Array, Shape, TensorType, format_shape
from graphnet.engine.assembly import LABEL, WEIGHT


def name_arrays(what: str, names: Sequence[str], given: object) -> dict[str, Array]:
    """The arrays for `names`, given as one array, a list or tuple in that order, or a dict.

    Raises:
        DataError: there are too many or too few, their names are unknown, or one has rows of different lengths.
    """
    if isinstance(given, Mapping):
        if set(given) != set(names):
            raise DataError(f"{what} has {', '.join(map(str, given)) or 'nothing'}, but the model needs "
                            f"{', '.join(names)}")
        return {name: as_array(f"{what} of {name!r}", given[name]) for name in names}
    if isinstance(given, tuple | list) and len(names) > 1:
        if len(given) != len(names):
            pairs = "; it is a list of pairs: give an array of each, batch first" if are_pairs(given) else ""
            raise DataError(f"{what} has {len(given)} arrays, but the model needs {len(names)}: {', '.join(names)}"
                            f"{pairs}")
        return {name: as_array(f"{what} of {name!r}", array) for name, array in zip(names, given, strict=True)}
    if len(names) != 1:
        raise DataError(f"{what} is one array, but the model needs {len(names)}: give a dict or tuple of "
                        f"{', '.join(names)}")
    return {names[0]: as_array(what, given)}


def check_input(name: str, array: Array, type: TensorType, origin: Origin, dims: dict[str, int]) -> Array:
    """An input that fits its type; `dims` collects the numbers that its symbols stand for.

    Raises:
        ShapeError: shape or dtype do not fit; the text names where the input was declared and where it is fed.
    """
    if array.dtype == type.dtype and _fits(array.shape, type.shape, dims):
        return np.ascontiguousarray(array)
    context = f"input {name!r}, declared at {origin.source}, cannot take what is fed{at_user_source()}"
    expected = format_shape(type.shape)
    if array.ndim != type.rank:
        raise ShapeError(f"it takes {expected}, got {format_shape(array.shape)}: {array.ndim} dims instead of "
                         f"{type.rank}", shape_fix(array.shape, type), context)
    for axis, (size, dim) in enumerate(zip(array.shape, type.shape, strict=True)):
        wanted = dims.setdefault(dim, size) if isinstance(dim, str) else dim
        if size != wanted:
            raise ShapeError(f"it takes {expected}, got {format_shape(array.shape)}: axis {axis} is {size}, not "
                             f"{wanted}", shape_fix(array.shape, type), context)
    check_dtype(array, type, context)
    return np.ascontiguousarray(array)


def _fits(shape: tuple[int, ...], wanted: Shape, dims: dict[str, int]) -> bool:
    """Whether a shape is as wanted, with these numbers for symbols; it may say those of others."""
    if len(shape) != len(wanted):
        return False
    said: dict[str, int] = {}
    for size, dim in zip(shape, wanted, strict=True):
        if size == dim:
            continue
        if isinstance(dim, int) or size != (dims.get(dim) or said.setdefault(dim, size)):
            return False
    dims.update(said)
    return True


def check_dtype(array: Array, type: TensorType, context: str) -> None:
    """Refuses numbers that cannot be converted to the dtype without losing their kind.

    Raises:
        ShapeError: e.g. floats for an integer input, or objects.
    """
    if array.dtype.kind not in "fiub" or not np.can_cast(array.dtype, type.dtype, "same_kind"):
        raise ShapeError(f"it takes {type.dtype}, got {array.dtype}", f'convert it with .astype("{type.dtype}")',
                         context)


def check_lengths(arrays: Mapping[str, Array]) -> int:
    """The number of samples that all arrays have; at least one.

    Raises:
        DataError: they differ, or there are none; the text names the arrays.
    """
    length = count_samples(arrays)
    if length == 0:
        raise DataError(f"{' and '.join(map(_title, arrays))} hold no samples")
    return length


def count_samples(arrays: Mapping[str, Array]) -> int:
    """The number of samples that all arrays have, which may be 0.

    Raises:
        DataError: they differ.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        counts = ", ".join(f"{_title(name)}: {length}" for name, length in lengths.items())
        raise DataError(f"all arrays must have as many samples as one another, got {counts}")
    return next(iter(lengths.values()))


def _title(name: str) -> str:
    """What an input of a Program is to whoever feeds it: an input, or the labels or sample weights of an output."""
    for prefix, title in ((LABEL, "labels of"), (WEIGHT, "sample weights of")):
        if name.startswith(prefix):
            return f"{title} {name.removeprefix(prefix)}"
    return name
