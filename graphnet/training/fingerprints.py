"""Tells whether files are the ones that are meant, and arrays still those that a training was begun with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from graphnet.compiler.errors import DataError
from graphnet.compiler.types import Array, format_shape
from graphnet.engine.checkpoints import Fingerprint


def fingerprint(array: Array) -> Fingerprint:
    """What tells a row-major array from others."""
    digest = hashlib.sha256(array.reshape(-1).view("uint8").data).hexdigest()
    return Fingerprint(array.dtype.name, array.shape, digest)


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file in hex, which `gn.load` takes as `expect_sha256`.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_unchanged(before: Mapping[str, Fingerprint], now: Mapping[str, Fingerprint]) -> None:
    """Refuses arrays that are not those of before.

    Raises:
        DataError: the text names the first one that differs, and how.
    """
    for name in (*before, *now):
        if name not in now:
            raise _refuse(f"{name} is missing")
        if name not in before:
            raise _refuse(f"{name} was not there")
        if before[name] != now[name]:
            raise _refuse(f"{name} {_difference(before[name], now[name])}")


def _difference(before: Fingerprint, now: Fingerprint) -> str:
    forms = [f"{item.dtype} {format_shape(item.shape)}" for item in (before, now)]
    return f"was {forms[0]} and is {forms[1]}" if forms[0] != forms[1] else "holds other numbers"


def _refuse(problem: str) -> DataError:
    return DataError(f"the samples are not those that the training was begun with: {problem}; give the same samples to "
                     "go on, or begin another training with these")
