import math
import re
from collections.abc import Callable

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError
from graphnet.optimizers import Adam, Optimizer
from graphnet.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    Schedule,
    StepDecay,
    WarmUp,
)

EVERY_KIND = [
    Constant(0.3), StepDecay(0.5, every=3, factor=0.2), ExponentialDecay(0.5, factor=0.9, every=4),
    CosineDecay(0.5, steps=7, final=0.1), WarmUp(StepDecay(0.5, every=2), steps=5, start=0.2), OneCycle(0.5, steps=9),
]


def rates(schedule: Schedule, count: int) -> list[float]:
    return [schedule.rate_at(step) for step in range(1, count + 1)]


def test_constant() -> None:
    assert rates(Constant(0.3), 3) == [0.3] * 3


def test_step_decay_falls_at_each_interval() -> None:
    assert rates(StepDecay(8.0, every=2, factor=0.5), 6) == [8, 8, 4, 4, 2, 2]


def test_exponential_decay_reaches_the_factor_after_every_steps() -> None:
    found = rates(ExponentialDecay(2.0, factor=0.25, every=2), 5)
    assert found == pytest.approx([2, 1, 0.5, 0.25, 0.125], rel=1e-15)


def test_cosine_decay_by_its_closed_form() -> None:
    found = rates(CosineDecay(1.0, steps=4, final=0.2), 8)
    half = math.sqrt(0.5)
    assert found == pytest.approx([1, 0.6 + 0.4 * half, 0.6, 0.6 - 0.4 * half, 0.2, 0.2, 0.2, 0.2], rel=1e-15)


def test_warm_up_rises_in_a_line_to_the_first_rate_of_what_follows() -> None:
    found = rates(WarmUp(StepDecay(4.0, every=2, factor=0.5), steps=3, start=0.25), 8)
    assert found == pytest.approx([1, 2, 3, 4, 4, 2, 2, 1], rel=1e-15)


def test_warm_ups_nest() -> None:
    found = rates(WarmUp(WarmUp(Constant(8.0), steps=2, start=0.5), steps=2, start=0.0), 5)
    assert found == pytest.approx([0, 2, 4, 6, 8])


def test_one_cycle_begins_peaks_and_ends_where_it_should() -> None:
    schedule = OneCycle(5.0, steps=100, warm_up=0.3, start_divisor=10, final_divisor=50)
    found = rates(schedule, 120)
    assert found[0] == pytest.approx(0.5)
    assert found[29] == 5.0 == max(found)
    assert found[99] == pytest.approx(0.01)
    assert set(found[99:]) == {found[99]}
    assert np.all(np.diff(found[:30]) > 0)
    assert np.all(np.diff(found[29:100]) < 0)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("warm_up", [0.0, 0.3, 0.99])
def test_short_cycles_stay_between_their_ends(steps: int, warm_up: float) -> None:
    found = rates(OneCycle(1.0, steps, warm_up), steps + 2)
    assert all(1 / 25e4 - 1e-18 <= rate <= 1 for rate in found)
    assert found[-1] == pytest.approx(1 / 25e4)


@pytest.mark.parametrize("schedule", EVERY_KIND, ids=lambda s: type(s).__name__)
def test_config_round_trip_by_itself_and_in_an_optimizer(schedule: Schedule) -> None:
    assert Schedule.from_config(schedule.config()) == schedule
    optimizer = Adam(schedule)
    again = Optimizer.from_config(optimizer.config())
    assert again == optimizer
    assert [again.rate_at(step) for step in (1, 4, 20)] == [schedule.rate_at(step) for step in (1, 4, 20)]


def test_the_config_of_a_nested_schedule() -> None:
    assert WarmUp(Constant(0.5), steps=2).config() == {"class": "WarmUp", "arguments": {
        "after": {"class": "Constant", "arguments": {"rate": 0.5}}, "steps": 2, "start": 0.1}}


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: Constant(0), "Constant: rate is 0, but it must be a finite number > 0"),
    (lambda: StepDecay(-1, 5), "StepDecay: rate is -1, but it must be a finite number > 0"),
    (lambda: StepDecay(1, 0), "StepDecay: every is 0, but it must be a whole number ≥ 1"),
    (lambda: StepDecay(1, 2, 1.5), "StepDecay: factor is 1.5, but it must be at most 1"),
    (lambda: ExponentialDecay(1, 0), "ExponentialDecay: factor is 0, but it must be a finite number > 0"),
    (lambda: ExponentialDecay(1, 0.5, 2.5), "ExponentialDecay: every is 2.5, but it must be a whole number ≥ 1"),
    (lambda: CosineDecay(math.inf, 5), "CosineDecay: rate is inf, but it must be a finite number > 0"),
    (lambda: CosineDecay(1, 5, -0.1), "CosineDecay: final is -0.1, but it must be a finite number ≥ 0"),
    (lambda: CosineDecay(1, 5, 2), "CosineDecay: final is 2, but it must be at most the rate, 1"),
    (lambda: WarmUp(0.1, 5), "WarmUp: after is 0.1, but it must be a Schedule such as Constant(0.01)"),
    (lambda: WarmUp(Constant(1), -2), "WarmUp: steps is -2, but it must be a whole number ≥ 1"),
    (lambda: WarmUp(Constant(1), 2, 1.5), "WarmUp: start is 1.5, but it must be at most 1"),
    (lambda: OneCycle("high", 5), "OneCycle: peak is 'high', but it must be a finite number > 0"),
    (lambda: OneCycle(1, True), "OneCycle: steps is True, but it must be a whole number ≥ 1"),
    (lambda: OneCycle(1, 5, 1.0), "OneCycle: warm_up is 1.0, but it must be a finite number ≥ 0 and < 1"),
    (lambda: OneCycle(1, 5, start_divisor=0.5), "OneCycle: start_divisor is 0.5, but it must be a finite number ≥ 1"),
    (lambda: OneCycle(1, 5, final_divisor=0), "OneCycle: final_divisor is 0, but it must be a finite number ≥ 1"),
    (lambda: Constant(1).rate_at(0), "Constant: step is 0, but it must be a whole number ≥ 1"),
])
def test_bad_arguments(declare: Callable[[], object], text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()


@pytest.mark.parametrize("value", [Constant, "one_cycle", Adam()])
def test_an_optimizer_refuses_what_is_no_schedule(value: object) -> None:
    with pytest.raises(ArgumentError, match=r"Adam: learning_rate is .*, but it must be a finite number > 0"):
        Adam(value)  # type: ignore[arg-type]


def test_a_file_cannot_put_another_kind_of_object_in_a_schedules_place() -> None:
    config = Adam().config()
    config["arguments"]["learning_rate"] = Adam().config()
    with pytest.raises(ArgumentError, match=r"a Schedule such as .*: class is 'Adam', but it must be one of Constant"):
        Optimizer.from_config(config)


def test_training_follows_the_schedule() -> None:
    """With gradient 1 for the one weight, SGD moves it by exactly the rate of the step."""
    x = gn.Input((1,), name="x")
    model = gn.Model(x, gn.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="dense")(x))
    schedule = StepDecay(0.5, every=1, factor=0.5)
    net = gn.compile(model, loss=gn.losses.MeanSquaredError(), optimizer=gn.optimizers.SGD(schedule), dtype="float64")
    moved = []
    for _ in range(4):
        before = net.weights["dense/weight"].item()
        net.train_on_batch(np.ones((1, 1)), np.array([[before - 0.5]]))  # d/dw (w - label)² = 2 · 0.5 = 1
        moved.append(before - net.weights["dense/weight"].item())
    assert moved == pytest.approx([0.5, 0.25, 0.125, 0.0625], rel=1e-12)
