"""Packages that only gather names: each module says once, in its `__all__`, what it exports."""

from __future__ import annotations

from types import ModuleType

from graphnet.common.answers import answer_names


def set_all(face: dict[str, object]) -> None:
    """Sets the `__all__` of a package to the public names that its star imports brought, and answers other names.

    Type checkers take no computed `__all__`, and need none: what a star import brings is exported.

    Args:
        face: the `globals()` of the package, after its imports.
    """
    face["__all__"] = sorted(name for name, value in face.items()
                             if not name.startswith("_") and not isinstance(value, ModuleType))
    answer_names(face)
