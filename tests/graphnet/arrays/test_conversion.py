"""What is an array, what stands for one, and what is refused by name before NumPy asks it for items."""

import array
from collections import UserList, deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.arrays.conversion import as_array


class Endless:
    """A data set as others have them: a length, and items for every number."""

    def __init__(self) -> None:
        self.asked = 0

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> float:
        self.asked += 1
        if self.asked > 1000:
            raise MemoryError("it runs away")
        return 0.0


class Listed(Endless, Sequence[float]):
    """The same as a sequence: only its length says where it ends."""


class Sparse:
    """As SciPy's: no array, but it can be made one."""

    def toarray(self) -> np.ndarray[Any, Any]:
        return np.eye(3)

    def __getitem__(self, index: int) -> object:
        raise AssertionError


def network() -> gn.Network:
    x = gn.Input((3,), name="x")
    return gn.compile(gn.Model(x, gn.layers.Dense(2)(x)), loss="mse", optimizer="sgd")


FITTING = np.ones((4, 3))


@pytest.mark.parametrize("call", ["fit", "evaluate", "train_on_batch", "loss_and_gradients"])
@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: [e, e], lambda e: [[e]]], ids=["bare", "listed", "nested"])
def test_an_object_without_end_is_refused_by_name(call: str, wrap: Callable[[Endless], object]) -> None:
    endless = Endless()
    for x, y, what in ((wrap(endless), None, "x"), (FITTING, wrap(endless), "y")):
        with pytest.raises(gn.DataError, match=rf"^(an item of )?{what} is a Endless object, but it must be an array, "
                                               r"a buffer, or nested lists of numbers: stack its items, np\.stack"):
            getattr(network(), call)(x, y)
    assert endless.asked == 0


def test_a_sequence_is_read_to_its_length_only() -> None:
    given = Listed()
    np.testing.assert_array_equal(as_array("x", given), np.zeros(4))
    assert given.asked == 4
    np.testing.assert_array_equal(as_array("x", [given, given]), np.zeros((2, 4)))


@pytest.mark.parametrize(("given", "text"), [
    (None, "x is None, but it must be an array"),
    ((row for row in FITTING), "x is a generator, which does not say how many samples there are, but "),
    (iter(FITTING.tolist()), "x is a list_iterator, which does not say how many samples there are, but "),
    (zip(FITTING, FITTING, strict=True), "x is a zip, which does not say how many samples there are, but "),
    (Sparse(), "x is a sparse Sparse, but it must be an array, a buffer, or nested lists of numbers:"),
    ({1.0, 2.0}, "x is a set object, but it must be an array, a buffer, or nested lists of numbers"),
    (object(), "x is a object object, but it must be"), (print, "x is a builtin_function_or_method object, but"),
    ([1.0, None], "an item of x is None, but it must be"), ([[1.0], [None]], "an item of x is None, but it must be"),
    ([{"a": 1}], "an item of x is a dict object, but it must be"),
    ([FITTING, (n for n in FITTING)], "an item of x is a generator, which does not say"),
    ([(np.ones(3), 0), (np.ones(3), 1)], "x is a list of 2 pairs, but inputs and labels are fed apart: x = np.stack("),
    ([[1.0, 2.0], [1.0]], "x must be one array, but its rows are of different lengths; pad them"),
])
def test_what_is_no_array_is_refused_with_what_to_give(given: object, text: str) -> None:
    with pytest.raises(gn.DataError) as caught:
        network().predict(given)
    assert str(caught.value).startswith(text)


def test_labels_and_weights_too() -> None:
    for y, weight, text in ((None, None, "y is None"),
                            (FITTING[:, :2], Sparse(), "sample_weight is a sparse Sparse"),
                            ([(np.ones(2), 0)], None, "y is a list of 1 pairs")):
        with pytest.raises(gn.DataError, match=f"^{text}"):
            network().evaluate(FITTING, y, sample_weight=weight)


def test_pairs_for_a_model_with_two_inputs() -> None:
    a, b = gn.Input((3,), name="a"), gn.Input((3,), name="b")
    net = gn.compile(gn.Model([a, b], gn.layers.Add()(a, b)))
    with pytest.raises(gn.DataError, match=r"x has 3 arrays, but the model needs 2: a, b; it is a list of pairs: give"):
        net.predict([(row, row) for row in FITTING[:3]])


def test_a_list_that_holds_itself() -> None:
    given: list[object] = []
    given.append(given)
    with pytest.raises(gn.DataError, match="x is nested more than 64 lists deep"):
        as_array("x", given)


class Foreign:
    """An array of another library."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return np.arange(3.0)


@pytest.mark.parametrize("given", [
    np.arange(3.0), [0.0, 1.0, 2.0], (0.0, 1.0, 2.0), range(3), deque([0.0, 1.0, 2.0]), UserList([0, 1, 2]),
    array.array("d", [0, 1, 2]), bytearray([0, 1, 2]), memoryview(bytes([0, 1, 2])), Foreign(),
    [np.float32(0), np.float64(1), np.int8(2)], [np.array(0.0), 1, True + 1],
], ids=lambda given: type(given).__name__)
def test_what_stands_for_an_array(given: object) -> None:
    np.testing.assert_array_equal(as_array("x", given), np.arange(3))
    np.testing.assert_array_equal(as_array("x", [given, given]), np.stack([np.arange(3)] * 2))


def test_an_array_is_not_copied() -> None:
    assert as_array("x", FITTING) is FITTING
    kept = array.array("d", [0, 1, 2])
    assert np.shares_memory(as_array("x", kept), np.asarray(kept))


def test_what_is_masked_is_not_taken_for_data() -> None:
    x = np.ma.masked_array(FITTING, FITTING > 0)
    for given in (x, list(x)):
        with pytest.raises(gn.DataError, match=r"x is a masked array, .*\.filled\(value\)"):
            as_array("x", given)
    assert as_array("x", np.ma.masked_array(FITTING)).tobytes() == FITTING.tobytes()
