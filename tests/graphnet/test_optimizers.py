import math
import re

import numpy as np
import pytest

from graphnet import ArgumentError
from graphnet.compiler import ops
from graphnet.optimizers import (
    OPTIMIZERS,
    SGD,
    SGDW,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    AMSGrad,
    Lion,
    Momentum,
    NAdam,
    Nesterov,
    Optimizer,
    RMSProp,
)


@pytest.mark.parametrize(("optimizer", "op"), [
    (SGD(), ops.SgdUpdate(4)), (SGD(0.1, 0.8), ops.MomentumUpdate(4, momentum=0.8, nesterov=False)),
    (SGD(0.1, 0.8, True), ops.MomentumUpdate(4, momentum=0.8, nesterov=True)),
    (Momentum(), ops.MomentumUpdate(4, momentum=0.9)),
    (Momentum(0.1, 0), ops.SgdUpdate(4)),
    (Adam(beta1=0.8, epsilon=1e-6), ops.AdamUpdate(4, beta1=0.8, epsilon=1e-6)),
    (AdamW(beta2=0.9), ops.AdamUpdate(4, beta2=0.9)), (AMSGrad(), ops.AdamUpdate(4, amsgrad=True)),
    (NAdam(psi=0.1), ops.NAdamUpdate(4, psi=0.1)), (Nesterov(), ops.MomentumUpdate(4, momentum=0.9, nesterov=True)),
    (SGDW(momentum=0), ops.SgdUpdate(4)), (Lion(beta2=0.5), ops.LionUpdate(4, beta2=0.5)),
    (RMSProp(centered=True, momentum=0.5), ops.RmsPropUpdate(4, momentum=0.5, centered=True)),
    (Adagrad(epsilon=0.1), ops.AdagradUpdate(4, epsilon=0.1)), (Adadelta(rho=0.5), ops.AdadeltaUpdate(4, rho=0.5)),
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
    (lambda: RMSProp(rho=1), "RMSProp: rho is 1, but it must be a finite number ≥ 0 and < 1"),
    (lambda: RMSProp(momentum=1.5), "RMSProp: momentum is 1.5, but it must be a finite number ≥ 0 and < 1"),
    (lambda: RMSProp(centered="yes"), "RMSProp: centered is 'yes', but it must be True or False"),
    (lambda: RMSProp(epsilon=0), "RMSProp: epsilon is 0, but it must be a finite number ≥ 1.17549e-38"),
    (lambda: Adagrad(epsilon=-1), "Adagrad: epsilon is -1, but it must be a finite number ≥ 1.17549e-38"),
    (lambda: Adadelta(rho=-0.1), "Adadelta: rho is -0.1, but it must be a finite number ≥ 0 and < 1"),
    (lambda: Adadelta(epsilon=0), "Adadelta: epsilon is 0, but it must be a finite number ≥ 1.17549e-38"),
    (lambda: Lion(beta1=1), "Lion: beta1 is 1, but it must be a finite number ≥ 0 and < 1"),
    (lambda: Lion(beta2=2), "Lion: beta2 is 2, but it must be a finite number ≥ 0 and < 1"),
    (lambda: NAdam(psi=-1), "NAdam: psi is -1, but it must be a finite number ≥ 0"),
    (lambda: AdamW(weight_decay=-0.1), "AdamW: weight_decay is -0.1, but it must be a finite number ≥ 0"),
    (lambda: SGDW(decay_vectors=0), "SGDW: decay_vectors is 0, but it must be True or False"),
    (lambda: SGD(clip_value=0), "SGD: clip_value is 0, but it must be a finite number > 0"),
    (lambda: SGD(clip_norm=-2), "SGD: clip_norm is -2, but it must be a finite number > 0"),
    (lambda: Adam(global_clip_norm="1"), "Adam: global_clip_norm is '1', but it must be a finite number > 0"),
    (lambda: Adam(clip_norm=1, global_clip_norm=2), "Adam: global_clip_norm is 2.0, but clip_norm is given too; "
                                                    "gradients are clipped in one way only"),
    (lambda: Adam(epsilon=0), "Adam: epsilon is 0, but it must be a finite number ≥ 1.17549e-38"),
])
def test_bad_arguments(declare, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        declare()


@pytest.mark.parametrize("optimizer", [
    SGD(0.5, 0.9, True), Momentum(0.5), Adam(0.1, 0.2, 0.3, 0.4), AdamW(weight_decay=0.5, decay_vectors=False),
    SGDW(0.1, 0.2), RMSProp(0.1, 0.2, 0.3, True, 0.4), Lion(weight_decay=1), NAdam(clip_value=1)])
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


@pytest.mark.parametrize(("optimizer", "clip"), [
    (Adam(clip_value=2), ops.ClipGradients(3, 2.0, "value")), (SGDW(clip_norm=2), ops.ClipGradients(3, 2.0, "norm")),
    (Lion(global_clip_norm=0.5), ops.ClipGradients(3, 0.5, "global_norm"))])
def test_clipping_comes_before_the_update(optimizer: Optimizer, clip: ops.ClipGradients) -> None:
    assert optimizer.attachment(3).clip == clip


def test_decay_of_vectors_is_a_choice() -> None:
    made = AdamW(weight_decay=0.1, decay_vectors=False).attachment(3)
    assert (made.decay, made.decay_vectors) == (0.1, False)
    assert SGDW().attachment(3).decay == 0.01
    assert Adam().attachment(3).decay == 0
