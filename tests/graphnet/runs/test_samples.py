import numpy as np
import pytest

from graphnet import ArgumentError, DataError
from graphnet.data import Dataset
from graphnet.runs import Recipe, Settings
from graphnet.runs.samples import split

DATA = Dataset("counting", np.arange(40), np.arange(1, 41), np.arange(100, 112), np.arange(101, 113), (), "here")
FREE = Recipe(lambda: pytest.fail("not now"), lambda directory: DATA, batch_size=3)
STREAM = Recipe(lambda: pytest.fail("not now"), lambda directory: DATA, batch_size=3, stream_steps=2)


def settings(recipe: Recipe, validation: float = 0.0, batch_size: int | None = None) -> Settings:
    return Settings.of(recipe, validation=validation, batch_size=batch_size)


def test_without_validation_the_test_part_is_shown() -> None:
    parts = split(DATA, FREE, settings(FREE))
    assert parts.held_out is parts.test
    np.testing.assert_array_equal(parts.train.x, DATA.x_train)
    np.testing.assert_array_equal(parts.test.y, DATA.y_test)


def test_of_free_samples_a_random_share_is_held_out() -> None:
    parts = split(DATA, FREE, settings(FREE, 0.25))
    assert len(parts.held_out.x) == 10
    assert sorted([*parts.train.x, *parts.held_out.x]) == list(range(40))
    assert list(parts.held_out.x) != list(range(30, 40))
    np.testing.assert_array_equal(parts.held_out.y, parts.held_out.x + 1)


def test_of_a_sequence_the_end_is_held_out() -> None:
    parts = split(DATA, STREAM, settings(STREAM, 0.25))
    assert sorted(parts.train.x.ravel()) == list(range(30))
    assert sorted(parts.held_out.x.ravel()) == list(range(30, 36))  # what is left over is dropped
    assert sorted(parts.test.x.ravel()) == list(range(100, 112))
    np.testing.assert_array_equal(parts.train.y, parts.train.x + 1)
    np.testing.assert_array_equal(parts.train.x[:6], [[0, 1], [10, 11], [20, 21], [2, 3], [12, 13], [22, 23]])


def test_shares_and_sequences_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"validation is 0\.01, but that holds out 0 of 40 training samples"):
        split(DATA, FREE, settings(FREE, 0.01))
    with pytest.raises(DataError, match="a sequence of 12 is too short for 7 streams of 2 steps"):
        split(DATA, STREAM, settings(STREAM, batch_size=7))
