"""Objects by name: what a string such as "adam" stands for, and plain data that a model file can hold.

A registry is closed: configs name classes that are in it, and nothing else is ever imported or called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from graphnet.common.frozen import Kept, guard
from graphnet.common.habits import hint
from graphnet.common.names import snake_case
from graphnet.compiler.errors import ArgumentError

T = TypeVar("T")
C = TypeVar("C", bound=type[Any])
PLAIN = (bool, int, float, str, type(None))


class Registry(Generic[T]):
    """The classes of one kind, by class name and by the short names that strings may use.

    Args:
        what: an object of that kind, with an article.
        habits: the section of the table of names by habit that holds such strings; "" if there is none.
    """

    def __init__(self, what: str, habits: str = "") -> None:
        self.what, self.habits = what, habits
        self._classes: dict[str, type[T]] = {}
        self._names: dict[str, Callable[[], T]] = {}

    def register(self, *aliases: str) -> Callable[[C], C]:
        """A class decorator that adds the class under its own name in snake case and under `aliases`."""
        def add(cls: C) -> C:
            guard(cls)
            self._classes[cls.__name__] = cls
            self._names.update(dict.fromkeys((snake_case(cls.__name__), *aliases), cls))
            return cls
        return add

    @property
    def names(self) -> tuple[str, ...]:
        """Every string that `resolve` takes."""
        return tuple(sorted(self._names))

    def resolve(self, owner: str, argument: str, value: object) -> T:
        """The object that an argument stands for: itself, or what a string names, with its defaults.

        A string is a short name or the name of the class, in capital or small letters.

        It is the caller's to `freeze` it as soon as it is part of a graph.

        Raises:
            ArgumentError: it is neither; the text lists the strings.
        """
        if isinstance(value, str) and (make := self._find(value)):
            return make()
        if isinstance(value, tuple(self._classes.values())):
            return cast(T, value)
        if isinstance(value, type) and value.__name__ in self._classes:
            raise ArgumentError(owner, argument, value, f"it must be an object, not its class: {value.__name__}(…)")
        if base := next((base for base in type(value).__mro__[1:] if vars(base).get("registry") is self), None):
            raise ArgumentError(owner, argument, value, "its class is not registered, so that no file could name it: "
                                                        f"put @{base.__name__}.registry.register() above it")
        names = ", ".join(map(repr, self.names))
        meant = hint(self.habits, value, self.names, quoted=True)
        raise ArgumentError(owner, argument, value, f"it must be {self.what} or one of {names}{meant}")

    def _find(self, text: str) -> Callable[[], T] | None:
        """What makes the object that a text names; None if it names none, or several but for its capital letters."""
        if text in self._names:
            return self._names[text]
        named: tuple[tuple[str, Callable[[], T]], ...] = (*self._names.items(), *self._classes.items())
        found = {make for name, make in named if name.lower() == text.lower()}
        return found.pop() if len(found) == 1 else None

    def config(self, item: T) -> dict[str, Any]:
        """The object as plain data: `{"class": name, "arguments": {…}}`.

        Raises:
            ArgumentError: an argument is not plain data, so that no file can hold it.
        """
        cls = type(item)
        arguments = {name: _to_plain(cls, name, getattr(item, name)) for name in _arguments(cls)}
        return {"class": cls.__name__, "arguments": arguments}

    def from_config(self, config: object) -> T:
        """The object that `config` describes. Arguments that are left out take their defaults.

        Raises:
            ArgumentError: it has other keys, names an unknown class or argument, or a value is not allowed.
        """
        if not isinstance(config, Mapping) or set(config) != {"class", "arguments"}:
            raise ArgumentError(self.what, "config", config, "its keys must be 'class' and 'arguments'")
        name, arguments = config["class"], config["arguments"]
        if not isinstance(name, str) or name not in self._classes:
            raise ArgumentError(self.what, "class", name, f"it must be one of {', '.join(self._classes)}")
        cls = self._classes[name]
        known = _arguments(cls)
        if not isinstance(arguments, Mapping) or not set(arguments) <= set(known):
            raise ArgumentError(name, "arguments", arguments, f"only these are known: {', '.join(known)}")
        missing = [key for key, field in known.items() if key not in arguments and field.default is MISSING]
        if missing:
            raise ArgumentError(name, "arguments", arguments, f"{', '.join(missing)} must be given")
        return cls(**{key: _from_plain(cls, key, value) for key, value in arguments.items()})


def _to_plain(cls: type[Any], name: str, value: object) -> object:
    if name in _nested(cls) and isinstance(value, Configured):
        return value.config()
    if name in _sequences(cls) and isinstance(value, tuple):
        return list(value)
    if not isinstance(value, PLAIN):
        raise ArgumentError(cls.__name__, name, value,
                            "only numbers, strings, True, False and None can be stored in a file")
    return value


def _from_plain(cls: type[Any], name: str, value: object) -> object:
    if name in _nested(cls) and isinstance(value, Mapping):
        return _nested(cls)[name].from_config(value)
    if name in _sequences(cls) and isinstance(value, list | tuple) and all(isinstance(item, PLAIN) for item in value):
        return tuple(value)
    if not isinstance(value, PLAIN):
        raise ArgumentError(cls.__name__, name, value, "it must be a number, a string, True, False or None")
    return value


def _nested(cls: type[Any]) -> Mapping[str, Registry[Any]]:
    return cls.nested if issubclass(cls, Configured) else {}


def _sequences(cls: type[Any]) -> tuple[str, ...]:
    return cls.sequences if issubclass(cls, Configured) else ()


def _arguments(cls: type[Any]) -> dict[str, Field[Any]]:
    return {field.name: field for field in fields(cls) if field.init}


@dataclass(frozen=True)
class Configured(Kept):
    """Base of frozen dataclasses that a model file stores as plain data.

    `nested` says for which arguments an object of another registry may stand, and of which; `sequences` which arguments
    may be tuples of plain data.
    """

    registry: ClassVar[Registry[Any]]
    nested: ClassVar[Mapping[str, Registry[Any]]] = {}
    sequences: ClassVar[tuple[str, ...]] = ()

    def config(self) -> dict[str, Any]:
        """The object as plain data; `from_config` makes it again."""
        return self.registry.config(self)

    @classmethod
    def from_config(cls, config: object) -> Self:
        """The object that `config` describes.

        Raises:
            ArgumentError: the config is not one of this kind of object, or holds a value that is not allowed.
        """
        return cast(Self, cls.registry.from_config(config))
