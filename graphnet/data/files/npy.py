"""Reads `.npy` files that somebody else wrote: no pickles, and no allocation that the file does not cover."""

from __future__ import annotations

import math
import os
import tokenize
import warnings
from typing import Any, BinaryIO

import numpy as np

from graphnet.compiler.errors import DataError
from graphnet.compiler.types import Array
from graphnet.compiler.words import file_label
from graphnet.data.files.files import regular_file

MAX_NPY_BYTES = 1 << 30
_MAX_HEADER = 1000  # a plain array's takes about 120; long ones can exhaust Python's parser
_READ_HEADER = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npy(path: str | os.PathLike[str], limit: int = MAX_NPY_BYTES) -> Array:
    """Reads the array of one `.npy` file.

    Args:
        path: The file.
        limit: The largest file that is read, in bytes.

    Returns:
        A writable array in native byte order with the file's dtype and shape.

    Raises:
        DataError: The file is unreadable, too large, not `.npy`, holds Python objects, or is shorter or
            longer than its header says.
    """
    path = regular_file(path)
    size = path.stat().st_size
    if size > limit:
        raise DataError(f"{file_label(path)}: expected {limit:,} bytes or fewer, found {size:,}; split the file")
    try:
        with path.open("rb") as file:
            shape, fortran_order, dtype = _read_header(file)
            expected, found = math.prod(shape) * dtype.itemsize, size - file.tell()
            if expected != found or min(shape, default=0) < 0:
                raise DataError(
                    f"{file_label(path)}: expected {expected:,} bytes of data (shape {shape}, {dtype}), found "
                    f"{found:,}; the file is cut off or its header is damaged"
                )
            items = np.frombuffer(bytearray(file.read(expected)), dtype)
        array = items.reshape(shape, order="F" if fortran_order else "C")
        return array.astype(dtype.newbyteorder("="), copy=False)
    except OSError as error:
        raise DataError(f"{file_label(path)}: cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, tokenize.TokenError) as error:
        raise DataError(f"{file_label(path)}: expected a sound .npy file: {error}") from error


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in _READ_HEADER:
        raise ValueError(f"its format version is {version}, known are 1.0 and 2.0")
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # Python 2's headers are fine
        shape, fortran_order, dtype = _READ_HEADER[version](file, max_header_size=_MAX_HEADER)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which could run code when loaded; save numbers instead")
    return shape, fortran_order, dtype
