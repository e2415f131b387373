"""Tensor types: a dtype and dims, where a dim is a number or a named symbol such as `N` for the batch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.errors import ShapeError
from graphnet.compiler.words import format_symbol, visible

Array = NDArray[Any]
"""An array of any dtype and shape."""
Dim = int | str
Shape = tuple[Dim, ...]
Dims = Mapping[str, int]

BATCH = "N"
FLOATS = ("float32", "float64")
DTYPES = (*FLOATS, "int64", "int32", "uint8", "bool")
SHORT = {"float32": "f32", "float64": "f64", "int64": "i64", "int32": "i32", "uint8": "u8", "bool": "bool"}


@dataclass(frozen=True, slots=True)
class TensorType:
    """The dtype (a NumPy name) and the shape of a value.

    Keras / PyTorch: `KerasTensor` / –, a tensor on the device "meta". The batch is a symbol, not None.

    Example:
        >>> rows = gn.custom.TensorType("float32", ("N", 3))
        >>> str(rows), rows.bind({"N": 4}).nbytes
        ('f32[N,3]', 48)
    """

    dtype: str
    shape: Shape

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ShapeError(f"dtype {self.dtype!r} is not supported", f"use one of {', '.join(DTYPES)}")
        for dim in self.shape:
            if isinstance(dim, int) and dim < 0:
                raise ShapeError(f"shape {format_shape(self.shape)} has a negative dim")

    def __str__(self) -> str:
        dims = (format_symbol(dim) if isinstance(dim, str) else str(dim) for dim in self.shape)
        return f"{SHORT[self.dtype]}[{','.join(dims)}]"

    @property
    def rank(self) -> int:
        """Number of dims."""
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        """Whether gradients can flow through a value of this type."""
        return self.dtype in FLOATS

    @property
    def size(self) -> int:
        """Number of elements.

        Raises:
            ShapeError: a dim is still a symbol.
        """
        return math.prod(concrete(self.shape))

    @property
    def nbytes(self) -> int:
        """Bytes of a dense array of this type; every dim must be a number."""
        return self.size * np.dtype(self.dtype).itemsize

    def with_shape(self, shape: Iterable[Dim]) -> TensorType:
        """The same dtype with another shape."""
        return TensorType(self.dtype, tuple(shape))

    def bind(self, dims: Dims) -> TensorType:
        """Replaces the symbols that `dims` names by numbers."""
        shape = bind_shape(self.shape, dims)
        return self if shape == self.shape else TensorType(self.dtype, shape)


def bind_shape(shape: Shape, dims: Dims) -> Shape:
    """Replaces the symbols of `shape` that `dims` names by numbers."""
    return tuple([dims.get(dim, dim) if isinstance(dim, str) else dim for dim in shape])


def concrete(shape: Shape) -> tuple[int, ...]:
    """The shape as numbers only.

    Raises:
        ShapeError: a dim is still a symbol.
    """
    numbers = [dim for dim in shape if isinstance(dim, int)]
    if len(numbers) != len(shape):
        raise ShapeError(f"shape {format_shape(shape)} is not fully known")
    return tuple(numbers)


def known(dim: Dim, what: str) -> int:
    """A dim that must be a number for `what`.

    Raises:
        ShapeError: it is a symbol.
    """
    if isinstance(dim, int):
        return dim
    raise ShapeError(f"{what} must be known when the graph is declared, but it is the symbol {dim}",
                     "declare that dim of the Input as a number")


def factors(shape: Shape) -> tuple[int, Counter[str]]:
    """The number of elements of `shape` as a number times a multiset of symbols."""
    numbers = math.prod(dim for dim in shape if isinstance(dim, int))
    return numbers, Counter(dim for dim in shape if isinstance(dim, str))


def format_shape(shape: Iterable[Dim]) -> str:
    """`(N, 1, 28, 28)`, as a user would write it."""
    dims = [visible(str(dim)) for dim in shape]
    return f"({dims[0]},)" if len(dims) == 1 else f"({', '.join(dims)})"


def show_division(number: int, divisor: int) -> str:
    """`96 = 13 · 7 + 5`: why a number does not divide."""
    return f"{number} = {number // divisor} · {divisor} + {number % divisor}"


def check_axis(axis: int, rank: int, owner: str) -> int:
    """A possibly negative axis as a number in [0, rank).

    Raises:
        ShapeError: the axis is outside [-rank, rank).
    """
    if not -rank <= axis < rank:
        raise ShapeError(f"{owner} has axis {axis}, but its input has {rank} dims (axes {-rank} … {rank - 1})",
                         "choose an axis in that range; axes are named, not their sizes")
    return axis % rank
