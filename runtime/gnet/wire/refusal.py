"""Turns a failed check into a GnetFormatError that says where: the field, its byte offset, the file."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from contextlib import contextmanager

from graphnet.compiler.errors import GnetFormatError

Path = tuple[str | int, ...]


def refuse(path: Path, reason: str, offset: int | None = None) -> GnetFormatError:
    """The error for the field at `path`."""
    return GnetFormatError(reason, path, offset)


def shown(value: object) -> str:
    """A value from a file as text that stays short, whatever the value is."""
    return reprlib.repr(value)


@contextmanager
def naming(source: str) -> Iterator[None]:
    """Within the block, refusals get the name of the file."""
    try:
        yield
    except GnetFormatError as error:
        if error.source:
            raise
        raise GnetFormatError(error.reason, error.path, error.offset, source) from error.__cause__
