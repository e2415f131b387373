"""How many inputs an op takes."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from graphnet.compiler.op import Op


def arity(cls: type[Op]) -> tuple[int, int | None]:
    """The least and the greatest number of inputs, from the signature of `infer`; None if there is no greatest."""
    infer: Any = cls.infer
    return _arity(infer)


@cache
def _arity(infer: Any) -> tuple[int, int | None]:
    parameters = [p for p in inspect.signature(infer).parameters.values() if p.name != "self"]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in positional)
    return least, None if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(positional)
