"""How names and attributes stand in text: exactly, in the text of a graph, or as what is shown to people.

In the text of a graph names are as they are where they are plain words, in quotes otherwise.

What is shown (errors, tables, pages, pictures) of text from outside, such as names and values from files, paths, what a
server answers, is made `visible`. Whoever wrote it may mean harm: escape sequences that a terminal obeys, characters
that turn the direction of what follows, line breaks that forge a line, a million letters.
"""

from __future__ import annotations

import os
import re
from enum import Enum
from functools import lru_cache
from math import copysign
from typing import Any

import numpy as np

# Written out, because what Python takes for printable changes with its version, and with it the digest of a graph.
UNSEEN = (r"\x00-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\udfff\ufeff"
          r"\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff")
"""All that cannot be seen as what it is, but for the space, as ranges of a regular expression: control and format
characters, separators, halves of surrogates."""
LINE, LABEL = 1000, 200
"""The most characters of a refusal, and of a name in it, in a table or in a picture."""
SCREEN_LINES, SCREEN = 24, 2000
"""The most lines and characters that a REPL shows of a value."""
_BLANK, _NO_XML = r"\u115f\u1160\u2800\u3164\uffa0", r"\ufffe\uffff"
_UNSEEN = re.compile(f"[{UNSEEN}{_BLANK}{_NO_XML}]")
_LETTER = rf"[^ {UNSEEN}'\"\\#:]"
_DIM_LETTER = rf"[^ {UNSEEN}'\"\\#:,\[\]]"
_ESCAPE = r"\\(?:[\\'\"nrt]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})"
_SHORT = {"n": "\n", "r": "\r", "t": "\t"}
_TO_ESCAPE, _ESCAPED = re.compile(rf"[\"\\{UNSEEN}]"), re.compile(_ESCAPE)

NAME = re.compile(rf"{_LETTER}+(?::+{_LETTER}+)*")
"""A plain name: of what can be seen, but for quotes, `\\` and `#`; with colons inside only."""
SYMBOL = re.compile(rf"(?![-+0-9]){_DIM_LETTER}+")
"""A plain symbol of a dim: nor has it `:`, `,`, `[` or `]`, and it does not begin like a number."""
STRING = re.compile(rf"'(?:[^'\\]|{_ESCAPE})*'|\"(?:[^\"\\]|{_ESCAPE})*\"")
"""A string in quotes of either kind, with escapes as in Python."""


def format_name(name: str) -> str:
    """`conv1/weight`, `"my layer"`."""
    return name if NAME.fullmatch(name) else quote(name)


def format_symbol(symbol: str) -> str:
    """`N`, `"2 T"`."""
    return symbol if SYMBOL.fullmatch(symbol) else quote(symbol)


def quote(text: str) -> str:
    """The text in double quotes, with escapes for what could not be seen."""
    return f'"{_TO_ESCAPE.sub(_escape, text)}"'


def unquote(quoted: str) -> str:
    """What a string in quotes, as `STRING` matches it, stands for."""
    return _ESCAPED.sub(_unescape, quoted[1:-1])


def differs(value: Any, default: Any) -> bool:
    """Whether an attribute is not at its default; -0.0 is another number than 0.0."""
    return bool(value != default) or (value == 0 and copysign(1, value) != copysign(1, default))


def format_value(value: object) -> str:
    """An attribute as text: numbers and strings as in Python, NumPy's too; tuples without spaces; ops as they are."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, tuple):
        inner = ",".join(format_value(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value) if isinstance(value, float) or np.isscalar(value) else str(value)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return f"\\{character}" if character in '"\\' else character.encode("unicode_escape").decode()


def _unescape(found: re.Match[str]) -> str:
    kind, digits = found[0][1], found[0][2:]
    return chr(int(digits, 16)) if digits else _SHORT.get(kind, kind)


def visible(text: str) -> str:
    """The text with backslash escapes for what could not be seen."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def visible_lines(text: str) -> str:
    """The same of each line of a text that has several."""
    return "\n".join(map(visible, text.split("\n")))


def shorten(text: str, most: int) -> str:
    """The text, cut in the middle if it has more characters, with how many there were."""
    if len(text) <= most:
        return text
    gap = f" … ({len(text):,} characters) … "
    rest = max(most - len(gap), 2)
    return f"{text[:(rest + 1) // 2]}{gap}{text[len(text) - rest // 2:]}"


@lru_cache(maxsize=4096)
def label(text: str, most: int = LABEL) -> str:
    """A name or a path in a line: visible, and not too long."""
    return shorten(visible(shorten(text, 4 * most)), most)


def file_label(path: str | os.PathLike[str]) -> str:
    """The same of a path."""
    return label(os.fspath(path))


def screenful(text: str, instead: str) -> str:
    """A text that fits on a screen; else what stands for it, in a line that says how to see it."""
    fits = len(text) <= SCREEN and text.count("\n") < SCREEN_LINES
    return text if fits else f"<{instead}; print it>"


def one_line(text: str, most: int = LINE) -> str:
    """The lines of a text joined to one that is visible and not too long."""
    lines = [line.strip() for line in shorten(text, 4 * most).split("\n")]
    return shorten(visible("; ".join(line for line in lines if line)), most)
