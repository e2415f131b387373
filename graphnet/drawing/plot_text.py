"""Texts that matplotlib draws as they are."""

from __future__ import annotations

from graphnet.compiler.words import label


def plot_text(text: str) -> str:
    r"""A name or title fit to be shown, with no formula in it.

    What stands between two `$` matplotlib takes for one, and fails on what is none; `\$` it draws as `$`.
    """
    return label(text).replace("$", r"\$")
