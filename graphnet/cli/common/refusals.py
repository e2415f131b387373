"""What `--json` prints of a file that cannot be used."""

from __future__ import annotations

import json

from graphnet.compiler.errors import GnetFormatError


def is_missing(error: BaseException | None) -> bool:
    """Whether something failed since there is no such file."""
    return isinstance(error, FileNotFoundError | NotADirectoryError)


def print_refusal(error: GnetFormatError | OSError, file: str) -> None:
    """Prints the file, the field and the byte that are refused (null if it is none in particular), and the reason."""
    field, offset, reason = "", None, str(error)
    if isinstance(error, GnetFormatError):
        field, offset, reason = error.field, error.offset, error.reason
    elif error.strerror:
        reason = error.strerror
    print(json.dumps({"file": file, "passed": False, "field": field, "offset": offset, "reason": reason}))
