"""The order of samples: a new one for each epoch, and the one that `fit` trains in."""

import numpy as np
import pytest

import graphnet as gn
from graphnet.training.loop import shuffled

X = np.random.default_rng(0).standard_normal((11, 3))
Y = X @ np.ones((3, 2))


def make(seed: int = 5) -> gn.Network:
    x = gn.Input((3,))
    return gn.compile(gn.Model(x, gn.layers.Dense(2)(x)), "mse", "adam", seed=seed)


@pytest.mark.parametrize("count", [1, 2, 100])
def test_every_sample_comes_once(count: int) -> None:
    assert sorted(shuffled(count, 3, 1)) == list(range(count))


def test_orders_depend_on_seed_and_epoch_and_on_nothing_else() -> None:
    orders = [tuple(shuffled(50, seed, epoch)) for seed in range(4) for epoch in range(4)]
    assert len(set(orders)) == 16
    assert orders == [tuple(shuffled(50, seed, epoch)) for seed in range(4) for epoch in range(4)]


@pytest.mark.parametrize("shuffle", [True, False])
def test_fit_trains_in_that_order(shuffle: bool) -> None:
    fitted, stepped = make(), make()
    fitted.fit(X, Y, batch_size=4, epochs=3, shuffle=shuffle)
    for epoch in (1, 2, 3):
        order = shuffled(len(X), 5, epoch) if shuffle else np.arange(len(X))
        for start in (0, 4, 8):
            chosen = order[start:start + 4]
            stepped.train_on_batch(X[chosen], Y[chosen])
    for name, weight in stepped.weights.items():
        np.testing.assert_array_equal(fitted.weights[name], weight)
