"""What a header says of the tensors: a row for each, with its dtype, shape and role; where their bytes lie follows."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from graphnet.compiler.types import Array
from graphnet.runtime.gnet.fields import check_dim
from graphnet.runtime.gnet.tensors import DTYPES, ITEM_BYTES, RESERVED_DTYPES, ROLES, first_untrue
from graphnet.runtime.gnet.wire import limits
from graphnet.runtime.gnet.wire.header import expect_items, expect_list
from graphnet.runtime.gnet.wire.names import are_names, check_name, check_unique
from graphnet.runtime.gnet.wire.preamble import aligned
from graphnet.runtime.gnet.wire.refusal import Path, refuse, shown

ROW = ("name", "dtype", "shape", "role", "crc32")
_LARGEST_CRC32 = (1 << 32) - 1


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

    def region_end(self, file_end: int) -> int:
        """Where the padding after the tensor ends; the last one of a file has none."""
        return min(aligned(self.end), file_end)

    def view(self, buffer: Any, start: int) -> Array:
        """The tensor in a buffer that holds the file from byte `start`; no bytes are copied on little-endian hosts."""
        if not self.nbytes:
            return np.empty(self.shape, self.dtype)
        return self.in_native_order(np.ndarray(self.shape, self.stored, buffer, self.offset - start))

    def in_native_order(self, array: Array) -> Array:
        """An array of the file's bytes with those of each element in the host's order, which mostly is the file's."""
        return array.astype(self.dtype, copy=False)

    def check(self, data: memoryview, crc32: int | None = None) -> None:
        """Refuses bytes of the tensor that are damaged.

        Args:
            data: the bytes.
            crc32: their checksum, if it has been taken already.

        Raises:
            GnetFormatError: the checksum does not hold, or a truth value is neither 0 nor 1.
        """
        path = ("tensor", self.name)
        if (zlib.crc32(data) if crc32 is None else crc32) != self.crc32:
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
    items = expect_list(plain, ("tensors",), limits.TENSORS)
    if items and not _are_sound(items):
        for index, item in enumerate(items):
            _check_row(item, ("tensors", index))
    rows = []
    for name, dtype, shape, role, crc32 in items:
        rows.append(Row(name, dtype, tuple(shape), role, crc32, start))
        start = aligned(start + math.prod(shape) * ITEM_BYTES[dtype])
    check_unique([row.name for row in rows], ("tensors",), 0)
    _check_order([row.role for row in rows])
    return tuple(rows)


def _are_sound(items: list[Any]) -> bool:
    """Whether `_check_row` refuses none of the rows: the same questions, asked of whole columns, which takes a fifth
    of the time."""
    if {*map(type, items)} != {list} or {*map(len, items)} != {len(ROW)}:
        return False
    names, dtypes, shapes, roles, checksums = zip(*items, strict=True)
    if {*map(type, dtypes), *map(type, roles)} != {str} or {*map(type, checksums)} != {int}:
        return False
    if {*map(type, shapes)} != {list} or not {*map(type, chain.from_iterable(shapes))} <= {int}:
        return False
    return (are_names(names) and ITEM_BYTES.keys() >= {*dtypes} and {*ROLES} >= {*roles}
            and min(checksums) >= 0 and max(checksums) <= _LARGEST_CRC32
            and all(map(_is_shape, {*map(tuple, shapes)})))


def _is_shape(dims: tuple[int, ...]) -> bool:
    return len(dims) <= limits.RANK and min(dims, default=0) >= 0 and _extent(dims) <= limits.EXTENT


def _check_order(roles: list[str]) -> None:
    ranks = [*map(ROLES.index, roles)]
    if ranks == sorted(ranks):
        return
    index = next(index for index in range(1, len(ranks)) if ranks[index] < ranks[index - 1])
    raise refuse(("tensors", index, 3), f"the role {roles[index]} stands after the role {roles[index - 1]}; "
                                        f"the order is {', '.join(ROLES)}")


def _check_row(item: Any, path: Path) -> None:
    name, dtype, shape, role, crc32 = expect_items(item, ROW, path)
    check_name(name, (*path, 0))
    _check_dtype(dtype, (*path, 1))
    _check_shape(shape, (*path, 2))
    if role not in ROLES:
        raise refuse((*path, 3), f"unknown role {shown(role)}; known are {', '.join(ROLES)}")
    if type(crc32) is not int or not 0 <= crc32 <= _LARGEST_CRC32:
        raise refuse((*path, 4), f"a CRC-32 is a whole number from 0 to 2^32 - 1, not {shown(crc32)}")


def _check_dtype(dtype: Any, path: Path) -> None:
    if isinstance(dtype, str) and dtype in RESERVED_DTYPES:
        raise refuse(path, f"dtype {dtype} is reserved for a later version of the format; this graphnet cannot read it")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise refuse(path, f"unknown dtype {shown(dtype)}; known are {', '.join(DTYPES)}")


def _check_shape(shape: Any, path: Path) -> None:
    dims = expect_list(shape, path, limits.RANK)
    for axis, dim in enumerate(dims):
        if isinstance(dim, str):
            raise refuse((*path, axis), f"a tensor's dims are numbers, not {shown(dim)}")
        check_dim(dim, (*path, axis))
    check_extent(dims, path)


def check_extent(dims: Iterable[int], path: Path) -> None:
    """Refuses dims whose product is absurd; a zero counts as one, so that it hides nothing.

    Raises:
        GnetFormatError: it is.
    """
    if _extent(dims) > limits.EXTENT:
        raise refuse(path, f"the product of the dims is over {limits.EXTENT}")


def _extent(dims: Iterable[int]) -> int:
    return math.prod([dim or 1 for dim in dims])


def data_end(rows: Sequence[Row], start: int) -> int:
    """Where the file ends: after the last tensor, or, with none, where the first would start."""
    return rows[-1].end if rows else start
