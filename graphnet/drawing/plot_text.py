"""Texts that matplotlib draws as they are, and how wide they are."""

from __future__ import annotations

from unicodedata import east_asian_width

from graphnet.compiler.words import label


def plot_text(text: str) -> str:
    r"""A name or title fit to be shown, with no formula in it.

    What stands between two `$` matplotlib takes for one, and fails on what is none; `\$` it draws as `$`.
    """
    return label(text).replace("$", r"\$")


def letters(text: str) -> int:
    """How many letters of a monospaced face a line takes: those of East Asia take two."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
