"""Schedules against torch.optim.lr_scheduler."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphnet.callbacks import ReduceOnPlateau
from graphnet.schedules import Constant, CosineDecay, ExponentialDecay, OneCycle, Schedule, StepDecay, WarmUp

torch = pytest.importorskip("torch")
lr_scheduler = torch.optim.lr_scheduler
pytestmark = pytest.mark.parity
RATE = 0.3


def torch_optimizer() -> Any:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)


def torch_rates(make: Callable[[Any], Any], count: int) -> list[float]:
    optimizer = torch_optimizer()
    scheduler, rates = make(optimizer), []
    for index in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if index + 1 < count:
            scheduler.step()
    return rates


def warm_up(optimizer: Any) -> Any:
    rise = lr_scheduler.LinearLR(optimizer, start_factor=0.2, total_iters=6)
    return lr_scheduler.SequentialLR(optimizer, [rise, lr_scheduler.StepLR(optimizer, 4, 0.5)], milestones=[6])


@pytest.mark.parametrize(("ours", "theirs", "count"), [
    (Constant(RATE), lambda o: lr_scheduler.ConstantLR(o, factor=1.0), 5),
    (StepDecay(RATE, every=4, factor=0.3), lambda o: lr_scheduler.StepLR(o, 4, 0.3), 30),
    (ExponentialDecay(RATE, factor=0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9), 30),
    (CosineDecay(RATE, steps=25, final=0.01), lambda o: lr_scheduler.CosineAnnealingLR(o, 25, 0.01), 26),
    (WarmUp(StepDecay(RATE, every=4, factor=0.5), steps=6, start=0.2), warm_up, 30),
    (OneCycle(RATE, steps=40), lambda o: lr_scheduler.OneCycleLR(o, RATE, total_steps=40), 40),
    (OneCycle(RATE, 33, 0.45, 7.0, 11.0),
     lambda o: lr_scheduler.OneCycleLR(o, RATE, total_steps=33, pct_start=0.45, div_factor=7, final_div_factor=11), 33),
], ids=lambda value: type(value).__name__ if isinstance(value, Schedule) else None)
def test_every_rate_is_that_of_pytorch(ours: Schedule, theirs: Callable[[Any], Any], count: int) -> None:
    found = [ours.rate_at(step) for step in range(1, count + 1)]
    np.testing.assert_allclose(found, torch_rates(theirs, count), rtol=1e-9)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateaus_are_seen_where_pytorch_sees_them(mode: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    settings = {"factor": 0.5, "patience": int(rng.integers(4)), "cooldown": int(rng.integers(3)), "threshold": 0.02}
    optimizer = torch_optimizer()
    theirs = lr_scheduler.ReduceLROnPlateau(optimizer, mode, **settings, eps=0)

    class Rates:
        rate_factor = 1.0

    ours = ReduceOnPlateau("loss", mode=mode, **settings)
    for epoch, figure in enumerate(1 + 0.1 * rng.normal(size=60), 1):
        theirs.step(figure)
        ours.on_epoch_end(Rates, epoch, {"loss": figure})  # type: ignore[arg-type]
        assert optimizer.param_groups[0]["lr"] == pytest.approx(RATE * Rates.rate_factor, rel=1e-12)
    assert Rates.rate_factor < 1
