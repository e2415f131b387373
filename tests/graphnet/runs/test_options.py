from typing import Literal

import pytest

from graphnet import ArgumentError
from graphnet.runs.options import FilePath, Option, options_of, parse_options


def make(first: int, *, cell: Literal["simple", "lstm"] = "lstm", units: int = 64, text: str = "",
         file: FilePath = "") -> None:
    """Makes something.

    Args:
        first: is no option.
        cell: which layer.
        units: how many.
    """


OPTIONS = options_of(make)


def test_keyword_only_arguments_are_options() -> None:
    assert list(OPTIONS.values()) == [Option("cell", "lstm", ("simple", "lstm"), help="which layer"),
                                      Option("units", 64, help="how many"), Option("text", ""),
                                      Option("file", "", is_path=True)]
    assert list(OPTIONS) == ["cell", "units", "text", "file"]


def test_they_show_themselves() -> None:
    assert [str(option) for option in OPTIONS.values()] == [
        "cell={simple,lstm}: which layer (default: lstm)", "units=N: how many (default: 64)", "text=TEXT: ",
        "file=FILE: "]


def test_defaults_and_what_is_given() -> None:
    assert parse_options(OPTIONS, {}) == {"cell": "lstm", "units": 64, "text": "", "file": ""}
    assert parse_options(OPTIONS, {"units": "8", "text": "a=b", "file": "f"}) == {
        "cell": "lstm", "units": 8, "text": "a=b", "file": "f"}


@pytest.mark.parametrize(("name", "text", "message"), [
    ("cell", "gru", "--set: cell is 'gru', but it must be one of simple, lstm"),
    ("units", "0", "--set: units is '0', but it must be a whole number ≥ 1"),
    ("units", "-3", "but it must be a whole number ≥ 1"), ("units", "1.5", "but it must be a whole number ≥ 1"),
    ("units", "٣", "but it must be a whole number ≥ 1"), ("units", "", "but it must be a whole number ≥ 1"),
    ("first", "1", "--set: OPTION is 'first', but it must be one of cell, units, text, file"),
])
def test_what_is_not_allowed_is_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        parse_options(OPTIONS, {name: text})


def test_where_there_are_none() -> None:
    with pytest.raises(ArgumentError, match="--set: OPTION is 'units', but there is nothing to set here"):
        parse_options({}, {"units": "3"})


def without_default(*, units: int) -> None: ...
def of_floats(*, rate: float = 0.5) -> None: ...
def of_another_type(*, units: int = True) -> None: ...


@pytest.mark.parametrize("function", [without_default, of_floats, of_another_type])
def test_other_arguments_are_a_mistake_of_the_recipe(function: object) -> None:
    with pytest.raises(TypeError, match="must be str, int or a Literal of texts, with a default"):
        options_of(function)  # type: ignore[arg-type]
