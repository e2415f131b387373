import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.runtime.finite_check import count_non_finite, describe_range

X = np.random.default_rng(0).random((4, 1, 8, 8), dtype=np.float32)
Y = np.array([0, 1, 2, 1])


def network() -> gn.Network:
    return small_networks.image_network(check_finite=True)


def test_a_sound_step_is_the_same_as_without() -> None:
    checked, plain = network(), small_networks.image_network()
    for _ in range(3):
        assert checked.train_on_batch(X, Y) == plain.train_on_batch(X, Y)
    for name, weight in plain.weights.items():
        np.testing.assert_array_equal(checked.weights[name], weight)


def test_the_first_instruction_is_named_with_its_layer_and_its_operands() -> None:
    net = network()
    net.set_weights({"hidden/weight": np.full((64, 6), 3e38, np.float32), "conv/bias": np.full(4, 5, np.float32)})
    with pytest.raises(gn.NonFiniteError) as caught:
        net.predict(X)
    head, *operands = str(caught.value).splitlines()
    assert head.startswith("instruction ")
    assert " of hidden (Dense) at small_networks.py:" in head
    assert "(forward), made 24 infinite of 24 elements in %" in head
    assert head.endswith("the first at (0, 0)")
    assert operands[0].startswith("  x0 %7 f32[4,64]: from ")
    assert operands[1] == "  x1 %8 f32[64,6]: from 3e+38 to 3e+38"


def test_ranges_are_those_from_before_an_operand_is_written_over() -> None:
    x = gn.Input((3,), name="x")
    net = gn.compile(gn.Model(x, gn.layers.Multiply(name="square")(*2 * [gn.layers.Multiply(name="m")(x, x)])),
                     check_finite=True)
    with pytest.raises(gn.NonFiniteError, match=r"square[^\n]*\n  x0 %\d+ f32\[1,3\]: from 1e\+20 to 1e\+30"):
        net.predict(np.array([[1e10, 1e15, 1e12]], np.float32))


def test_a_failing_step_changes_no_weight() -> None:
    net = network()
    huge = net.weights["logits/weight"] * np.float32(1e38)
    net.set_weights({"logits/weight": huge, "hidden/bias": np.full(6, 1e5, np.float32)})
    before = {name: weight.copy() for name, weight in net.weights.items()}
    with pytest.raises(gn.NonFiniteError, match="logits"):
        net.train_on_batch(X, Y)
    assert net.step == 0
    for name, weight in before.items():
        np.testing.assert_array_equal(net.weights[name], weight)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_fed_is_named(bad: float) -> None:
    x = X.copy()
    x[1, 0, 2, 3] = bad
    what = "1 NaN" if np.isnan(bad) else "1 infinite"
    net = network()
    net.allow_nonfinite = True
    with pytest.raises(gn.NonFiniteError, match=f"image: the input 'image' holds {what} of 256 elements before the "
                                                "run; check the data that is fed"):
        net.predict(x)


def test_a_weight_that_diverged_is_named() -> None:
    net = network()
    net.set_weights({"logits/bias": np.array([0, np.nan, np.inf], np.float32)})
    with pytest.raises(gn.NonFiniteError, match="the weight 'logits/bias' holds 1 NaN and 1 infinite of 3 elements"):
        net.predict(X)


def test_words() -> None:
    assert describe_range(np.array([3.5, -1.0])) == "from -1 to 3.5"
    assert describe_range(np.empty((0, 3))) == "empty"
    assert count_non_finite(np.array([np.nan, 1, -np.inf, np.inf])) == "1 NaN and 2 infinite of 4 elements"
