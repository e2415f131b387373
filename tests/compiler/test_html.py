"""Tables, lists and lines in HTML, as notebooks show them."""

from __future__ import annotations

from html_checks import parse_html

from graphnet.compiler import html


def test_a_table_with_numbers_and_a_total() -> None:
    found = parse_html(html.table(("name", "bytes"), [("a", "1"), ("b", "22")], ("bytes",), ("all", "23")))
    assert found.cells == [["name", "bytes"], ["a", "1"], ["b", "22"], ["all", "23"]]
    assert [[style for _, style in row] for row in found.rows] == [["", "text-align:right"]] * 4
    assert found.tags.count("tfoot") == 1


def test_lines_of_a_cell_stand_below_one_another() -> None:
    assert parse_html(html.table(("x",), [(("one", "", "two"),)])).cells == [["x"], ["one\n\ntwo"]]


def test_what_would_be_html_is_text() -> None:
    trick = "<script>alert('&amp;')</script>\u202e\x1b"
    shown = r"<script>alert('&amp;')</script>\u202e\x1b"
    made = html.frame(trick, html.lines([trick]), html.table((trick,), [(trick,), ((trick, trick),)]),
                      html.listing([trick]), html.folded(trick, html.lines([trick])))
    found = parse_html(made)
    assert "script" not in found.tags
    assert "".join(found.text).count(shown) == 9
    assert not {"\u202e", "\x1b"} & {*made}


def test_a_line_of_a_list_is_not_too_long() -> None:
    assert len(html.listing(["x" * 100_000])) < 1200


def test_a_table_without_rows() -> None:
    assert parse_html(html.table(("a", "b"), [])).cells == [["a", "b"]]


def test_of_very_many_lines_the_ends_are_shown() -> None:
    made = parse_html(html.listing(f"line {i}" for i in range(2000)))
    lines = "".join(made.text).split("\n")
    assert lines[299:302] == ["line 299", "… 1,400 lines are left out here …", "line 1700"]
    assert lines[-1] == "line 1999"
