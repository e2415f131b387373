"""Standard output and error, which may be closed or not there at all: in daemons, under pythonw, after `>&-`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unicodedata import combining, east_asian_width


def is_open(stream: Any) -> bool:
    """Whether it can be written to."""
    return stream is not None and not getattr(stream, "closed", False)


def shows_progress(wanted: bool | None) -> bool:
    """Whether to show progress on standard error: if it is open, and is a terminal unless progress is asked for."""
    if wanted is False or not is_open(sys.stderr):
        return False
    return wanted is True or _is_terminal(sys.stderr)


def _is_terminal(stream: Any) -> bool:
    """Asks the file behind it: a window such as IDLE's says that it is one, and knows no carriage return."""
    try:
        return bool(stream.isatty()) and os.isatty(stream.fileno())
    except (AttributeError, OSError, ValueError):  # it is no file, or closed
        return False


def columns(stream: Any) -> int | None:
    """How many columns the terminal has that a stream goes to; None if it goes to none, or one that does not say."""
    try:
        return (os.get_terminal_size(stream.fileno()).columns or None) if stream.isatty() else None
    except (AttributeError, OSError, ValueError):  # it is no file, or closed
        return None


def writable(text: str, stream: Any) -> str:
    """The text with escapes for what the encoding of a stream does not have."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def display_width(text: str) -> int:
    """How many columns a text takes: two for each wide character, none for those that join the one before."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(c) in "FW" else int(not combining(c)) for c in text)


@contextmanager
def open_streams() -> Iterator[None]:
    """Within the block both streams can be written to; what is written to one that is closed or missing is lost."""
    before = sys.stdout, sys.stderr
    with ExitStack() as stack:
        for name in ("stdout", "stderr"):
            if not is_open(getattr(sys, name)):
                setattr(sys, name, stack.enter_context(open(os.devnull, "w", encoding="utf-8")))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
