"""Answers to names that are not there: attributes of modules and objects, and arguments of classes and functions.

Each says what was meant, as far as the table of names by habit and what is there can tell. Type checkers see none of
this, so they still find what is misspelt.
"""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

from graphnet.common.habits import ARGUMENTS, CLASSES, FAR, NEAR, absent, hint, nearest, rows_for
from graphnet.compiler.errors import ArgumentError

P = ParamSpec("P")
R = TypeVar("R")
_PACKAGE = __name__.partition(".")[0]
_IMPORT_FROM = dis.opmap["IMPORT_FROM"]


class Answering:
    """Base of what users make and hold: it answers arguments and attributes that are not there."""

    __slots__ = ()
    _habits: ClassVar[str] = ""
    """The section of the table with attributes of such objects; "" if there is none."""

    @classmethod
    def _known_arguments(cls) -> list[str] | None:
        """The names of the arguments of the class; None if it takes any."""
        return [] if cls.__init__ is object.__init__ else argument_names(cls.__init__)

    if not TYPE_CHECKING:
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            """Refuses unknown arguments before missing ones are complained of."""
            if kwargs:
                refuse_unknown(cls.__name__, kwargs, cls._known_arguments())
            make = super().__new__
            if make is object.__new__ and cls.__init__ is not object.__init__:  # which would refuse any
                return make(cls)
            return make(cls, *args, **kwargs)

        def __getattr__(self, name: str) -> Any:
            """Only called for attributes that were not found."""
            kind = type(self)
            if name[:1] in ("", "_") or hasattr(kind, name):  # a property that failed knows itself what is wrong
                return object.__getattribute__(self, name)
            known = [other for other in dir(self) if other[0] != "_"]
            text = f"{kind.__name__} has no attribute {name!r}{hint(self._habits, name, known)}"
            raise AttributeError(text, name=name, obj=None)


def answering(function: Callable[P, R]) -> Callable[P, R]:
    """A decorator for functions and methods: it answers arguments that are not there."""
    owner = function.__name__

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError:
            refusal = _unknown_argument(owner, kwargs, argument_names(function))
            if refusal is None:
                raise
        raise refusal  # not in the handler: one traceback says it all
    return called


def refuse_unknown(owner: str, given: Mapping[str, Any], known: list[str] | None) -> None:
    """Refuses arguments that are not known.

    Raises:
        ArgumentError: there is one.
    """
    refusal = _unknown_argument(owner, given, known)
    if refusal is not None:
        raise refusal


def _unknown_argument(owner: str, given: Mapping[str, Any], known: list[str] | None) -> ArgumentError | None:
    name = None if known is None else next((name for name in given if name not in known), None)
    if known is None or name is None:
        return None
    there_are = f"there {'are' if len(known) > 1 else 'is only'} {', '.join(known)}" if known else "it has none"
    meant = _beside(owner, name) or hint(ARGUMENTS, name, known)
    return ArgumentError(owner, name, given[name], f"there is no such argument{meant}; {there_are}")


def _beside(owner: str, name: str) -> str:
    """What to write where `fit` is given an argument of `compile`, or the other way round."""
    package = sys.modules[_PACKAGE]
    if owner == "compile":
        return f"; net.fit takes {name}" * (name in (argument_names(package.Network.fit) or ()))
    return f"; gn.compile takes {name}" * (owner == "fit" and name in (argument_names(package.compile) or ()))


@lru_cache(512)
def argument_names(called: Callable[..., Any]) -> list[str] | None:
    """Those of a class or a function; None if it takes any by name."""
    parameters = inspect.signature(called).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.POSITIONAL_ONLY) and p.name != "self"]


def unknown_name(module: str, name: str) -> Exception:
    """The error of a public name that a module does not have.

    Where it is imported by `from … import`, an ImportError: Python would lose the text of another.
    """
    frame: FrameType | None = sys._getframe(2)
    imported = frame is not None and frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM
    text = f"{_short(module)} has no {name!r}{_answer(module, name)}" if name[:1] != "_" else (
        f"module {module!r} has no attribute {name!r}")
    return ImportError(text, name=module) if imported else AttributeError(text, name=name, obj=None)


def answer_names(face: dict[str, Any]) -> None:
    """Has a public module answer names that it does not have, and list those that are public and no others.

    Args:
        face: its `globals()`.
    """
    module = face["__name__"]

    def refuse(name: str) -> object:
        raise unknown_name(module, name)
    face["__getattr__"], face["__dir__"] = refuse, lambda: sorted(face["__all__"])


def _answer(module: str, name: str) -> str:
    elsewhere = _public_names()
    there_is = elsewhere.get(name, [])
    rows = sorted((row for row in rows_for(CLASSES, name) if row.here not in there_is),
                  key=lambda row: not row.here.startswith(f"{_short(module)}."))
    said = [f"there is {' and '.join(there_is)}"] * bool(there_is) + [row.text for row in rows]
    if said:
        return f"; {'; '.join(said)}"
    strings = rows_for(f"{module.rpartition('.')[2].capitalize()} by name", name)
    if strings:
        return f"; there is the string {strings[0].here}, which names one with its defaults"
    if name in absent():
        return f"; {name} of {absent()[name]} has no counterpart here"
    if hasattr(sys.modules[_PACKAGE].Network, name):
        return f"; there is net.{name}, of the network that gn.compile and gn.load return"
    own = sys.modules[module].__all__
    near = nearest(name, own, FAR) or nearest(name, elsewhere, FAR) or nearest(name, own, NEAR)
    if near is None:
        return hint(CLASSES, name, ())
    return f"; did you mean {f'{_short(module)}.{near}' if near in own else ' or '.join(elsewhere[near])}?"


def _public_names() -> dict[str, list[str]]:
    """Where each public name is to be found."""
    package = sys.modules[_PACKAGE]
    found = {name: [f"gn.{name}"] for name in package.__all__}
    for face in (getattr(package, name) for name in package.__all__):
        for name in face.__all__ if isinstance(face, ModuleType) else ():
            found.setdefault(name, []).append(f"{_short(face.__name__)}.{name}")
    return found


def _short(module: str) -> str:
    return "gn" + module.removeprefix(_PACKAGE)
