"""Names in text: plain where they can be, and otherwise quoted so that nothing is lost and nothing is hidden."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphnet.compiler.types import TensorType
from graphnet.compiler.words import NAME, STRING, SYMBOL, format_name, format_symbol, unquote

NAMES = st.text() | st.text(st.sampled_from("ab:/\\'\"# \n\t\x00\x7f\xa0\u200d\u202e\ud800\U000e0041é東🙂"))


@pytest.mark.parametrize("name", [
    "conv1/weight", "label:logits", "loss:a", "gradient:a/b:c", "a::b", "ReLU_1", "optimizer/m", "a.b-c+d", "x", "1",
    "é東", "🙂", "N=64", "f(x)", "[0]", "a,b", "%3"])
def test_plain_names_stay_as_they_are(name):
    assert format_name(name) == name


@pytest.mark.parametrize(("name", "shown"), [
    ("", '""'), ("my layer", '"my layer"'), (" a", '" a"'), ("a ", '"a "'), ("a:", '"a:"'), (":a", '":a"'),
    ("#1", '"#1"'), ('say "a"', r'"say \"a\""'), ("it's", '"it\'s"'), ("a\\b", r'"a\\b"'), ("a\nb\tc", r'"a\nb\tc"'),
    ("\x00\x7f\xa0", r'"\x00\x7f\xa0"'), ("a\u202eb", r'"a\u202eb"'), ("\ud800", r'"\ud800"'),
    ("\U000e0041", r'"\U000e0041"'), ("e\u200d東 ", r'"e\u200d東 "')])
def test_other_names_are_quoted(name, shown):
    assert format_name(name) == shown


@pytest.mark.parametrize(("symbol", "shown"), [
    ("N", "N"), ("T1", "T1"), ("batch/size", "batch/size"), ("é", "é"), ("3", '"3"'), ("-1", '"-1"'), ("3a", '"3a"'),
    ("a,b", '"a,b"'), ("a]", '"a]"'), ("a b", '"a b"'), ("a:b", '"a:b"'), ("", '""')])
def test_symbols(symbol, shown):
    assert format_symbol(symbol) == shown
    assert str(TensorType("float32", (symbol, 3))) == f"f32[{shown},3]"


@given(NAMES)
def test_what_is_written_is_read(name):
    for text, plain in ((format_name(name), NAME), (format_symbol(name), SYMBOL)):
        found = STRING.fullmatch(text)
        assert (unquote(found[0]) if found else text) == name
        assert bool(found) is not bool(plain.fullmatch(text))
        text.encode()


def test_strings_in_single_quotes_are_read_too():
    """As Python writes them, in attributes."""
    for name in ("a'b", 'a"b', "a\\n\n", "\U0001f642\ud800", ""):
        found = STRING.fullmatch(repr(name))
        assert found
        assert unquote(found[0]) == name
