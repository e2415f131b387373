"""Losses, metrics, schedules and optimizers keep plain numbers, so that a trained network can always be saved."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loss_cases import LOSS_CASES
from optimizer_cases import OPTIMIZER_CASES

import graphnet as gn
from graphnet import losses as lo
from graphnet import metrics as me
from graphnet import optimizers as op
from graphnet import schedules as sc
from graphnet.common.registry import Configured

F, I = np.float32, np.int64  # noqa: E741


def of_numpys_numbers(item: Configured) -> Configured:
    """The same, its numbers and tuples of numbers declared as NumPy's."""
    kinds = {float: F, int: I, tuple: lambda numbers: np.array(numbers, F)}
    given = {field.name: getattr(item, field.name) for field in fields(item) if field.init}
    return replace(item, **{name: kinds[type(value)](value) for name, value in given.items() if type(value) in kinds})


MADE: list[Configured] = [
    *(of_numpys_numbers(case.loss) for case in LOSS_CASES.values()),
    *(of_numpys_numbers(case.optimizer) for case in OPTIMIZER_CASES.values()),
    lo.Huber(F(0.5)), lo.SoftmaxCrossEntropy(F(0.1), np.ones(3, "float32")), lo.CrossEntropy(F(0.1), [F(1), I(2), 0]),
    lo.BinaryCrossEntropy(True, F(0.1), np.ones(2, "float32")),
    me.Accuracy(), me.TopKAccuracy(I(2)), me.BinaryAccuracy(F(0.3)), me.Perplexity(), me.ConfusionMatrix(),
    me.Precision(threshold=F(0.3)), me.Recall(threshold=I(0)), me.F1("macro", F(0.3)), me.MeanAbsoluteError(),
    me.MeanSquaredError(),
    sc.Constant(F(0.1)), sc.StepDecay(F(0.1), I(3), F(0.5)), sc.ExponentialDecay(F(0.1), F(0.5), I(3)),
    sc.CosineDecay(F(0.1), I(3), F(0.01)), sc.OneCycle(F(0.1), I(30), F(0.3), F(20), I(100)),
    sc.WarmUp(sc.StepDecay(F(0.1), I(3), F(0.5)), I(4), F(0.2)),
    op.Momentum(I(1), F(0.5)), op.Adam(F(0.1), F(0.9), F(0.99), F(1e-3), clip_norm=I(1)),
    op.AMSGrad(F(0.1), clip_value=F(1)), op.AdamW(sc.Constant(F(0.1)), weight_decay=F(0.1)),
    op.RMSProp(F(0.1), global_clip_norm=F(0.5)),
]
REGISTRIES = (lo.LOSSES, me.METRICS, sc.SCHEDULES, op.OPTIMIZERS)


@pytest.mark.parametrize("item", MADE, ids=lambda item: type(item).__name__)
def test_numpys_numbers_become_plain_ones(item: Configured) -> None:
    config = item.config()
    assert type(item).from_config(json.loads(json.dumps(config))) == item
    for value in config["arguments"].values():
        assert type(value) in (bool, int, float, str, type(None), list, dict)


def test_every_class_is_here() -> None:
    registered = {cls for registry in REGISTRIES for cls in registry._classes.values()}
    assert {type(item) for item in MADE} == registered


def test_a_schedule_of_numpys_numbers_computes_in_full_precision() -> None:
    rate = sc.CosineDecay(F(0.25), I(7)).rate_at(3)
    assert type(rate) is float
    assert rate == sc.CosineDecay(0.25, 7).rate_at(3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_made_of_them_is_saved_and_goes_on(dtype: str, tmp_path: Path) -> None:
    x = gn.Input((3,), name="x")
    layer = gn.layers.Dense(3, kernel_constraint=gn.constraints.MaxNorm(F(0.7)), learning_rate_multiplier=F(0.3),
                            activity_regularizer=gn.regularizers.L1L2(F(0.1), I(1)), name="y")
    options: dict[str, Any] = {"metrics": [me.TopKAccuracy(I(2))], "loss_weights": {"y": F(0.3)}, "seed": I(3)}
    net = gn.compile(gn.Model(x, layer(x)), lo.SoftmaxCrossEntropy(F(0.1)), op.Adam(sc.StepDecay(F(0.1), I(2), F(0.5))),
                     dtype=dtype, **options)
    rows, labels = np.random.default_rng(0).normal(0, 1, (6, 3)), np.arange(6) % 3
    net.train_on_batch(rows, labels)
    net.save(tmp_path / "net.gnet")
    other = gn.load(tmp_path / "net.gnet")
    for _ in range(4):
        assert other.train_on_batch(rows, labels) == net.train_on_batch(rows, labels)
