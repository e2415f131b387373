import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from optimizer_cases import OPTIMIZER_CASES, OptimizerCase

from graphnet import ArgumentError
from graphnet.compiler import ops
from graphnet.optimizers import (
    OPTIMIZERS,
    SGD,
    SGDW,
    Adam,
    AdamW,
    Momentum,
    NAdam,
    Optimizer,
    RMSProp,
)

CASES = pytest.mark.parametrize("case", OPTIMIZER_CASES.values(), ids=OPTIMIZER_CASES)


@CASES
def test_the_update_op(case: OptimizerCase) -> None:
    assert case.optimizer.update_op(4) == case.op


@pytest.mark.parametrize(("optimizer", "rate"), [
    (SGD(), 0.01), (Momentum(), 0.01), (Adam(), 1e-3), (Adam(0.5), 0.5)])
def test_the_rate_is_constant(optimizer: Optimizer, rate: float) -> None:
    assert optimizer.learning_rate == optimizer.rate_at(1) == optimizer.rate_at(1000) == rate


@pytest.mark.parametrize(("cls", "arguments", "text"), [
    pytest.param(type(case.optimizer), *refused, id=f"{name} {number}")
    for name, case in OPTIMIZER_CASES.items() for number, refused in enumerate(case.refused)])
def test_bad_arguments(cls: type[Optimizer], arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(f"{cls.__name__}: {text}")):
        cls(**arguments)


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: SGD(clip_value=0), "SGD: clip_value is 0, but it must be a finite number > 0"),
    (lambda: SGD(clip_norm=-2), "SGD: clip_norm is -2, but it must be a finite number > 0"),
    (lambda: Adam(global_clip_norm="1"), "Adam: global_clip_norm is '1', but it must be a finite number > 0"),
    (lambda: Adam(clip_norm=1, global_clip_norm=2), "Adam: global_clip_norm is 2.0, but clip_norm is given too; "
                                                    "gradients are clipped in one way only"),
])
def test_bad_clipping(declare, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()


@pytest.mark.parametrize("optimizer", [
    SGD(0.5, 0.9, True), Momentum(0.5), Adam(0.1, 0.2, 0.3, 0.4), AdamW(weight_decay=0.5, decay_vectors=False),
    SGDW(0.1, 0.2), RMSProp(0.1, 0.2, 0.3, True, 0.4), NAdam(clip_value=1),
    *(case.optimizer for case in OPTIMIZER_CASES.values())])
def test_config_round_trip(optimizer: Optimizer) -> None:
    assert Optimizer.from_config(optimizer.config()) == optimizer
    assert type(Optimizer.from_config(optimizer.config())) is type(optimizer)


def test_numbers_of_other_types_become_floats() -> None:
    arguments = SGD(np.float32(0.5), np.float64(0.25)).config()["arguments"]
    assert {name: type(value) for name, value in arguments.items() if value is not None} == {
        "learning_rate": float, "momentum": float, "nesterov": bool}
    assert type(Adam(1).learning_rate) is float


def test_the_config_of_adam() -> None:
    assert Adam(0.1, clip_norm=2).config() == {"class": "Adam", "arguments": {
        "learning_rate": 0.1, "clip_value": None, "clip_norm": 2.0, "global_clip_norm": None,
        "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}}


def test_a_config_from_a_bad_file_is_refused_like_an_argument() -> None:
    with pytest.raises(ArgumentError, match="Adam: learning_rate is -1, but it must be a finite number > 0"):
        Optimizer.from_config({"class": "Adam", "arguments": {"learning_rate": -1}})


def test_strings() -> None:
    assert OPTIMIZERS.resolve("compile", "optimizer", "adam") == Adam()
    assert OPTIMIZERS.resolve("compile", "optimizer", "sgd") == SGD()
    assert OPTIMIZERS.resolve("compile", "optimizer", "momentum") == Momentum()


@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_every_optimizer_has_a_name_and_makes_a_step(name: str) -> None:
    optimizer = OPTIMIZERS.resolve("compile", "optimizer", name)
    assert optimizer.update_op(3).count == 3
    assert optimizer.attachment(3).clip is None
    assert Optimizer.from_config(optimizer.config()) == optimizer


@CASES
def test_clipping_comes_before_the_update(case: OptimizerCase) -> None:
    for option, by in (("clip_value", "value"), ("clip_norm", "norm"), ("global_clip_norm", "global_norm")):
        assert replace(case.optimizer, **{option: 2}).attachment(3).clip == ops.ClipGradients(3, 2.0, by)


def test_decay_of_vectors_is_a_choice() -> None:
    made = AdamW(weight_decay=0.1, decay_vectors=False).attachment(3)
    assert (made.decay, made.decay_vectors) == (0.1, False)
    assert SGDW().attachment(3).decay == 0.01
    assert Adam().attachment(3).decay == 0
