"""Training as a whole: repeatable to the bit, and the same with and without the optimising passes."""

import numpy as np
import pytest
from random_graphs import random_recipe

import graphnet as gn
from graphnet.compiler.interpreter import interpret
from graphnet.models import lenet


def images(count: int):
    rng = np.random.default_rng(0)
    return rng.random((count, 1, 28, 28), np.float32), rng.integers(0, 10, count)


def trained_lenet(seed: int = 0, **options) -> gn.Network:
    net = gn.compile(lenet.model(), loss="softmax_cross_entropy", optimizer="adam", seed=seed, **options)
    net.fit(*images(50), batch_size=16, epochs=2, verbose=False)
    return net


class TestRepeatability:
    def test_same_seed_same_bits(self):
        first, second = trained_lenet(), trained_lenet()
        assert first.weights.keys() == second.weights.keys()
        for name, weight in first.weights.items():
            assert weight.tobytes() == second.weights[name].tobytes(), name

    def test_evaluation_in_between_changes_nothing(self):
        net = gn.compile(lenet.model(), loss="softmax_cross_entropy", optimizer="adam", seed=0)
        x, y = images(50)
        net.fit(x, y, batch_size=16, epochs=2, validation_data=(x[:7], y[:7]), verbose=False)
        for name, weight in trained_lenet().weights.items():
            assert weight.tobytes() == net.weights[name].tobytes(), name

    def test_one_call_of_two_epochs_is_two_calls_of_one(self):
        net = gn.compile(lenet.model(), loss="softmax_cross_entropy", optimizer="adam", seed=0)
        for _ in range(2):
            net.fit(*images(50), batch_size=16, epochs=1, verbose=False)
        for name, weight in trained_lenet().weights.items():
            assert weight.tobytes() == net.weights[name].tobytes(), name

    def test_another_seed_has_other_weights(self):
        first, second = (trained_lenet(seed).weights["conv1/weight"] for seed in (0, 1))
        assert first.tobytes() != second.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_optimised_training_equals_plain_training(dtype):
    """The first steps: later on rounding may push a ReLU's input over zero, and two runs part by more."""
    fast, plain = (gn.compile(lenet.model(), loss="softmax_cross_entropy", optimizer="sgd", dtype=dtype,
                              optimize=optimize) for optimize in (True, False))
    x, y = images(24)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for start in range(0, 24, 8):
        losses = [net.train_on_batch(x[start:start + 8], y[start:start + 8])["loss"] for net in (fast, plain)]
        assert losses[0] == pytest.approx(losses[1], rel=tolerance)
    for name, weight in fast.weights.items():
        assert weight.dtype == dtype
        np.testing.assert_allclose(weight, plain.weights[name], tolerance, tolerance, err_msg=name)


@pytest.mark.parametrize("seed", range(60))
def test_random_model_equals_the_reference(seed):
    """Optimised and plain Programs agree with the interpreter on predictions, and with one another on gradients."""
    recipe = random_recipe(seed)
    fast, plain = (recipe.network(dtype="float64", optimize=optimize) for optimize in (True, False))
    x, y = recipe.samples()
    values = interpret(fast.graph, x | dict(fast.weights))
    made = fast.predict(x)
    made = made if isinstance(made, dict) else {next(iter(recipe.losses)): made}
    for o in fast.graph.outputs:
        np.testing.assert_allclose(made[o.name], values[o.value], 0, 1e-12 * max(np.abs(values[o.value]).max(), 1))
    (loss, gradients), (plain_loss, expected) = (net.loss_and_gradients(x, y, inputs=True) for net in (fast, plain))
    assert loss == pytest.approx(plain_loss, rel=1e-12)
    assert gradients.keys() == expected.keys()
    for name, wanted in expected.items():
        np.testing.assert_allclose(gradients[name], wanted, 0, 1e-11 * max(np.abs(wanted).max(), 1), err_msg=name)


def test_gradients_are_copies():
    net = random_recipe(0).network()
    x, y = random_recipe(0).samples()
    _, first = net.loss_and_gradients(x, y)
    kept = {name: g.copy() for name, g in first.items()}
    net.loss_and_gradients({name: 2 * a for name, a in x.items()}, y)
    for name, g in first.items():
        np.testing.assert_array_equal(g, kept[name])
