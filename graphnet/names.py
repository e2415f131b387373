"""Names for what the user left unnamed: `conv2d`, `conv2d_1`, … as Keras gives them."""

from __future__ import annotations

import re
from collections.abc import Container

# A word begins at a capital after a small letter, if a small letter or two more capitals follow:
# MaxPool2D → max_pool2d, SimpleRNN → simple_rnn, but ReLU → relu and SiLU → silu.
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z][a-z]|[A-Z]{3})")


def snake_case(class_name: str) -> str:
    """The name that things of a class go by: `MaxPool2D` → `max_pool2d`, `ReLU` → `relu`."""
    return _WORD.sub("_", class_name).lower()


def free_name(stem: str, taken: Container[str]) -> str:
    """`stem`, or the first of `stem_1`, `stem_2`, … that is not taken."""
    name, count = stem, 0
    while name in taken:
        count += 1
        name = f"{stem}_{count}"
    return name
