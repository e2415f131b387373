"""Tensors in a file: their dtypes, roles and rows, and where their bytes lie."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphnet.runtime.gnet import limits
from graphnet.runtime.gnet.fields import check_dim
from graphnet.runtime.gnet.header import expect_items, expect_list
from graphnet.runtime.gnet.names import check_name, check_unique
from graphnet.runtime.gnet.preamble import aligned
from graphnet.runtime.gnet.refusal import Path, refuse, shown

Array = NDArray[Any]

PARAM, BUFFER, CONST, STATE, OPTIMIZER = "param", "buffer", "const", "state", "optimizer"
ROW = ("name", "dtype", "shape", "role", "crc32")
ROLES = (PARAM, BUFFER, CONST, STATE, OPTIMIZER)
ITEM_BYTES = {"bool": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint8": 1, "uint16": 2, "uint32": 4,
              "uint64": 8, "float16": 2, "float32": 4, "float64": 8}
DTYPES = tuple(ITEM_BYTES)
RESERVED_DTYPES = ("bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
                   "complex64", "complex128")


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A named array and what it is for: one of ROLES."""

    name: str
    role: str
    array: Array


class Row(NamedTuple):
    """What the header says about a tensor. Its bytes lie at `offset`, in row-major order, little-endian."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    role: str
    crc32: int
    offset: int

    @property
    def stored(self) -> np.dtype[Any]:
        """The dtype of the bytes in the file."""
        return np.dtype(self.dtype).newbyteorder("<")

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor, without padding."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]

    @property
    def end(self) -> int:
        """Where the bytes of the tensor end, without padding."""
        return self.offset + self.nbytes

    def view(self, buffer: Any, start: int) -> Array:
        """The tensor in a buffer that holds the file from byte `start`; no bytes are copied on little-endian hosts."""
        if not self.nbytes:
            return np.empty(self.shape, self.dtype)
        array: Array = np.ndarray(self.shape, self.stored, buffer, self.offset - start)
        return array.astype(self.dtype, copy=False)

    def check(self, data: memoryview) -> None:
        """Refuses bytes of the tensor that are damaged.

        Raises:
            GnetFormatError: the checksum does not hold, or a truth value is neither 0 nor 1.
        """
        path = ("tensor", self.name)
        if zlib.crc32(data) != self.crc32:
            raise refuse(path, "the CRC-32 of its bytes is another one: the file is damaged; get a fresh copy",
                         self.offset)
        if self.dtype == "bool" and (at := first_untrue(np.frombuffer(data, np.uint8))) is not None:
            raise refuse(path, f"a truth value is stored as {data[at]}; only 0 and 1 are allowed", self.offset + at)

    def check_padding(self, padding: memoryview) -> None:
        """Refuses bytes between this tensor and the next that are not zero.

        Raises:
            GnetFormatError: there is one.
        """
        check_zeros(padding, ("tensor", self.name), self.end)


def first_untrue(data: NDArray[np.uint8]) -> int | None:
    """The index of the first byte that is neither 0 nor 1."""
    return int(np.argmax(data > 1)) if data.size and data.max() > 1 else None


def check_zeros(padding: bytes | memoryview, path: Path, offset: int) -> None:
    """Refuses padding that is not zero.

    Raises:
        GnetFormatError: there is such a byte.
    """
    for index, byte in enumerate(padding):
        if byte:
            raise refuse(path, f"the padding after it holds {byte:#04x} instead of zeros", offset + index)


def parse_rows(plain: Any, start: int) -> tuple[Row, ...]:
    """Checks the rows of a header; `start` is where the first tensor lies.

    Raises:
        GnetFormatError: a row is refused, or two have one name.
    """
    rows: list[Row] = []
    for index, item in enumerate(expect_list(plain, ("tensors",), limits.TENSORS)):
        rows.append(_parse_row(item, ("tensors", index), start))
        start = aligned(rows[-1].end)
    check_unique((row.name for row in rows), ("tensors",), 0)
    _check_order([row.role for row in rows])
    return tuple(rows)


def _check_order(roles: list[str]) -> None:
    ranks = [ROLES.index(role) for role in roles]
    for index in range(1, len(ranks)):
        if ranks[index] < ranks[index - 1]:
            raise refuse(("tensors", index, 3), f"the role {roles[index]} stands after the role {roles[index - 1]}; "
                                                f"the order is {', '.join(ROLES)}")


def _parse_row(item: Any, path: Path, offset: int) -> Row:
    name, dtype, shape, role, crc32 = expect_items(item, ROW, path)
    check_name(name, (*path, 0))
    _check_dtype(dtype, (*path, 1))
    dims = check_shape(shape, (*path, 2))
    if role not in ROLES:
        raise refuse((*path, 3), f"unknown role {shown(role)}; known are {', '.join(ROLES)}")
    if type(crc32) is not int or not 0 <= crc32 < 1 << 32:
        raise refuse((*path, 4), f"a CRC-32 is a whole number from 0 to 2^32 - 1, not {shown(crc32)}")
    return Row(name, dtype, dims, role, crc32, offset)


def _check_dtype(dtype: Any, path: Path) -> None:
    if isinstance(dtype, str) and dtype in RESERVED_DTYPES:
        raise refuse(path, f"dtype {dtype} is reserved for a later version of the format; this graphnet cannot read it")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise refuse(path, f"unknown dtype {shown(dtype)}; known are {', '.join(DTYPES)}")


def check_shape(shape: Any, path: Path) -> tuple[int, ...]:
    """A shape of numbers within the limits on rank, dims and their product.

    Raises:
        GnetFormatError: it is none.
    """
    dims = expect_list(shape, path, limits.RANK)
    for axis, dim in enumerate(dims):
        if type(dim) is int and 0 <= dim <= limits.EXTENT:
            continue
        if isinstance(dim, str):
            raise refuse((*path, axis), f"a tensor's dims are numbers, not {shown(dim)}")
        check_dim(dim, (*path, axis))
    check_extent(dims, path)
    return tuple(dims)


def check_extent(dims: Iterable[int], path: Path) -> None:
    """Refuses dims whose product is absurd; a zero counts as one, so that it hides nothing.

    Raises:
        GnetFormatError: it is.
    """
    if math.prod([dim or 1 for dim in dims]) > limits.EXTENT:
        raise refuse(path, f"the product of the dims is over {limits.EXTENT}")


def data_end(rows: Sequence[Row], start: int) -> int:
    """Where the file ends: after the last tensor, or, with none, where the first would start."""
    return rows[-1].end if rows else start


def regions(rows: Sequence[Row], end: int) -> list[tuple[Row, int]]:
    """Each row with the offset at which its padding ends; the last one has none, as the file ends there."""
    return [*zip(rows, [row.offset for row in rows[1:]], strict=False), *((row, end) for row in rows[-1:])]


def stored_array(name: str, array: Any) -> Array:
    """An array as its bytes lie in a file: little-endian, row-major; copied only if it is not so already.

    Raises:
        GnetFormatError: it is no plain array of a dtype that files can hold.
    """
    path = ("tensor", name)
    if not isinstance(array, np.ndarray | np.generic) or isinstance(array, np.ma.MaskedArray):
        raise refuse(path, f"a tensor must be a NumPy array without a mask, not {type(array).__name__}")
    if array.dtype.name not in DTYPES or array.dtype.fields or array.dtype.subdtype:
        raise refuse(path, f"dtype {array.dtype} cannot be stored; convert to one of {', '.join(DTYPES)}")
    plain = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    if plain.dtype == bool and first_untrue(byte_view(plain)) is not None:
        raise refuse(path, "a truth value of the array is neither 0 nor 1 in memory; make it with array != 0")
    return plain


def byte_view(array: Array) -> NDArray[np.uint8]:
    """The bytes of a row-major array."""
    return array.reshape(-1).view(np.uint8)
