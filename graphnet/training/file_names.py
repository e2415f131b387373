"""Names of files with figures in them: `w.{epoch:02d}-{val_loss:.2f}.gnet`."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from string import Formatter
from typing import Any

from graphnet.common.checks import check_path
from graphnet.compiler.errors import ArgumentError
from graphnet.engine.figures import VALIDATION

COUNTS = ("epoch", "step")
"""Fields that are whole numbers; all others are figures."""
_FIELD = re.compile(r"[^\W\d][\w.\-]*")
_WIDE = re.compile(r"\d{3}")
_ANY = "\x01"  # stands for a field; no text has it
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')


def check_template(owner: str, name: str, value: object) -> str:
    """A path in which fields in braces stand for figures, each with a format of numbers if wanted.

    Raises:
        ArgumentError: it is no path, a brace has no partner, or a field or its format can be none.
    """
    path = check_path(owner, value, name)
    try:
        for field, conversion, spec in _fields(path):
            _check_field(field, conversion, spec)
    except ValueError as error:
        raise ArgumentError(owner, name, path, (
            f"{error}: braces stand for figures, such as {{epoch:02d}}, {{step}} and {{val_loss:.2f}}; for braces "
            "themselves write {{ and }}")) from None
    return path


def _fields(path: str) -> Iterator[tuple[str, str | None, str]]:
    """Name, conversion and format of each field.

    Raises:
        ValueError: a brace has no partner.
    """
    for _, field, spec, conversion in Formatter().parse(path):
        if field is not None:
            yield field, conversion, spec or ""


def _check_field(field: str, conversion: str | None, spec: str) -> None:
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{{{field}}} is not the name of a figure")
    if conversion is not None or "{" in spec or _WIDE.search(spec) or spec.endswith("c"):  # that is a character
        raise ValueError(f"{{{field}}} has a format that numbers in names of files cannot have")
    try:
        format(1 if field in COUNTS else 0.5, spec)
    except ValueError as error:
        raise ValueError(f"{{{field}:{spec}}} cannot be written ({error})") from None


def template_fields(path: str) -> list[str]:
    """The names of the fields of a template."""
    return [field for field, _, _ in _fields(path)]


def check_fields(owner: str, path: str, figures: Collection[str]) -> None:
    """Refuses a template with a field that is not among these figures.

    Raises:
        ArgumentError: the text names the field, and the figures that there are.
    """
    for field in template_fields(path):
        if field not in figures:
            raise ArgumentError(owner, "path", path, f"there is no figure {field!r}; there are {', '.join(figures)}"
                                + "; give fit validation_data" * field.startswith(VALIDATION))


def fill_in(path: str, figures: Mapping[str, Any]) -> str:
    """The path with numbers in place of its fields; what a name of a file cannot hold becomes `_`."""
    parts = []
    for literal, field, spec, _ in Formatter().parse(path):
        parts.append(literal)
        if field is not None:
            parts.append(_UNSAFE.sub("_", format(figures[field], spec or "")))
    return "".join(parts)


def may_name(path: str, file: str) -> bool:
    """Whether a template may name a file, given by its absolute path."""
    marked = "".join(literal + _ANY * (field is not None) for literal, field, _, _ in Formatter().parse(path))
    return re.fullmatch(re.escape(os.path.abspath(marked)).replace(_ANY, r"[^/\\]+"), file) is not None
