"""In a checkout the other floors lie beside this package, where an installed one has them inside: finds them there.

An editable install is a tree of links to a checkout, which editors and type checkers see through. What runs are the
files themselves, so that a new one needs no new installation, and tracebacks and breakpoints name the file one edits.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

FLOORS = ("graphnet.compiler", "graphnet.runtime", "graphnet.models")


class FloorFinder:
    """Finds the floors, and nothing else, in a folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(self, fullname: str, path: Sequence[str] | None,
                  target: ModuleType | None = None) -> ModuleSpec | None:
        """What Python asks for a module that is not there yet."""
        return PathFinder.find_spec(fullname, [self.folder]) if fullname in FLOORS else None


def find_floors(folder: str) -> None:
    """Has the floors imported from a folder, first of all: not those of another checkout that is installed."""
    sys.meta_path.insert(0, FloorFinder(folder))
