"""The table of names by habit is read as it is shown."""

from __future__ import annotations

import pytest

from graphnet.common import habits
from graphnet.common.habits import NONE, Habit, hint, nearest, rows_for

ROWS = (Habit('"bce"', "Keras", '"binary_cross_entropy"', "on probabilities"),
        Habit("lr=", "PyTorch", "learning_rate=", ""), Habit("rate=", "Keras", "slope=", ""),
        Habit("rate=", "Keras, PyTorch", "share=", ""),
        Habit("rate=", "Keras", "rate=", ""), Habit("device=", "PyTorch", NONE, "all runs on the CPU"))


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(habits, "habits", {"here": ROWS, "": ()}.__getitem__)


def test_keys_are_the_names_alone() -> None:
    assert [row.key for row in ROWS] == ["bce", "lr", "rate", "rate", "rate", "device"]
    assert Habit("state_dict()", "PyTorch", "net.weights", "").key == "state_dict"


@pytest.mark.parametrize(("name", "known", "text"), [
    ("bce", [], '; "bce" of Keras is "binary_cross_entropy" here (on probabilities)'),
    ("LR", ["learning_rate"], "; lr= of PyTorch is learning_rate= here"),
    ("rate", ["slope"], "; rate= of Keras is slope= here"),
    ("rate", ["x"], "; rate= of Keras is slope= here"),
    ("device", ["x"], "; device= of PyTorch has no counterpart here (all runs on the CPU)"),
    ("learning_rat", ["learning_rate", "beta1"], "; did you mean learning_rate?"),
    ("devcie", ["beta1"], "; did you mean device? device= of PyTorch has no counterpart here (all runs on the CPU)"),
    ("zzz", ["beta1"], ""), ("", ["beta1"], ""), (3, ["beta1"], ""), (None, [], ""),
])
def test_hints(name: object, known: list[str], text: str) -> None:
    assert hint("here", name, known) == text


def test_of_several_rows_that_one_answers_which_fits() -> None:
    assert hint("here", "rate", ["share", "x"]) == "; rate= of Keras and PyTorch is share= here"


def test_strings_are_quoted() -> None:
    assert hint("", "rleu", ["relu"], quoted=True) == "; did you mean 'relu'?"


def test_case_counts_less_than_letters() -> None:
    assert nearest("RELU", ["gelu", "ReLU"]) == "ReLU"
    assert nearest("x", []) is None
    assert rows_for("here", "Lr") == [ROWS[1]]
