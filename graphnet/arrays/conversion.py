"""Makes arrays of what callers give, says by name what is none, and what to change about a shape that does not fit.

A sequence is never read beyond its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Number

import numpy as np

from graphnet.compiler.errors import DataError
from graphnet.compiler.types import Array, Dim, TensorType

_DEEPEST = 64  # NumPy's own limit of dims
_ARRAYS = ("__array__", "__array_interface__", "__array_struct__")
_WANTED = "but it must be an array, a buffer, or nested lists of numbers"


def as_array(what: str, given: object) -> Array:
    """The array that a caller gave, or that a buffer or nested sequences stand for.

    Args:
        what: its name, for the text.
        given: what NumPy would otherwise ask for items until there are no more, which may be never.

    Raises:
        DataError: it is something else, or the rows are not of one length.
    """
    if type(given) is np.ndarray:
        return given
    plain = _plain(what, given, 0)
    try:
        return np.asarray(plain)
    except ValueError:
        if are_pairs(plain):
            raise DataError(f"{what} is a list of {len(plain)} pairs, but inputs and labels are fed apart: "  # type: ignore[arg-type]
                            "x = np.stack([a for a, b in pairs]), y = np.array([b for a, b in pairs])") from None
        raise DataError(f"{what} must be one array, but its rows are of different lengths; pad them") from None


def are_pairs(given: object) -> bool:
    """Whether this is a list of pairs, as data sets of other frameworks give them."""
    return isinstance(given, list | tuple) and bool(given) and all(
        isinstance(item, list | tuple) and len(item) == 2 for item in given)


def _plain(what: str, given: object, depth: int) -> object:
    """The same with every sequence as a list or tuple, so that NumPy need not ask how long it is."""
    mask = getattr(given, "mask", None) if isinstance(given, np.ndarray) else None
    if mask is not None and np.any(mask):
        raise DataError(f"{what} is a masked array, and what is masked would be taken as it is: give its "
                        ".filled(value), or leave those samples out")
    if _is_array(given):
        return given
    if not isinstance(given, Sequence):
        raise DataError(f"{what} {_named(given)}")
    if depth == _DEEPEST:
        raise DataError(f"{what} is nested more than {_DEEPEST} lists deep, {_WANTED}")
    items = given if isinstance(given, list | tuple) else [given[index] for index in range(len(given))]
    if all(issubclass(kind, Number) for kind in set(map(type, items))):
        return items
    return [_plain(f"an item of {what}" if not depth else what, item, depth + 1) for item in items]


def _is_array(given: object) -> bool:
    if isinstance(given, np.ndarray | Number | str | bytes) or any(hasattr(type(given), name) for name in _ARRAYS):
        return True
    try:
        memoryview(given)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def _named(given: object) -> str:
    """What something is that is no array, and what to give instead."""
    if given is None:
        return f"is None, {_WANTED}"
    kind = type(given).__name__
    if hasattr(given, "toarray"):
        return f"is a sparse {kind}, {_WANTED}: give its .toarray()"
    if isinstance(given, Iterator):
        return f"is a {kind}, which does not say how many samples there are, {_WANTED}: give np.stack(list(it))"
    if hasattr(given, "__len__") and hasattr(given, "__getitem__"):
        return f"is a {kind} object, {_WANTED}: stack its items, np.stack([it[i] for i in range(len(it))])"
    return f"is a {kind} object, {_WANTED}"


def shape_fix(shape: tuple[int, ...], wanted: TensorType) -> str:
    """What to change about an array whose shape is not the one that an input was declared with."""
    last = len(shape) - 1
    if last == wanted.rank - 1 >= 2 and _fits((shape[0], shape[-1], *shape[1:-1]), wanted.shape):
        axes = ", ".join(map(str, (0, last, *range(1, last))))
        return f"channels come right behind the batch: give x.transpose({axes})"
    if len(shape) == wanted.rank:
        return "feed arrays of the declared shape, batch first"
    if len(shape) == 1 and wanted.shape[1:] == (1,):
        return "add the axis of the single feature: give np.asarray(x)[:, None]"
    if len(shape) == wanted.rank - 1:
        return "add the batch axis, x[None] for a single sample, or the channel axis, x[:, None] for grey images"
    return "reshape the array"


def _fits(shape: tuple[int, ...], wanted: tuple[Dim, ...]) -> bool:
    return all(size == dim or isinstance(dim, str) for size, dim in zip(shape, wanted, strict=True))
