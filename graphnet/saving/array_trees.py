"""Plain data with arrays in it, taken apart for a file: arrays become tensors, and plain data names them.

A checkpoint keeps what callbacks remember and what has been measured so far in this form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphnet.compiler.errors import GnetFormatError
from graphnet.compiler.types import Array

Path = tuple[str | int, ...]
TENSOR = "$tensor"
"""The only key of the map that stands for an array; its value is the tensor's name."""


def detach_arrays(tree: object, prefix: str) -> tuple[Any, dict[str, Array]]:
    """Takes the arrays out of dicts, lists and tuples, whatever their depth; NumPy's numbers become Python's.

    Args:
        tree: what to take apart; it stays as it is.
        prefix: of the arrays' names, which a number follows.

    Returns:
        The tree with a map `{"$tensor": name}` for each array, and the arrays by name.

    Raises:
        GnetFormatError: a dict has the key "$tensor" itself.
    """
    arrays: dict[str, Array] = {}
    return _detach(tree, prefix, arrays, ()), arrays


def attach_arrays(plain: object, arrays: Mapping[str, Array], path: Path = ()) -> Any:
    """The tree that `detach_arrays` took apart; `path` is where it stands in a file.

    Raises:
        GnetFormatError: there is no array of a name.
    """
    if isinstance(plain, dict) and TENSOR in plain:
        name = plain[TENSOR]
        if len(plain) != 1 or not isinstance(name, str) or name not in arrays:
            raise GnetFormatError(f"there is no tensor {name!r}", path)
        return arrays[name]
    if isinstance(plain, dict):
        return {key: attach_arrays(value, arrays, (*path, key)) for key, value in plain.items()}
    if isinstance(plain, list):
        return [attach_arrays(value, arrays, (*path, index)) for index, value in enumerate(plain)]
    return plain


def _detach(tree: object, prefix: str, arrays: dict[str, Array], path: Path) -> Any:
    if isinstance(tree, np.ndarray):
        name = f"{prefix}{len(arrays)}"
        arrays[name] = tree
        return {TENSOR: name}
    if isinstance(tree, np.generic):
        return tree.item()
    if isinstance(tree, Mapping):
        if TENSOR in tree:
            raise GnetFormatError(f"the key {TENSOR!r} stands for arrays; use another one", path)
        return {key: _detach(value, prefix, arrays, (*path, str(key))) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_detach(value, prefix, arrays, (*path, index)) for index, value in enumerate(tree)]
    return tree
