"""Values as HTML, for notebooks: tables that take font and colours from the page, and so suit any theme.

All text is made visible (see `words`) and escaped here. How long it may be is the callers' affair, as in other tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from graphnet.compiler.words import LINE, shorten, visible

Item = TypeVar("Item")
Cell = str | tuple[str, ...]
"""A text, or several that stand below one another."""
# Notebooks set cells flush right and let them wrap: their rules are told apart by `div` and `table`, which weigh more.
_STYLE = ("div.graphnet table.rows{border-collapse:collapse;margin:.4em 0}"
          "div.graphnet table.rows th,div.graphnet table.rows td{text-align:left;vertical-align:top;"
          "padding:.15em .7em;white-space:pre-wrap}"
          "div.graphnet table.rows td[style]{white-space:pre;font-variant-numeric:tabular-nums}"
          "div.graphnet table.code td{white-space:pre;font-family:monospace}"
          "div.graphnet table.rows tfoot td{border-top:1px solid}"
          "div.graphnet pre{white-space:pre;font-family:monospace;line-height:1.35;margin:.4em 0}"
          "div.graphnet p{margin:.4em 0}"
          "div.graphnet summary{cursor:pointer}")
_RIGHT = ' style="text-align:right"'
_MOST = 600  # rows or lines: a browser stops while it lays out the tens of thousands that a deep network has


def shown(text: Cell) -> str:
    """Text as it may stand in HTML."""
    from html import escape  # not at the top: it reads a table of 2,000 entities

    return "<br>".join(escape(visible(line)) for line in ([text] if isinstance(text, str) else text))


def frame(title: str, *parts: str) -> str:
    """The whole of what a notebook shows of a value: a title, and pieces of HTML below it."""
    return f'<div class="graphnet"><style>{_STYLE}</style><p><b>{shown(title)}</b></p>{"".join(parts)}</div>'


def lines(texts: Iterable[str]) -> str:
    """Sentences, each on a line of its own."""
    return "".join(f"<p>{shown(text)}</p>" for text in texts)


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], numbers: Collection[str] = (),
          total: Sequence[Cell] = (), code: bool = False) -> str:
    """Rows in columns under a head, in a box that scrolls if there are many; of very many the first and the last.

    Args:
        head: the names of the columns.
        rows: of as many cells each.
        numbers: the columns that are flush right.
        total: a last row, below a rule.
        code: whether the cells are code: in a font of fixed width, and never wrapped.
    """
    sides = [_RIGHT * (name in numbers) for name in head]

    def row(cells: Sequence[Cell], tag: str = "td") -> str:
        made = (f"<{tag}{side}>{shown(cell)}</{tag}>" for cell, side in zip(cells, sides, strict=True))
        return f"<tr>{''.join(made)}</tr>"

    first, gap, last = _ends(rows, "rows")
    between = f'<tr><td colspan="{len(head)}">{gap}</td></tr>' if gap else ""
    foot = f"<tfoot>{row(total)}</tfoot>" if total else ""
    return _box(f'<table class="rows{" code" * code}"><thead>{row(head, "th")}</thead>'
                f"<tbody>{''.join(map(row, first))}{between}{''.join(map(row, last))}</tbody>{foot}</table>")


def listing(texts: Iterable[str]) -> str:
    """Lines of code, none too long, in a box that scrolls; of very many the first and the last."""
    first, gap, last = _ends(texts, "lines")
    texts = [*first, *[gap] * bool(gap), *last]
    return _box(f"<pre>{chr(10).join(shown(shorten(text, LINE)) for text in texts)}</pre>")


def folded(title: str, *parts: str) -> str:
    """What is to be seen only when somebody asks for it, under a title."""
    return f"<details><summary>{shown(title)}</summary>{''.join(parts)}</details>"


def _ends(items: Iterable[Item], what: str) -> tuple[list[Item], str, list[Item]]:
    """Items, or those at both ends and what to say of those between."""
    every = list(items)
    if len(every) <= _MOST:
        return every, "", []
    return every[:_MOST // 2], f"… {len(every) - _MOST:,} {what} are left out here …", every[-(_MOST // 2):]


def _box(content: str) -> str:
    return f'<div style="overflow:auto;max-height:32em">{content}</div>'
