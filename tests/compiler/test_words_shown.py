"""Text from outside is shown so that it plays no tricks: nothing unseen, no long lines."""

import re
import sys
import unicodedata

import pytest

from graphnet.compiler.errors import ArgumentError, DataError, GnetFormatError, ShapeError
from graphnet.compiler.words import LINE, UNSEEN, label, one_line, shorten, visible, visible_lines

TRICKS = "\x1b[2J\r\b\u2028\u2029\u202e\u2066\u200b\ufeff\x85\u061c\udcff\u00a0"


def test_what_could_not_be_seen_is_escaped() -> None:
    assert visible(TRICKS) == (r"\x1b[2J\r\x08\u2028\u2029\u202e\u2066\u200b\ufeff\x85\u061c\udcff\xa0")
    assert visible("naïve → 東京 ⟨x⟩ 😀") == "naïve → 東京 ⟨x⟩ 😀"
    assert visible(visible(TRICKS)) == visible(TRICKS)
    assert visible_lines("a\u2028b\n\x1bc") == "a\\u2028b\n\\x1bc"


def test_no_control_separator_or_surrogate_is_left_in_any_python() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    left = {unicodedata.category(c) for c in visible(everything)}
    assert left & {"Cc", "Cs", "Zl", "Zp"} == set()
    assert not any(unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
                   for c in visible(everything))


@pytest.mark.parametrize("most", [60, 200, 1000])
@pytest.mark.parametrize("length", [59, 60, 61, 1000, 1001, 12_000_000])
def test_what_is_long_is_cut_in_the_middle_and_says_so(most: int, length: int) -> None:
    text = "a" * (length // 2) + "b" * (length - length // 2)
    short = shorten(text, most)
    assert len(short) <= most
    assert short == text or re.fullmatch(rf"a+ … \({length:,} characters\) … b+", short)


def test_blank_letters_and_what_no_xml_may_hold_are_escaped() -> None:
    """A name of fillers would be none, and a picture with U+FFFF no SVG."""
    assert visible("\u115f\u1160\u2800\u3164\uffa0\ufffe\uffff") == r"\u115f\u1160\u2800\u3164\uffa0\ufffe\uffff"
    assert visible("한글 ⣿ \ufffd") == "한글 ⣿ \ufffd"


def test_lines_are_joined() -> None:
    assert one_line("why: 1 ≠ 2\n  fix: make them equal\n\n") == "why: 1 ≠ 2; fix: make them equal"
    assert one_line("a\u2028b\x1b") == r"a\u2028b\x1b"
    assert len(one_line("\u202e" * 12_000_000)) <= LINE
    assert len(label("\u202e" * 12_000_000)) <= 200


@pytest.mark.parametrize("error", [
    DataError(TRICKS), ShapeError(TRICKS, TRICKS, TRICKS), ArgumentError(TRICKS, TRICKS, TRICKS, TRICKS),
    GnetFormatError(TRICKS, (TRICKS, TRICKS), 3, TRICKS)])
def test_no_error_shows_what_cannot_be_seen(error: Exception) -> None:
    assert not re.search(f"[{UNSEEN}]", str(error).replace("\n", ""))


@pytest.mark.parametrize("long", ["x" * 12_000_000, "\n" * 12_000_000, "line\n" * 1_000_000])
def test_a_refusal_of_a_file_is_one_line_whatever_is_in_it(long: str) -> None:
    error = GnetFormatError(long + "end", tuple([long] * 16), 10**18, long)
    assert "\n" not in str(error)
    assert len(str(error)) <= LINE
    assert len(error.reason) <= LINE
    assert str(error).endswith("end")
    short = GnetFormatError("why:\n  because", ("graph", 3), 7, "a.gnet")
    assert str(short) == "a.gnet: graph[3] at byte 7: why:; because"


def test_a_long_value_is_cut_in_the_refusal_of_an_argument() -> None:
    text = str(ArgumentError("owner", "name", "x" * 12_000_000, "it must be short"))
    assert text.startswith("owner: name is 'xxx")
    assert text.endswith("xxx', but it must be short")
    assert len(text) < 600
