"""What a name in a file may be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from graphnet.runtime.gnet.wire.refusal import Path, refuse, shown

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc, which never changes


def check_name(name: Any, path: Path) -> str:
    """Refuses what is no text, empty, or holds control characters, which could play tricks on a terminal.

    Raises:
        GnetFormatError: the name is refused.
    """
    if not isinstance(name, str):
        raise refuse(path, f"a name must be text, not {shown(name)}")
    if not name:
        raise refuse(path, "a name must not be empty")
    check_text(name, path)
    return name


def are_names(names: Sequence[Any]) -> bool:
    """Whether `check_name` refuses none of these."""
    return {*map(type, names)} <= {str} and all(names) and not _CONTROL.search("".join(names))


def check_text(text: str, path: Path) -> None:
    """Refuses control characters.

    Raises:
        GnetFormatError: there is one.
    """
    if found := _CONTROL.search(text):
        raise refuse(path, f"{shown(text)} has the control character U+{ord(found[0]):04X}")


def check_unique(names: Iterable[str], path: Path, key: str | int | None = None) -> None:
    """Refuses a name that stands twice; the path of the error leads to the second one.

    Raises:
        GnetFormatError: there is one.
    """
    listed = list(names)
    if len({*listed}) == len(listed):
        return
    seen: set[str] = set()
    for index, name in enumerate(listed):
        if name in seen:
            place = (*path, index) if key is None else (*path, index, key)
            raise refuse(place, f"the name {shown(name)} is used twice")
        seen.add(name)


def escape_text(text: str) -> str:
    """The text with backslash escapes for control characters and lone surrogates."""
    if text.isascii() and text.isprintable():
        return text
    visible = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return visible.encode("utf-8", "backslashreplace").decode()
