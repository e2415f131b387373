"""A layer as if it had been declared with another argument, as long as no graph holds it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from graphnet.common.frozen import Guarded
from graphnet.compiler.errors import FrozenError
from graphnet.declare.options import WeightOptions

Given = tuple[tuple[Any, ...], dict[str, Any]]
"""What an `__init__` was called with."""


def known_arguments(cls: type[Any]) -> list[str]:
    """The names of the arguments that a layer of a class is declared with."""
    return _known(cls.__init__)


@lru_cache(512)
def _known(init: Callable[..., Any]) -> list[str]:
    _, *parameters = inspect.signature(init).parameters.values()
    named = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return named + sorted(WeightOptions.__optional_keys__) * any(p.name == "options" for p in parameters)


def declared_with(layer: Any, given: Given, name: str, value: object) -> dict[str, Any]:
    """The attributes that a layer would have.

    Args:
        layer: as it is; what it holds, such as its activation, may have been changed, too.
        given: what it was declared with.
        name: of an argument.
        value: for it.

    Raises:
        FrozenError: there is no such argument.
        ArgumentError: the value is not allowed.
    """
    cls, (args, kwargs), known = type(layer), given, known_arguments(type(layer))
    arguments = inspect.signature(cls).bind(*args, **kwargs).arguments
    options = arguments.pop("options", {})
    if name not in known:
        raise FrozenError(f"{cls.__name__}: {name} cannot be set: there is no such argument; there are "
                          f"{', '.join(known)}")
    held = {key: vars(layer)[key] for key in arguments if isinstance(vars(layer).get(key), Guarded)}
    made: dict[str, Any] = vars(cls(**(arguments | options | held | {name: value})))
    return made
