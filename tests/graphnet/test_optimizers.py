import math
import re

import numpy as np
import pytest

from graphnet import ArgumentError
from graphnet.compiler import ops
from graphnet.optimizers import OPTIMIZERS, SGD, Adam, Momentum, Optimizer


@pytest.mark.parametrize(("optimizer", "op"), [
    (SGD(), ops.SgdUpdate(4)), (SGD(0.1, 0.8), ops.MomentumUpdate(4, momentum=0.8, nesterov=False)),
    (SGD(0.1, 0.8, True), ops.MomentumUpdate(4, momentum=0.8, nesterov=True)),
    (Momentum(), ops.MomentumUpdate(4, momentum=0.9)),
    (Momentum(0.1, 0), ops.SgdUpdate(4)),
    (Adam(beta1=0.8, epsilon=1e-6), ops.AdamUpdate(4, beta1=0.8, epsilon=1e-6)),
])
def test_the_update_op(optimizer: Optimizer, op: ops.Update) -> None:
    assert optimizer.update_op(4) == op


@pytest.mark.parametrize(("optimizer", "rate"), [
    (SGD(), 0.01), (Momentum(), 0.01), (Adam(), 1e-3), (Adam(0.5), 0.5)])
def test_the_rate_is_constant(optimizer: Optimizer, rate: float) -> None:
    assert optimizer.learning_rate == optimizer.rate_at(1) == optimizer.rate_at(1000) == rate


@pytest.mark.parametrize(("declare", "text"), [
    (lambda: SGD(-0.1), "SGD: learning_rate is -0.1, but it must be a finite number > 0"),
    (lambda: Adam(0), "Adam: learning_rate is 0, but it must be a finite number > 0"),
    (lambda: Adam(math.nan), "Adam: learning_rate is nan, but it must be a finite number > 0"),
    (lambda: Momentum("fast"), "Momentum: learning_rate is 'fast', but it must be a finite number > 0"),
    (lambda: SGD(momentum=1), "SGD: momentum is 1, but it must be a finite number ≥ 0 and < 1"),
    (lambda: Momentum(momentum=-0.1),
     "Momentum: momentum is -0.1, but it must be a finite number ≥ 0 and < 1"),
    (lambda: SGD(nesterov=True), "SGD: nesterov is True, but it needs a momentum greater than 0"),
    (lambda: Momentum(nesterov=1), "Momentum: nesterov is 1, but it must be True or False"),
    (lambda: Adam(beta1=1.0), "Adam: beta1 is 1.0, but it must be a finite number ≥ 0 and < 1"),
    (lambda: Adam(beta2=-1), "Adam: beta2 is -1, but it must be a finite number ≥ 0 and < 1"),
    (lambda: Adam(epsilon=0), "Adam: epsilon is 0, but it must be a finite number > 0"),
])
def test_bad_arguments(declare, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()


@pytest.mark.parametrize("optimizer", [SGD(0.5, 0.9, True), Momentum(0.5), Adam(0.1, 0.2, 0.3, 0.4)])
def test_config_round_trip(optimizer: Optimizer) -> None:
    assert Optimizer.from_config(optimizer.config()) == optimizer
    assert type(Optimizer.from_config(optimizer.config())) is type(optimizer)


def test_numbers_of_other_types_become_floats() -> None:
    arguments = SGD(np.float32(0.5), np.float64(0.25)).config()["arguments"]
    assert {name: type(value) for name, value in arguments.items()} == {
        "learning_rate": float, "momentum": float, "nesterov": bool}
    assert type(Adam(1).learning_rate) is float


def test_the_config_of_adam() -> None:
    assert Adam(0.1).config() == {"class": "Adam", "arguments": {
        "learning_rate": 0.1, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}}


def test_a_config_from_a_bad_file_is_refused_like_an_argument() -> None:
    with pytest.raises(ArgumentError, match="Adam: learning_rate is -1, but it must be a finite number > 0"):
        Optimizer.from_config({"class": "Adam", "arguments": {"learning_rate": -1}})


def test_strings() -> None:
    assert OPTIMIZERS.resolve("compile", "optimizer", "adam") == Adam()
    assert OPTIMIZERS.resolve("compile", "optimizer", "sgd") == SGD()
    assert OPTIMIZERS.resolve("compile", "optimizer", "momentum") == Momentum()
