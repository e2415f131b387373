"""What dataclasses say of themselves to whatever stores them. It imports nothing, so that declaring one stays fast."""

from __future__ import annotations

from dataclasses import field, fields
from functools import cache
from typing import Any

_LEFT_OUT = "left out where it is the default"


def unless(default: Any) -> Any:
    """A field that is stored only where it is not this, and may be missing: files without it keep their bytes."""
    return field(default=default, metadata={_LEFT_OUT: True})


@cache
def usual_values(cls: type) -> dict[str, Any]:
    """The fields of a dataclass made by `unless`, each with what it is where it is missing."""
    return {f.name: f.default for f in fields(cls) if _LEFT_OUT in f.metadata}
