"""Plain data from a file as JSON and as text that is fit to be shown."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from graphnet.compiler.words import label

Path = tuple[str | int, ...]


def as_json(value: Any) -> Any:
    """Plain data as JSON holds it: bytes in hex, numbers that are not finite as text ("nan", "inf", "-inf")."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def shown(value: Any) -> str:
    """Plain data in a line, cut short if it is long."""
    return label(value if isinstance(value, str) else json.dumps(as_json(value)))


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value in maps and lists that is no such thing itself, or is empty, with the keys and indices to it."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    elif path:
        yield path, value


def path_text(path: Path) -> str:
    """A path as text, such as `optimizer.arguments.beta1` or `objective[0].loss`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of texts as lines with aligned columns, in which every text is fit to be shown."""
    rows = [tuple(map(label, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
