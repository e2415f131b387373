"""A loss that is no longer finite ends the training at its step, unless that is not wanted."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.callbacks import EarlyStopping


def network(**options: Any) -> gn.Network:
    x = gn.Input((1,), name="x")
    return gn.compile(gn.Model(x, gn.layers.Dense(1, name="d")(x)), loss="mse", optimizer=gn.optimizers.SGD(1e12),
                      **options)


X, Y = np.ones((8, 1)), np.full((8, 1), 2.0)


class Steps(gn.Callback):
    """Remembers steps and their losses."""

    def __init__(self) -> None:
        self.losses: dict[int, float] = {}

    def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
        self.losses[step] = logs["loss"]


def diverge(net: gn.Network, **options: Any) -> gn.DivergenceError:
    with np.errstate(all="ignore"), pytest.raises(gn.DivergenceError) as caught:
        net.fit(X, Y, batch_size=4, epochs=9, verbose=False, **options)
    return caught.value


def test_fit_names_step_epoch_and_loss() -> None:
    net, steps = network(), Steps()
    error = diverge(net, callbacks=[steps])
    assert (error.step, error.epoch) == (net.step, net.epoch)
    assert not math.isfinite(error.loss)
    assert str(error) == (
        f"the loss of step {net.step} (epoch {net.epoch}) is {error.loss}: the training has diverged. Take a smaller "
        "learning rate, or clip gradients with global_clip_norm=; gn.compile(…, check_finite=True) names the first "
        "layer whose numbers are not finite. The weights are those at the end of that step, unless a callback put "
        "others there; stop_on_nonfinite=False goes on")
    assert list(steps.losses) == list(range(1, net.step))  # all before it were finite
    assert all(map(math.isfinite, steps.losses.values()))
    assert error.history.epochs == list(range(1, net.epoch))
    assert isinstance(error, gn.GraphNetError)


def test_the_weights_are_those_at_the_end_of_that_step() -> None:
    net, twin = network(), network()
    diverge(net, shuffle=False)
    with np.errstate(all="ignore"):
        for _ in range(net.step):
            twin.train_on_batch(X[:4], Y[:4], stop_on_nonfinite=False)
    for name, weight in net.weights.items():
        np.testing.assert_array_equal(weight, twin.weights[name])


def test_a_single_step() -> None:
    net = network()
    with np.errstate(all="ignore"):
        for _ in range(3):
            net.train_on_batch(X, Y, stop_on_nonfinite=False)
        with pytest.raises(gn.DivergenceError, match=r"^the loss of step 4 is (inf|nan): the training has diverged"):
            net.train_on_batch(X, Y)
    assert net.step == 4


def test_an_argument_turns_it_off() -> None:
    with np.errstate(all="ignore"):
        losses = network().fit(X, Y, batch_size=4, epochs=9, stop_on_nonfinite=False, verbose=False).history["loss"]
    assert len(losses) == 9
    assert math.isnan(losses[-1])


@pytest.mark.parametrize("call", ["fit", "train_on_batch"])
def test_it_is_a_flag(call: str) -> None:
    with pytest.raises(gn.ArgumentError, match=f"{call}: stop_on_nonfinite is None, but it must be True or False"):
        getattr(network(), call)(X, Y, stop_on_nonfinite=None)


def test_check_finite_finds_the_layer_as_the_text_says() -> None:
    with pytest.raises(gn.NonFiniteError, match=r" of (d|loss) \("):
        network(check_finite=True).fit(X, Y, epochs=9, verbose=False)


def test_the_checkpoint_is_the_one_before(tmp_path: Path) -> None:
    """It can be gone on with, and diverges again at the same step."""
    path = tmp_path / "cut.gnet"
    first = diverge(network(), checkpoint=path)
    net = gn.load(path)
    assert net.step < first.step
    again = diverge(net, checkpoint=path, resume=True)
    assert (again.step, again.epoch, again.history.epochs) == (first.step, first.epoch, first.history.epochs)


def test_it_is_no_figure_that_callbacks_see() -> None:
    stop = EarlyStopping("loss", patience=5)
    diverge(network(), callbacks=[stop])
    assert math.isfinite(stop.best)


class Leap(gn.Callback):
    """Far too high a rate from the third epoch on; remembers the weights that each epoch left."""

    def __init__(self) -> None:
        self.left: dict[int, dict[str, Any]] = {}

    def on_epoch_begin(self, network: gn.Network, epoch: int) -> None:
        network.rate_factor = 1e-13 if epoch < 3 else 1e10

    def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> None:
        self.left[epoch] = {name: weight.copy() for name, weight in network.weights.items()}


def test_early_stopping_gives_the_best_weights_back() -> None:
    net, leap = network(), Leap()
    diverge(net, callbacks=[leap, EarlyStopping("loss", patience=5, restore_best=True)])
    assert list(leap.left) == [1, 2]
    for name, weight in net.weights.items():
        np.testing.assert_array_equal(weight, leap.left[2][name])
