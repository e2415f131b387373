"""Standard output and error, which may be closed or not there at all: in daemons, under pythonw, after `>&-`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


def is_open(stream: Any) -> bool:
    """Whether it can be written to."""
    return stream is not None and not getattr(stream, "closed", False)


def shows_progress(wanted: bool | None) -> bool:
    """Whether to show progress on standard error: if it is open, and is a terminal unless progress is asked for."""
    if wanted is False or not is_open(sys.stderr):
        return False
    return wanted is True or (hasattr(sys.stderr, "isatty") and sys.stderr.isatty())


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
