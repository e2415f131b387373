"""Reads and writes IDX, the file format of MNIST and its relatives.

A file is two zero bytes, a dtype code, the number of dimensions, the dimensions as big-endian uint32, then
the items in C order, big-endian. Source: Yann LeCun, "The MNIST database", section "The IDX file format".
Nothing in a file is trusted: sizes are compared with the bytes that are there before anything is allocated.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from graphnet.arrays.conversion import as_array
from graphnet.common.answers import answering
from graphnet.compiler.errors import DataError
from graphnet.compiler.types import Array
from graphnet.compiler.words import file_label
from graphnet.data.files.packed import Unpacked, open_unpacked
from graphnet.data.files.staging import place

MAX_IDX_BYTES = 1 << 31  # far above MNIST's 47 MB; stops a small gzip file from filling the memory
MAX_DIMS = 32  # what every NumPy since 1.26 can hold
_DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_CODES = {dtype.newbyteorder("="): code for code, dtype in _DTYPES.items()}


@answering
def read_idx(path: str | os.PathLike[str], limit: int = MAX_IDX_BYTES) -> Array:
    """Reads one IDX file.

    Args:
        path: The file, gzip-packed or not (the content decides).
        limit: The most bytes that the array may take.

    Returns:
        A writable array in native byte order with the file's dtype and dimensions.

    Raises:
        DataError: The file is unreadable, not IDX, damaged, shorter or longer than its header says, or
            larger than `limit`.

    Example:
        >>> gn.data.write_idx("a.idx.gz", np.array([[1, 2], [3, 4]], np.uint8))
        >>> gn.data.read_idx("a.idx.gz")
        array([[1, 2],
               [3, 4]], dtype=uint8)
    """
    with open_unpacked(path) as source:
        dtype, dims = _read_header(path, source)
        header = 4 + 4 * len(dims)
        expected = math.prod(dims) * dtype.itemsize
        promise = f"{file_label(path)}: expected {expected:,} bytes of data ({_describe(dtype, dims)})"
        # A zero among huge dimensions makes an empty array that NumPy still refuses, hence the max.
        if math.prod(max(dim, 1) for dim in dims) * dtype.itemsize > limit:
            raise DataError(f"{promise}, which is over the limit of {limit:,} bytes")
        if expected > source.most - header:
            found = f"at most {source.most:,} bytes packed" if source.packed else f"{source.most - header:,}"
            raise DataError(f"{promise}, found {found}; the file is cut off or its header is damaged")
        data = source.read_up_to(expected)
        if len(data) < expected:
            raise DataError(f"{promise}, found {len(data):,}; the file is cut off or its header is damaged")
        if source.stream.read(1):
            found = "more" if source.packed else f"{source.most - header:,}"
            raise DataError(f"{promise}, found {found}; the file has bytes after its data")
    return np.frombuffer(data, dtype).reshape(dims).astype(dtype.newbyteorder("="), copy=False)


@answering
def read_pair(
    images: str | os.PathLike[str], labels: str | os.PathLike[str]
) -> tuple[Array, Array]:
    """Reads a file of samples and the file of their labels.

    Args:
        images: IDX file of shape (N, …).
        labels: IDX file of shape (N,).

    Returns:
        Both arrays as they are in the files.

    Raises:
        DataError: One of them is refused by `read_idx`, or their counts differ.

    Example:
        >>> gn.data.write_idx("images.idx", np.zeros((3, 28, 28), np.uint8))
        >>> gn.data.write_idx("labels.idx", np.zeros(2, np.uint8))
        >>> gn.data.read_pair("images.idx", "labels.idx")
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.DataError: counts differ: images.idx holds 3
        samples, labels.idx holds 2 labels; use two files of the same set
    """
    x, y = read_idx(images), read_idx(labels)
    if len(x) != len(y):
        raise DataError(
            f"counts differ: {images} holds {len(x):,} samples, {labels} holds {len(y):,} labels; "
            f"use two files of the same set"
        )
    return x, y


@answering
def write_idx(path: str | os.PathLike[str], array: object) -> None:
    """Writes an array as IDX, gzip-packed when the name ends in `.gz`; the bytes depend on the array alone.

    Args:
        path: The file to write; an existing one is replaced in one step.
        array: uint8, int8, int16, int32, float32 or float64, with 1 to 32 dimensions.

    Raises:
        DataError: IDX cannot hold the array, or the file cannot be written.

    Example:
        >>> gn.data.write_idx("a.idx", np.array([1, 2], np.int16))
        >>> np.fromfile("a.idx", np.uint8).tobytes().hex(" ")
        '00 00 0b 01 00 00 00 02 00 01 00 02'
        >>> gn.data.write_idx("a.idx", np.array([1, 2], np.int64))
        Traceback (most recent call last):
            ...
        graphnet.compiler.errors.DataError: IDX cannot hold dtype int64; it
        holds uint8, int8, int16, int32, float32, float64: convert
        the array first
    """
    path = Path(path)
    content = encode_idx(as_array("the array", array))
    place(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def encode_idx(array: Array) -> bytes:
    """The unpacked IDX file of an array; the only one there is for it.

    Raises:
        DataError: IDX cannot hold the array.
    """
    header, body = _encoded(array)
    return header + body.tobytes()


def _encoded(array: Array) -> tuple[bytes, Array]:
    """What the file begins with, and what follows."""
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        allowed = ", ".join(dtype.name for dtype in _CODES)
        raise DataError(f"IDX cannot hold dtype {array.dtype}; it holds {allowed}: convert the array first")
    if not 1 <= array.ndim <= MAX_DIMS or max(array.shape) >= 1 << 32:
        raise DataError(f"IDX cannot hold shape {array.shape}: 1 to {MAX_DIMS} dimensions below 2**32 each")
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return header, np.ascontiguousarray(array, _DTYPES[code])


def idx_digest(array: Array) -> str:
    """SHA-256 of the unpacked IDX file of an array, in hexadecimal."""
    header, body = _encoded(array)
    digest = hashlib.sha256(header)
    digest.update(body.data)
    return digest.hexdigest()


def _read_header(path: str | os.PathLike[str], source: Unpacked) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = source.read_up_to(4)
    if len(magic) < 4:
        raise DataError(f"{file_label(path)}: expected an IDX header of 4 bytes or more, found {len(magic)}")
    zeros, code, ndim = struct.unpack(">HBB", magic)
    if zeros or code not in _DTYPES:
        codes = ", ".join(f"{known:02x}" for known in _DTYPES)
        raise DataError(
            f"{file_label(path)}: expected the IDX magic 00 00, dtype ({codes}), dimensions; found {magic.hex(' ')}; "
            f"this is not an IDX file"
        )
    if not 1 <= ndim <= MAX_DIMS:
        raise DataError(f"{file_label(path)}: expected 1 to {MAX_DIMS} dimensions in the IDX header, found {ndim}")
    dims = source.read_up_to(4 * ndim)
    if len(dims) < 4 * ndim:
        raise DataError(f"{file_label(path)}: expected {4 * ndim} bytes of IDX dimensions, found {len(dims)}")
    return _DTYPES[code], struct.unpack(f">{ndim}I", dims)


def _describe(dtype: np.dtype[Any], dims: tuple[int, ...]) -> str:
    return f"{' x '.join(map(str, dims))} {dtype.name}"
