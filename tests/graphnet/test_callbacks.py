import math
import re
from collections.abc import Callable

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError
from graphnet.callbacks import ReduceOnPlateau


class Rates:
    """The part of a network that the callback may touch."""

    def __init__(self) -> None:
        self.rate_factor = 1.0


def factors(callback: ReduceOnPlateau, figures: list[float], name: str = "val_loss") -> list[float]:
    """The rate's factor after each epoch."""
    network, seen = Rates(), []
    for epoch, figure in enumerate(figures, 1):
        callback.on_epoch_end(network, epoch, {name: figure})  # type: ignore[arg-type]
        seen.append(network.rate_factor)
    return seen


def test_the_rate_falls_after_more_than_patience_epochs_without_improvement() -> None:
    found = factors(ReduceOnPlateau(factor=0.5, patience=1), [3, 2, 2, 2, 2, 2, 1, 1])
    assert found == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_a_gain_below_the_threshold_is_none() -> None:
    assert factors(ReduceOnPlateau(factor=0.5, patience=0, threshold=0.1), [10, 9.5, 8.9]) == [1, 0.5, 0.5]


def test_larger_is_better_with_mode_max() -> None:
    callback = ReduceOnPlateau("val_accuracy", factor=0.5, patience=0, mode="max")
    assert factors(callback, [0.5, 0.6, 0.6, 0.7], "val_accuracy") == [1, 1, 0.5, 0.5]


def test_epochs_of_the_cooldown_are_not_counted() -> None:
    found = factors(ReduceOnPlateau(factor=0.5, patience=0, cooldown=2), [1] * 7)
    assert found == [1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_the_factor_does_not_fall_below_the_least() -> None:
    assert factors(ReduceOnPlateau(factor=0.5, patience=0, least=0.3), [1] * 4) == [1, 0.5, 0.3, 0.3]


def test_a_figure_that_is_not_a_number_is_no_improvement() -> None:
    assert factors(ReduceOnPlateau(factor=0.5, patience=0), [math.nan, 1, math.nan]) == [0.5, 0.5, 0.25]


def test_fit_trains_with_the_reduced_rate() -> None:
    """Labels that are already met leave the loss at 0; the factor falls, and later steps are smaller by it."""
    x = gn.Input((1,), name="x")
    model = gn.Model(x, gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="dense")(x))
    net = gn.compile(model, loss="mse", optimizer=gn.optimizers.SGD(0.5), dtype="float64")
    net.fit(np.ones((2, 1)), np.zeros((2, 1)), epochs=3, callbacks=[ReduceOnPlateau("loss", factor=0.1, patience=0)])
    assert net.rate_factor == pytest.approx(0.01)
    net.train_on_batch(np.ones((1, 1)), np.array([[-0.5]]))  # gradient 1
    assert net.weights["dense/weight"].item() == pytest.approx(-0.5 * 0.01)


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: ReduceOnPlateau(factor=1), "ReduceOnPlateau: factor is 1, but it must be a finite number > 0 and < 1"),
    (lambda: ReduceOnPlateau(factor=0), "ReduceOnPlateau: factor is 0, but it must be a finite number > 0 and < 1"),
    (lambda: ReduceOnPlateau(patience=-1), "ReduceOnPlateau: patience is -1, but it must be a whole number ≥ 0"),
    (lambda: ReduceOnPlateau(cooldown=0.5), "ReduceOnPlateau: cooldown is 0.5, but it must be a whole number ≥ 0"),
    (lambda: ReduceOnPlateau(threshold=-1), "ReduceOnPlateau: threshold is -1, but it must be a finite number ≥ 0"),
    (lambda: ReduceOnPlateau(least=math.nan), "ReduceOnPlateau: least is nan, but it must be a finite number ≥ 0"),
    (lambda: ReduceOnPlateau(mode="up"), "ReduceOnPlateau: mode is 'up', but it must be one of 'min', 'max'"),
    (lambda: factors(ReduceOnPlateau(), [1.0], "loss"), "ReduceOnPlateau: monitor is 'val_loss', but the epoch has "
                                                        "only 'loss'; give fit validation_data"),
    (lambda: factors(ReduceOnPlateau("f1"), [1.0]), "monitor is 'f1', but the epoch has only 'val_loss'"),
])
def test_bad_arguments(declare: Callable[[], object], text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()
