"""One rule for all attributes: an assignment takes effect, or is refused by a text that says what there is instead.

What is declared may be changed until it is part of a graph or a network (`freeze`); what a network hands out by name is
read-only (`ReadOnly`). Private attributes, whose names begin with `_`, are their writer's own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

import numpy as np

from graphnet.common.answers import Answering
from graphnet.compiler.errors import FrozenError
from graphnet.compiler.types import format_shape

K = TypeVar("K")
V = TypeVar("V")
Check = Callable[[str, str, Any], Any]
"""Takes a class's name, an attribute's name and a value; returns the value to keep, or refuses it."""
_SHOWN = 12
LIBRARY = f"{__name__.partition('.')[0]}."


class Guarded(Answering):
    """Base of all whose attributes are guarded.

    Closed are the public attributes of what is frozen and, from the beginning, those of a declaration that is a frozen
    dataclass; a class of a user's own may have further attributes, until it is frozen.

    `_checks` says for attributes that may be set at any time what values they take, and `_instead` what to do instead
    of setting another one; `{kind}` and `{name}` in it stand for the class and the attribute.
    """

    _checks: ClassVar[Mapping[str, Check]] = {}
    _instead: ClassVar[str] = "declare a new {kind}"
    _frozen: ClassVar[bool] = False  # of each object by itself, as soon as it is frozen

    def _guarded_set(self, name: str, value: Any) -> None:
        if name in self._checks:
            value = self._checks[name](type(self).__name__, name, value)
        elif self._is_closed(name):
            raise self._refusal(name)
        object.__setattr__(self, name, value)

    def _guarded_delete(self, name: str) -> None:
        if name in self._checks or self._is_closed(name):
            raise self._refusal(name)
        object.__delattr__(self, name)

    if not TYPE_CHECKING:  # else type checkers would take an assignment to any name
        def __setattr__(self, name: str, value: Any) -> None:
            self._guarded_set(name, value)

        def __delattr__(self, name: str) -> None:
            self._guarded_delete(name)

    def __getstate__(self) -> object:
        """Without the mark of what is frozen: a copy is part of nothing yet."""
        state = object.__getstate__(self)
        return {key: value for key, value in state.items() if key != "_frozen"} if isinstance(state, dict) else state

    def _is_closed(self, name: str) -> bool:
        found = getattr(type(self), name, None)
        if isinstance(found, property):
            return found.fset is None
        if name[0] == "_" or self._frozen:
            return name[0] != "_"
        fields = getattr(type(self), "__dataclass_fields__", ())  # those of its base, if it has none of its own
        return _is_frozen_dataclass(self) and (is_library(self) or name in fields)

    def _refusal(self, name: str) -> FrozenError:
        """The error of an attribute that cannot be set."""
        kind = type(self).__name__
        problem = "cannot be set any more" if hasattr(self, name) else "cannot be set: there is no such attribute"
        return FrozenError(f"{kind}: {name} {problem}; {self._instead.format(kind=kind, name=name)}")


class Kept(Guarded):
    """Base of frozen dataclasses whose checks keep plain data."""

    def keep(self, name: str, value: object) -> None:
        """Puts what a check made of an argument in its place: plain data, whatever type it came in."""
        object.__setattr__(self, name, value)


def _is_frozen_dataclass(item: Guarded) -> bool:
    parameters = getattr(type(item), "__dataclass_params__", None)
    return parameters is not None and bool(parameters.frozen)


def freeze(*items: object) -> None:
    """Closes the attributes of declarations, and of those that they hold, for good."""
    todo = list(items)
    while todo:
        item = todo.pop()
        if not isinstance(item, Guarded) or item._frozen:
            continue
        vars(item)["_frozen"] = True
        for held in vars(item).values():
            todo += held if isinstance(held, list | tuple) else held.values() if isinstance(held, Mapping) else [held]


def guard(cls: type[Any]) -> None:
    """Has a frozen dataclass refuse assignments as all declarations do, not as `dataclass` does by itself."""
    if issubclass(cls, Guarded) and "__dataclass_fields__" in vars(cls):
        cls.__setattr__ = Guarded.__setattr__  # type: ignore[method-assign]
        cls.__delattr__ = Guarded.__delattr__  # type: ignore[method-assign]


def is_library(item: object) -> bool:
    """Whether an object's class is one of graphnet's own."""
    return type(item).__module__.startswith(LIBRARY)


def completing(init: Callable[..., None]) -> Callable[..., None]:
    """An `__init__` that keeps what it was given, as `_given`, when it is done; unless it is that of a base."""
    @wraps(init)
    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if type(self).__init__ is made:
            self._given = args, kwargs
    return made


class ReadOnly(dict[K, V]):
    """What something hands out by name. A copy of it is a plain dict.

    Args:
        values: by name.
        refusal: the text of the error of an assignment.
    """

    def __init__(self, values: Mapping[K, V], refusal: str) -> None:
        super().__init__(values)
        self._text = refusal

    def __repr__(self) -> str:
        """The first entries; arrays by dtype and shape, since nobody reads thousands of numbers."""
        entries = [f"{key!r}: {_form(value)}" for key, value in islice(self.items(), _SHOWN)]
        more = [f"… {len(self) - _SHOWN} more"] * (len(self) > _SHOWN)
        return f"{{{', '.join(entries + more)}}}"

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise FrozenError(self._text)

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[dict[K, V]], tuple[dict[K, V]]]:
        return dict, (dict(self),)


def _form(value: object) -> str:
    return f"{value.dtype} {format_shape(value.shape)}" if isinstance(value, np.ndarray) else repr(value)
