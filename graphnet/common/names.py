"""Names for what the user left unnamed: `conv2d`, `conv2d_1`, … as Keras gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A word begins at a capital after a small letter, if a small letter or two more capitals follow:
# MaxPool2D → max_pool2d, SimpleRNN → simple_rnn, but ReLU → relu and SiLU → silu.
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z][a-z]|[A-Z]{3})")


def snake_case(class_name: str) -> str:
    """The name that things of a class go by: `MaxPool2D` → `max_pool2d`, `ReLU` → `relu`."""
    return _WORD.sub("_", class_name).lower()


class Names:
    """Gives out names that are not taken: a stem, then `stem_1`, `stem_2`, …"""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._counts: dict[str, int] = {}

    def give(self, stem: str) -> str:
        """The next free name that begins with `stem`; it is taken from now on."""
        count = self._counts.get(stem, 0)  # remembered, so that n names take n steps
        name = f"{stem}_{count}" if count else stem
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._counts[stem] = count
        self._taken.add(name)
        return name
