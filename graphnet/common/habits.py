"""Names by habit: what is called otherwise in Keras, PyTorch and scikit-learn, read from NAMES.md when it is asked for.

The documentation shows the same file. Its sections are the `## ` headings, its rows those of Markdown tables: the name
there, the library, the name here (– if there is none), and what to know. A last section lists names without any more to
say of them than that there is nothing like it here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from graphnet.common.names import snake_case

CLASSES = "Classes and functions"
ARGUMENTS = "Arguments"
WORDS = "Other words"
ABSENT = "What there is none of"
NONE = "\N{EN DASH}"
FAR, NEAR = 0.75, 0.65
"""How like a name must be among hundreds, and among those of a module: with less, something of no meaning is found."""
_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Habit:
    """A row of the table.

    Attributes:
        there: the name as it is written in the library.
        library: or libraries.
        here: what is written in graphnet; "–" if there is none.
        note: what to know; may be empty.
    """

    there: str
    library: str
    here: str
    note: str

    @property
    def key(self) -> str:
        """The name alone: without quotes, brackets and equals sign."""
        return self.there.strip("\"'=").removesuffix("()")

    @property
    def name(self) -> str:
        """The name here in the same way."""
        return self.here.strip("\"'").partition("=")[0]

    @property
    def text(self) -> str:
        """The answer to somebody who writes the name here."""
        name = f"{self.there} of {self.library.replace(', ', ' and ')}"
        counterpart = "has no counterpart here" if self.here == NONE else f"is {self.here} here"
        return f"{name} {counterpart}" + f" ({self.note})" * bool(self.note)


@cache
def sections() -> Mapping[str, str]:
    """The text of each section, by its heading."""
    from importlib import resources  # takes longer to import than all layers, and nobody may ask

    text = resources.files(_PACKAGE).joinpath("NAMES.md").read_text("utf-8")
    return {heading: part for heading, _, part in (s.partition("\n") for s in text.split("\n## ")[1:])}


@cache
def habits(section: str) -> tuple[Habit, ...]:
    """The rows of a section, in order."""
    lines = sections().get(section, "").splitlines()
    return tuple(Habit(*(cell.strip().replace("`", "") for cell in line.split("|")[1:-1]))
                 for line in lines if line.startswith("| `"))


@cache
def absent() -> Mapping[str, str]:
    """The names that there is nothing like here, with the modules where they are elsewhere."""
    lists = re.findall("^- `(.+)`: (.+(?:\n  .+)*)", sections()[ABSENT], re.MULTILINE)
    return {name: module for module, names in reversed(lists) for name in names.replace(",", " ").split()}


def rows_for(section: str, name: str) -> list[Habit]:
    """The rows of a name: as it is written, or, if there are none, in another case."""
    rows = habits(section)
    return [row for row in rows if row.key == name] or [row for row in rows if row.key.lower() == name.lower()]


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known name that is most like this one, or begins with it as a word.

    None if none is as much so as `likeness`, which is 1 for the same.
    """
    from difflib import get_close_matches  # takes longer to import than most of graphnet

    by_case = {other.lower(): other for other in known}
    found = get_close_matches(name.lower(), by_case, 1, likeness)
    found = found or [other for other in by_case if other.startswith(f"{name.lower()}_")]  # "he": "he_normal"
    return by_case[found[0]] if found else None


def hint(section: str, name: object, known: Iterable[str], quoted: bool = False) -> str:
    """What a name may stand for, to follow an error's text: "; did you mean …?", or "" if nothing is like it.

    Args:
        section: of the table to look in.
        name: that was given; anything but a string is like nothing.
        known: the names that are there.
        quoted: whether they are strings, to be shown in quotes.
    """
    if not isinstance(name, str) or not name:
        return ""
    names = list(known)
    found = rows_for(section, name) or (rows_for(section, snake_case(name)) if quoted else [])
    rows = [row for row in found if row.name != row.key]  # of something else it is that; not here
    fitting = [row for row in rows if row.name in names]
    if rows:  # of those that do not fit, what is no argument of something else comes first
        return f"; {min(fitting or rows, key=lambda row: not fitting and row.here.endswith('=')).text}"
    near = nearest(name, names)
    if near is not None:
        return f"; did you mean {near!r}?" if quoted else f"; did you mean {near}?"
    near = nearest(name, [row.key for row in habits(section) if row.name != row.key], FAR)
    return "" if near is None else f"; did you mean {near}? {rows_for(section, near)[0].text}"
