"""Where in the user's code a call stands, as `file:line`; errors and graphs carry it."""

from __future__ import annotations

import os
import sys
from functools import cache

_PACKAGE = __name__.partition(".")[0]
_MODELS, _COMMANDS = f"{_PACKAGE}.models", f"{_PACKAGE}.cli"


def user_source() -> str:
    """`file:line` of the innermost frame outside the library; the bundled models count as outside.

    Returns:
        The file's base name and the line, `In[3]:2` in the third cell of a notebook; or "" if every frame is the
        library's. What called the command line does not count.
    """
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == _COMMANDS:
            return ""
        if not _is_library(module):
            return f"{_file_name(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def at_user_source() -> str:
    """` at file:line`, to follow a verb, or "" if there is no such place."""
    source = user_source()
    return f" at {source}" if source else ""


def _file_name(path: str) -> str:
    """Without the folder; of a cell, whose file is called by a number that nobody has seen, `In[3]`."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    cell = None if shell is None else shell.compile.format_code_name(path)
    return cell[1] if cell else os.path.basename(path)


@cache
def _is_library(module: str) -> bool:
    return _inside(module, _PACKAGE) and not _inside(module, _MODELS)


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
