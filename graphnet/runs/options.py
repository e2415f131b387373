"""What can be set about a model or its data: the keyword-only arguments of the functions that make them.

    def model(*, cell: Literal["simple", "lstm", "gru"] = "lstm", units: int = 64) -> gn.Model: …

can be trained with `graphnet train NAME --set cell=gru --set units=32`. Help texts are taken from docstrings.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from graphnet.compiler.errors import ArgumentError

_PATH = "path"
FilePath = Annotated[str, _PATH]
"""The type of an argument that is the path of a file, "" for none."""

Value = str | int
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Option:
    """One thing that can be set.

    Attributes:
        name: of the argument.
        default: the value where nothing is set: a text, or a whole number ≥ 1.
        choices: the texts that are allowed; () for all.
        is_path: whether it is the path of a file.
        help: what it is.
    """

    name: str
    default: Value
    choices: tuple[str, ...] = ()
    is_path: bool = False
    help: str = ""

    def parse(self, text: str) -> Value:
        """The value that a user typed.

        Raises:
            ArgumentError: it is not allowed.
        """
        if self.choices and text not in self.choices:
            raise ArgumentError("--set", self.name, text, f"it must be one of {', '.join(self.choices)}")
        if isinstance(self.default, str):
            return text
        if not (text.isdecimal() and text.isascii() and int(text) >= 1):
            raise ArgumentError("--set", self.name, text, "it must be a whole number ≥ 1")
        return int(text)

    def __str__(self) -> str:
        """As in a help text: `cell={simple,lstm,gru}: which layer (default: lstm)`."""
        values = "FILE" if self.is_path else "TEXT" if isinstance(self.default, str) else "N"
        if self.choices:
            values = f"{{{','.join(self.choices)}}}"
        return f"{self.name}={values}: {self.help}" + (f" (default: {self.default})" if self.default else "")


def options_of(function: Callable[..., Any]) -> dict[str, Option]:
    """The options of a function, by name, in its order.

    Raises:
        TypeError: a keyword-only argument is not str, int or Literal of texts, or has no default of that type.
    """
    arguments = inspect.signature(function, eval_str=True).parameters.values()
    return {a.name: _option(a, _help(function, a.name)) for a in arguments if a.kind is inspect.Parameter.KEYWORD_ONLY}


def parse_options(options: Mapping[str, Option], given: Mapping[str, str]) -> dict[str, Value]:
    """The values of all options: what is given, else the default.

    Raises:
        ArgumentError: a name is unknown or a value not allowed; the text lists what there is.
    """
    for name in given:
        if name not in options:
            known = ", ".join(options)
            raise ArgumentError("--set", "OPTION", name, f"it must be one of {known}" if known
                                else "there is nothing to set here")
    return {name: option.parse(given[name]) if name in given else option.default for name, option in options.items()}


def _help(function: Callable[..., Any], name: str) -> str:
    """The first line that the docstring has about an argument."""
    found = re.search(rf"^ +{name}: (.+)$", inspect.getdoc(function) or "", re.MULTILINE)
    return found[1].rstrip(".") if found else ""


def _option(argument: inspect.Parameter, help: str) -> Option:
    choices = get_args(argument.annotation) if get_origin(argument.annotation) is Literal else ()
    is_path = argument.annotation == FilePath
    kind = str if choices or is_path else argument.annotation
    if kind not in (str, int) or type(argument.default) is not kind:
        raise TypeError(f"option {argument.name!r} must be str, int or a Literal of texts, with a default, "
                        f"not {argument}")
    return Option(argument.name, argument.default, choices, is_path, help)
