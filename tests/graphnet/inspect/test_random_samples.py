from collections.abc import Callable

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.inspect.random_samples import random_samples


@pytest.mark.parametrize("make", small_networks.MODELS)
def test_a_network_takes_them(make: Callable[[], gn.Model]) -> None:
    net = gn.compile(make(), **small_networks.TRAINED)
    x, y = random_samples(net, 5)
    assert {len(array) for array in (*x.values(), *y.values())} == {5}
    assert np.isfinite(net.train_on_batch(x, y)["loss"])


def test_seed_and_dims() -> None:
    net = gn.compile(small_networks.sequence_model(), **small_networks.TRAINED)
    one, same, other = (random_samples(net, 4, seed, {"T": 9})[0]["words"] for seed in (0, 0, 1))
    assert one.shape == (4, 9)
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_class_numbers_cover_the_classes() -> None:
    y = random_samples(small_networks.image_network(), 60)[1]["logits"]
    assert set(y) == {0, 1, 2}


def test_no_labels_without_a_loss() -> None:
    x, y = random_samples(gn.compile(small_networks.image_model()), 2)
    assert list(x) == ["image"]
    assert y == {}
