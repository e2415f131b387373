"""What the contract does not say about random ops: what the numbers depend on, their shares and moments."""

import re

import numpy as np
import pytest

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.ir import Output
from graphnet.compiler.op import f, f64
from graphnet.compiler.ops import ApplyMask, GaussianNoise, RandomMask
from graphnet.compiler.passes.drop_dead import DropDead
from graphnet.compiler.passes.specialize_inference import SpecializeInference

SIZE = 200_000


def counter(key: int, count: int) -> np.ndarray:
    return np.array([key, count])


def test_the_mask_is_the_documented_stream():
    mask, following = RandomMask((4, 5), 0.3).forward(counter(7, 2))
    stream = np.random.Generator(np.random.Philox(key=7, counter=[0, 0, 2, 0]))
    np.testing.assert_array_equal(mask, stream.random((4, 5), np.float32) >= np.float32(0.3))
    np.testing.assert_array_equal(following, [7, 3])


def test_one_counter_one_mask_and_another_counter_another():
    op = RandomMask((50,), 0.5)
    masks = {op.forward(counter(key, count))[0].tobytes() for key in (1, 2) for count in (0, 1, 2) for _ in range(2)}
    assert len(masks) == 6


def test_counts_do_not_overlap():
    (first, *_), (second, *_) = (RandomMask((SIZE,), 0.5).forward(counter(1, count)) for count in (0, 1))
    agree = (first == second).mean()
    assert abs(agree - 0.5) < 5 * 0.5 / SIZE**0.5  # five deviations of independent coins
    head = second[:64]
    assert not any((first[start:start + 64] == head).all() for start in range(0, SIZE - 64, 2))


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
def test_the_share_that_is_dropped(rate):
    mask, _ = RandomMask((SIZE,), rate).forward(counter(3, 0))
    assert abs((~mask).mean() - rate) < 5 * (rate * (1 - rate) / SIZE) ** 0.5


def test_neighbours_are_independent():
    mask, _ = RandomMask((SIZE,), 0.5).forward(counter(11, 4))
    for lag in (1, 2, 3, 4, 8):
        assert abs((mask[lag:] == mask[:-lag]).mean() - 0.5) < 5 * 0.5 / SIZE**0.5


def test_a_negative_key_is_a_key_too():
    assert RandomMask((9,), 0.5).forward(counter(-1, 0))[0].shape == (9,)


def test_applied_masks_keep_the_mean():
    x = np.ones(SIZE)
    mask, _ = RandomMask((SIZE,), 0.2).forward(counter(5, 0))
    (y,) = ApplyMask(1 / 0.8).forward(x, mask)
    assert set(y.tolist()) == {0.0, 1.25}
    assert abs(y.mean() - 1) < 5 * (0.2 / 0.8 / SIZE) ** 0.5


def test_noise_has_the_moments_of_a_normal():
    y, following = GaussianNoise(0.5).forward(np.full(SIZE, 3.0), counter(5, 8))
    noise = (y - 3) / 0.5
    assert abs(noise.mean()) < 5 / SIZE**0.5
    assert abs(noise.var() - 1) < 5 * (2 / SIZE) ** 0.5
    assert abs((noise**4).mean() - 3) < 5 * (96 / SIZE) ** 0.5
    np.testing.assert_array_equal(following, [5, 9])


def test_nothing_is_left_outside_training():
    b = Builder("g")
    x, key = b.input("x", f64(3, 4)), b.state("a", f("int64", 2), "counter")
    mask, following = b.apply(RandomMask((3, 4), 0.5), key)
    b.advance(key, following)
    other = b.state("b", f("int64", 2), "counter")
    y, following = b.apply(GaussianNoise(0.5), b.add(ApplyMask(2.0), x, mask), other)
    b.advance(other, following)
    after = DropDead().run(SpecializeInference().run(b.build([Output("y", y)])))
    assert after.nodes == ()
    assert after.output("y") == x
    assert all(state.next is None for state in after.states)


@pytest.mark.parametrize(("make", "text"), [
    (lambda: RandomMask((3,), 1.0), "random_mask: rate is 1.0, but it must be at least 0 and less than 1"),
    (lambda: RandomMask((3,), -0.1), "random_mask: rate is -0.1, but it must be at least 0 and less than 1"),
    (lambda: RandomMask((3,), float("nan")), "random_mask: rate is nan, but it must be at least 0 and less than 1"),
    (lambda: GaussianNoise(-1.0), "gaussian_noise: stddev is -1.0, but it must be at least 0"),
    (lambda: GaussianNoise(float("inf")), "gaussian_noise: stddev is inf, but it must be at least 0"),
])
def test_bad_attributes(make, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        make()


@pytest.mark.parametrize(("op", "types", "text"), [
    (RandomMask((3,), 0.5), [f("int64", 3)], "random_mask needs a counter int64 (2,), got int64 (3,)"),
    (GaussianNoise(1.0), [f64(3), f("int32", 2)], "gaussian_noise needs a counter int64 (2,), got int32 (2,)"),
    (ApplyMask(2.0), [f64(3, 4), f("bool", 3)],
     "apply_mask of (3, 4) needs a bool mask with these dims, or 1 in their place, got bool (3,)"),
    (ApplyMask(2.0), [f64(3, 4), f("bool", 3, 2)],
     "apply_mask of (3, 4) needs a bool mask with these dims, or 1 in their place, got bool (3, 2)"),
    (ApplyMask(2.0), [f64(3), f64(3)],
     "apply_mask of (3,) needs a bool mask with these dims, or 1 in their place, got float64 (3,)"),
])
def test_misfits(op, types, text):
    with pytest.raises(ShapeError, match=re.escape(text)):
        op.infer(*types)
