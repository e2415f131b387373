"""What HTML that graphnet writes holds, and whether it is well formed."""

from __future__ import annotations

from html.parser import HTMLParser


class Parsed(HTMLParser):
    """Keeps the open elements, and notes what is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.styles: list[str] = []
        self.rows: list[list[tuple[str, str]]] = []
        """Of all tables: text and style of each cell."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.targets += [given["href"] or ""] if "href" in given else []
        self.styles += [given["style"] or ""] if "style" in given else []
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append(("", given.get("style") or ""))
        elif tag == "br":
            self._add("\n")
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.styles.append(data)
        else:
            self._add(data)

    def _add(self, data: str) -> None:
        self.text.append(data)
        if self.open[-1:] in (["td"], ["th"]):
            text, style = self.rows[-1][-1]
            self.rows[-1][-1] = text + data, style

    @property
    def cells(self) -> list[list[str]]:
        """The texts of all cells of all tables, by row."""
        return [[text for text, _ in row] for row in self.rows]


def parse_html(text: str) -> Parsed:
    """What is in it; each element that is opened must be closed, in order."""
    parsed = Parsed()
    parsed.feed(text)
    parsed.close()
    assert parsed.open == []
    return parsed
