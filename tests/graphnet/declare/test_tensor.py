import re

import pytest

import graphnet as gn
from graphnet import ArgumentError


def test_input_has_a_batch_dim_and_a_type(here) -> None:
    x = gn.Input((1, 28, 28), name="image")
    line = here(1)
    assert x.shape == ("N", 1, 28, 28)
    assert x.dtype == "float32"
    assert repr(x) == f"<SymbolicTensor float32 (N, 1, 28, 28) from image (Input) at {line}>"


def test_results_of_layers_say_where_they_come_from(here) -> None:
    h = gn.layers.Dense(3)(gn.Input((4,)))
    line = here(1)
    assert repr(h) == f"<SymbolicTensor float32 (N, 3) from Dense at {line}>"


def test_scalars_and_integers() -> None:
    assert gn.Input(()).shape == ("N",)
    assert gn.Input([5], dtype="int64").dtype == "int64"


def test_each_free_dim_is_a_symbol_of_its_own() -> None:
    a, b = gn.Input((None, 8)), gn.Input((None, None))
    symbols = [a.shape[1], b.shape[1], b.shape[2]]
    assert len(set(symbols)) == 3
    assert all(re.fullmatch(r"T\d*", str(symbol)) for symbol in symbols)


def test_tensors_compare_by_identity() -> None:
    a, b = gn.Input((4,), name="x"), gn.Input((4,), name="x")
    assert a != b
    assert a == a
    assert len({a, b}) == 2


@pytest.mark.parametrize(("arguments", "text"), [
    ({"shape": 784},
     "Input: shape is 784, but it must be a tuple of the dims of one sample: (1, 28, 28) for images"),
    ({"shape": (0, 3)}, "Input: shape is 0, but it must be a whole number ≥ 1"),
    ({"shape": ("N", 3)}, "Input: shape is 'N', but it must be a whole number ≥ 1"),
    ({"shape": (3,), "dtype": "float16"},
     "Input: dtype is 'float16', but it must be one of 'float32', 'float64', 'int64'"),
    ({"shape": (3,), "name": "my input"}, "Input: name is 'my input', but it must be made of letters"),
])
def test_bad_arguments(arguments: dict[str, object], text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        gn.Input(**arguments)  # type: ignore[arg-type]
