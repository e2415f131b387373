"""What the colours of a picture mean: an entry for each colour, which names all its kinds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphnet.compiler.words import shorten, visible
from graphnet.drawing.colours import kind_colour
from graphnet.drawing.plot_text import letters

KEY_FONT, KEY_LINE, SWATCH = 8.0, 14.0, 9.0
_CHARACTER, _GAP = 0.61 * KEY_FONT, 14.0
_MOST_NAMES, _MOST_LETTERS = 4, 64


@dataclass(frozen=True, slots=True)
class Key:
    """An entry, its left end and its middle line; in points, as a drawing."""

    x: float
    y: float
    colour: str
    text: str


def legend_of(kinds: Iterable[str]) -> dict[str, str]:
    """The text for each colour, in order of appearance; what has no kind is left out.

    Names in lower case, such as "loss" for what comes of several losses, only stand where there is no class to name.
    """
    names: dict[str, list[str]] = {}
    for kind in dict.fromkeys(kinds):
        names.setdefault(kind_colour(kind), []).append(kind)
    texts = {colour: _text(found) for colour, found in names.items()}
    return {colour: text for colour, text in texts.items() if text}


def _text(kinds: Sequence[str]) -> str:
    classes = list(dict.fromkeys(kind.removesuffix("Update") for kind in kinds if kind[:1] != kind[:1].lower()))
    named = [shorten(visible(kind), _MOST_LETTERS) for kind in classes or kinds if kind]
    more = f", {len(named) - _MOST_NAMES + 1} more" if len(named) > _MOST_NAMES else ""
    return ", ".join(named[:_MOST_NAMES - 1] if more else named) + more


def place_keys(texts: dict[str, str], width: float) -> tuple[tuple[Key, ...], float, float]:
    """Puts the entries side by side, in as many rows as they need, above the line y = 0.

    Returns:
        The entries, how wide they are, and how high.
    """
    placed: list[tuple[float, int, str, str]] = []
    x, row, reach = 0.0, 0, 0.0
    for colour, text in texts.items():
        length = SWATCH + 5 + letters(text) * _CHARACTER
        if x and x + length > width:
            x, row = 0.0, row + 1
        placed.append((x, row, colour, text))
        x += length + _GAP
        reach = max(reach, x - _GAP)
    height = (row + 1) * KEY_LINE + 8 if placed else 0.0
    return tuple(Key(x, row * KEY_LINE + KEY_LINE / 2 - height, colour, text) for x, row, colour, text in placed), \
        reach, height
