import math
import re
from pathlib import Path

import numpy as np
import pytest

from graphnet import ArgumentError
from graphnet.common.checks import (
    check_choice,
    check_epsilon,
    check_flag,
    check_name,
    check_number,
    check_path,
    check_whole,
)


def test_whole_numbers_pass_numpys_too() -> None:
    assert check_whole("Dense", "units", 3) == 3
    assert type(check_whole("Dense", "units", np.int64(3))) is int


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3", None])
def test_other_than_whole_numbers_are_refused(value: object) -> None:
    with pytest.raises(ArgumentError, match=re.escape(
            f"Dense: units is {value!r}, but it must be a whole number ≥ 1")):
        check_whole("Dense", "units", value)


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, math.nan, math.inf, 10**400, "0.5", True, None])
def test_numbers_outside_the_bounds_are_refused(value: object) -> None:
    with pytest.raises(ArgumentError, match=re.escape(
            f"SGD: momentum is {value!r}, but it must be a finite number "
                                                      "≥ 0 and < 1")):
        check_number("SGD", "momentum", value, 0, 1)


def test_numbers_on_the_bounds() -> None:
    assert check_number("SGD", "momentum", 0, 0, 1) == 0.0
    assert check_number("Uniform", "low", -3) == -3.0
    with pytest.raises(ArgumentError, match=r"it must be a finite number > 0$"):
        check_number("SGD", "learning_rate", 0, above=0)
    with pytest.raises(ArgumentError, match=r"it must be a finite number$"):
        check_number("Uniform", "low", math.nan)


@pytest.mark.parametrize("value", ["", "a/b", "a b", "-a", ".a", "a\n", 3, None])
def test_names_that_weights_could_not_carry_are_refused(value: object) -> None:
    with pytest.raises(ArgumentError, match=re.escape(
            f"Dense: name is {value!r}, but it must be made of letters")):
        check_name("Dense", value)


@pytest.mark.parametrize("value", ["conv1", "block_2.conv-1", "0", "größe"])
def test_good_names_pass(value: str) -> None:
    assert check_name("Dense", value) == value


def test_flags_are_bools() -> None:
    assert check_flag("Dense", "use_bias", False) is False
    with pytest.raises(ArgumentError, match="Dense: use_bias is 1, but it must be True or False"):
        check_flag("Dense", "use_bias", 1)


def test_whole_numbers_with_an_end() -> None:
    assert check_whole("compile", "seed", 7, 0, 7) == 7
    with pytest.raises(ArgumentError, match=re.escape("compile: seed is 8, but it must be a whole number ≥ 0 and ≤ 7")):
        check_whole("compile", "seed", 8, 0, 7)


def test_choices() -> None:
    assert check_choice("MeanSquaredError", "reduction", "sum", ("mean", "sum")) == "sum"
    assert check_choice("Bidirectional", "merge_mode", None, ("sum", None)) is None


@pytest.mark.parametrize("value", ["max", "", None, 3, ["mean"], {}, np.array([1, 2]), np.array([])])
def test_other_than_choices_are_refused(value: object) -> None:
    with pytest.raises(ArgumentError, match=re.escape(f"reduction is {value!r}, but it must be one of 'mean', 'sum'")):
        check_choice("MeanSquaredError", "reduction", value, ("mean", "sum"))


@pytest.mark.parametrize("value", [0, -1, 1e-46, math.nan, "1e-8", None])
def test_an_epsilon_is_not_0_in_float32(value: object) -> None:
    assert np.float32(check_epsilon("Adam", 2.0**-126)) > 0
    text = f"Adam: epsilon is {value!r}, but it must be a finite number ≥ 1.17549e-38"
    with pytest.raises(ArgumentError, match=re.escape(text)):
        check_epsilon("Adam", value)


def test_paths() -> None:
    assert check_path("save", "a.gnet") == "a.gnet"
    assert check_path("save", Path("a") / "b.gnet") == str(Path("a") / "b.gnet")


@pytest.mark.parametrize("value", [None, 3, b"a.gnet", "", "a\0b", "a\ud800"])
def test_other_than_paths_are_refused(value: object) -> None:
    with pytest.raises(ArgumentError, match=re.escape(
            f"save: path is {value!r}, but it must be the path of a file, as text or a pathlib.Path")):
        check_path("save", value)
