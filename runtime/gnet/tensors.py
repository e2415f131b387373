"""Tensors of a file: their dtypes and roles, and arrays as their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.compiler.ir import BUFFER, OPTIMIZER
from graphnet.compiler.types import Array
from graphnet.runtime.gnet.wire.refusal import refuse

PARAM, CONST, STATE = "param", "const", "state"
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


def first_untrue(data: NDArray[np.uint8]) -> int | None:
    """The index of the first byte that is neither 0 nor 1."""
    return int(np.argmax(data > 1)) if data.size and data.max() > 1 else None


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
