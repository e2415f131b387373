import re
from typing import Any

import pytest

from graphnet import ArgumentError
from graphnet.models import lenet
from graphnet.optimizers import SGD, Adam, Momentum
from graphnet.runs import SCHEDULES, Recipe, Settings
from graphnet.schedules import Constant, CosineDecay, OneCycle

RECIPE = Recipe(lenet.model, lambda directory: pytest.fail("nobody asked for data"), optimizer="momentum",
                learning_rate=0.2, schedule="cosine", epochs=3, batch_size=8)


def test_settings_are_the_recipes_where_nothing_is_given() -> None:
    assert Settings.of(RECIPE) == Settings(3, 8, "momentum", 0.2, "cosine", 0, "float32", 0.0, None)


def test_what_is_given_wins() -> None:
    given: dict[str, Any] = {"epochs": 1, "batch_size": 2, "optimizer": "adam", "learning_rate": 0.5,
                             "schedule": "constant", "seed": 4, "dtype": "float64", "validation": 0.5, "data_dir": "d"}
    assert Settings.of(RECIPE, **given) == Settings(**given)


@pytest.mark.parametrize(("optimizer", "rate"), [("momentum", 0.2), ("adam", 1e-3), ("sgd", 0.01)])
def test_a_recipes_rate_is_for_its_own_optimizer(optimizer: str, rate: float) -> None:
    assert Settings.of(RECIPE, optimizer=optimizer).learning_rate == rate


@pytest.mark.parametrize(("optimizer", "schedule", "wanted"), [
    ("adam", "one_cycle", Adam(OneCycle(0.2, 50))), ("sgd", "cosine", SGD(CosineDecay(0.2, 50))),
    ("momentum", "constant", Momentum(Constant(0.2))),
])
def test_the_optimizer_with_its_schedule(optimizer: str, schedule: str, wanted: object) -> None:
    assert Settings.of(RECIPE, optimizer=optimizer, schedule=schedule, learning_rate=0.2).make_optimizer(50) == wanted


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ArgumentError, match="train: schedule is 'zigzag', but it must be one of constant, cosine"):
        Settings.of(RECIPE, schedule="zigzag").make_optimizer(5)
    with pytest.raises(ArgumentError, match=r"train: optimizer is 'magic', but it must be an Optimizer or .*'adam'"):
        Settings.of(RECIPE, optimizer="magic")


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_peaks_at_the_rate(name: str) -> None:
    schedule = SCHEDULES[name](0.5, 40)
    rates = [schedule.rate_at(step) for step in range(1, 41)]
    assert max(rates) == pytest.approx(0.5, rel=1e-12)


def test_a_schedule_that_is_misused_names_the_argument() -> None:
    with pytest.raises(ArgumentError, match=re.escape("OneCycle: peak is -1, but it must be a finite number > 0")):
        Settings.of(RECIPE, schedule="one_cycle", learning_rate=-1).make_optimizer(5)
