"""Where in the user's code a call stands, as `file:line`; errors and graphs carry it."""

from __future__ import annotations

import os
import sys

_PACKAGE = __name__.partition(".")[0]
_MODELS = f"{_PACKAGE}.models"


def user_source() -> str:
    """`file:line` of the innermost frame outside the library; the bundled models count as outside.

    Returns:
        The file's base name and the line, or "" if every frame is the library's.
    """
    frame = sys._getframe(1)
    while frame is not None:
        if not _is_library(frame.f_globals.get("__name__", "")):
            return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def _is_library(module: str) -> bool:
    return _inside(module, _PACKAGE) and not _inside(module, _MODELS)


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
