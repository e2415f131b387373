"""A text without end for models that learn to write: very short tales out of a small grammar.

Nothing to download, nobody's rights, and always the same text, so that figures can be compared. What there is to learn
reaches over different distances: words within a few letters, articles and endings over words, who "she" is and what was
lost over sentences.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from graphnet.common.answers import answering
from graphnet.common.checks import check_whole

T = TypeVar("T")
HEROES = (("Anna", "she", "her"), ("Mira", "she", "her"), ("Ella", "she", "her"), ("Otto", "he", "his"),
          ("Paul", "he", "his"), ("Emil", "he", "his"))
"""Names with the pronoun and the possessive."""
TRADES = ("baker", "miller", "sailor", "weaver", "teacher", "gardener")
TRAITS = ("old", "young", "quiet", "merry", "clever", "stubborn")
THINGS = ("apple", "basket", "candle", "drum", "hat", "kettle", "lantern", "umbrella")
COLOURS = ("red", "green", "yellow", "blue", "orange")
NUMBERS = ("two", "three", "four", "five", "seven", "ten")
PLACES = ("in the forest", "by the river", "behind the mill", "under the bridge", "on the hill", "at the market")
TIMES = ("One morning", "In the evening", "On a rainy day", "Late in spring", "When the snow fell")


@answering
def make_tales(characters: int, seed: int = 0) -> str:
    """Tales one after the other, each on a line of its own.

    Args:
        characters: the length of the text, ASCII only; the last tale is cut there.
        seed: another one gives other tales.

    Example:
        >>> print(gn.data.make_tales(48))
        Emil was a young teacher and had two yellow hats
        >>> gn.data.make_tales(48) == gn.data.make_tales(48, seed=1)
        False
    """
    characters = check_whole("make_tales", "characters", characters)
    numbers = random.Random(check_whole("make_tales", "seed", seed, 0))
    tales: list[str] = []
    length = 0
    while length < characters:
        tales.append(f"{_tale(numbers)}\n")
        length += len(tales[-1])
    return "".join(tales)[:characters]


def _tale(numbers: random.Random) -> str:
    """Somebody has things, loses them, asks somebody, and finds them again or does not."""
    name, pronoun, possessive = _pick(numbers, HEROES)
    trade, helper = _pick(numbers, TRADES), _pick(numbers, TRADES)
    count = _pick(numbers, ("one", *NUMBERS))
    thing, colour, place = _pick(numbers, THINGS), _pick(numbers, COLOURS), _pick(numbers, PLACES)
    is_, was, things, them, they = (("is", "was", thing, "it", "it") if count == "one"
                                    else ("are", "were", f"{thing}s", "them", "they"))
    owned = f"{_article(colour)} {colour} {thing}" if count == "one" else f"{count} {colour} {things}"
    trait = _pick(numbers, TRAITS)
    answers = (f'"I saw {them} {place}," said the {helper}, and there {they} {was}.',
               f'"I have not seen {them}," said the {helper}, and {pronoun} went home alone.')
    return " ".join((f"{name} was {_article(trait)} {trait} {trade} and had {owned}.",
                     f"{_pick(numbers, TIMES)} {pronoun} lost {possessive} {things} {_pick(numbers, PLACES)}.",
                     f'"Where {is_} my {colour} {things}?" asked {name}.', _pick(numbers, answers)))


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _pick(numbers: random.Random, choices: Sequence[T]) -> T:
    """One of the choices. Only the sequence of `random()` is the same in every version of Python (its documentation,
    "Notes on Reproducibility"), so nothing else of it is used.
    """
    return choices[int(numbers.random() * len(choices))]
