"""Every optimizer with its op, its formula in plain NumPy and its twin in PyTorch.

A new one needs its class in `graphnet/optimizers` and a case here. Op and refusals are checked by
`tests/graphnet/test_optimizers.py`, the formula by `tests/graphnet/test_optimizer_formulas.py`, the twin by
`tests/parity/test_optimizers.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphnet import optimizers as opt
from graphnet.compiler import ops

Array = np.ndarray[Any, Any]
Kept = dict[str, Any]
Formula = Callable[[Any, Array, Array, Kept, int], Array]
"""The next weights from the optimizer, the weights, their gradient, what is kept from step to step (each number 0 at
first) and the number of the step, counted from 1."""


def sgd(o: Any, p: Array, g: Array, s: Kept, t: int) -> Array:
    """Robbins and Monro 1951; Polyak 1964; Sutskever et al. 2013 for `nesterov`."""
    s["v"] = o.momentum * s["v"] + g
    return p - o.learning_rate * (g + o.momentum * s["v"] if o.nesterov else s["v"])


def sgdw(o: Any, p: Array, g: Array, s: Kept, t: int) -> Array:
    """Loshchilov and Hutter 2019, algorithm 1, the decay multiplied by the rate."""
    s["m"] = o.momentum * s["m"] + o.learning_rate * g
    return p - s["m"] - o.learning_rate * o.weight_decay * p


def adam(o: Any, p: Array, g: Array, s: Kept, t: int) -> Array:
    """Kingma and Ba 2015, algorithm 1."""
    s["m"] = o.beta1 * s["m"] + (1 - o.beta1) * g
    s["v"] = o.beta2 * s["v"] + (1 - o.beta2) * g**2
    mean, square = s["m"] / (1 - o.beta1**t), s["v"] / (1 - o.beta2**t)
    return p - o.learning_rate * mean / (np.sqrt(square) + o.epsilon)


def adamw(o: Any, p: Array, g: Array, s: Kept, t: int) -> Array:
    """Loshchilov and Hutter 2019, algorithm 2."""
    return adam(o, p, g, s, t) - o.learning_rate * o.weight_decay * p


def amsgrad(o: Any, p: Array, g: Array, s: Kept, t: int) -> Array:
    """Reddi, Kale and Kumar 2018, algorithm 2, with the corrections of Adam."""
    s["m"] = o.beta1 * s["m"] + (1 - o.beta1) * g
    s["v"] = o.beta2 * s["v"] + (1 - o.beta2) * g**2
    s["u"] = np.maximum(s["u"], s["v"])
    return p - o.learning_rate * s["m"] / (1 - o.beta1**t) / (np.sqrt(s["u"] / (1 - o.beta2**t)) + o.epsilon)


def nadam(o: Any, p: Array, g: Array, s: Kept, t: int) -> Array:
    """Dozat 2016, algorithm 2."""
    now, ahead = (o.beta1 * (1 - 0.96**(i * o.psi) / 2) for i in (t, t + 1))
    s["product"] = (s["product"] or 1.0) * now
    s["m"] = o.beta1 * s["m"] + (1 - o.beta1) * g
    s["v"] = o.beta2 * s["v"] + (1 - o.beta2) * g**2
    mean = ahead * s["m"] / (1 - s["product"] * ahead) + (1 - now) * g / (1 - s["product"])
    return p - o.learning_rate * mean / (np.sqrt(s["v"] / (1 - o.beta2**t)) + o.epsilon)


def rmsprop(o: Any, p: Array, g: Array, s: Kept, t: int) -> Array:
    """Tieleman and Hinton 2012, lecture 6.5; Graves 2013, eq. 38-41 for `centered`."""
    s["v"] = o.rho * s["v"] + (1 - o.rho) * g**2
    s["a"] = o.rho * s["a"] + (1 - o.rho) * g
    s["b"] = o.momentum * s["b"] + g / (np.sqrt(s["v"] - s["a"]**2 if o.centered else s["v"]) + o.epsilon)
    return p - o.learning_rate * s["b"]


def adagrad(o: Any, p: Array, g: Array, s: Kept, t: int) -> Array:
    """Duchi, Hazan and Singer 2011."""
    s["s"] = s["s"] + g**2
    return p - o.learning_rate * g / (np.sqrt(s["s"]) + o.epsilon)


def adadelta(o: Any, p: Array, g: Array, s: Kept, t: int) -> Array:
    """Zeiler 2012, algorithm 1."""
    s["v"] = o.rho * s["v"] + (1 - o.rho) * g**2
    d = np.sqrt(s["u"] + o.epsilon) / np.sqrt(s["v"] + o.epsilon) * g
    s["u"] = o.rho * s["u"] + (1 - o.rho) * d**2
    return p - o.learning_rate * d


def lion(o: Any, p: Array, g: Array, s: Kept, t: int) -> Array:
    """Chen et al. 2023, algorithm 2."""
    direction = np.sign(o.beta1 * s["m"] + (1 - o.beta1) * g)
    s["m"] = o.beta2 * s["m"] + (1 - o.beta2) * g
    return p - o.learning_rate * (direction + o.weight_decay * p)


@dataclass(frozen=True)
class OptimizerCase:
    """An optimizer with some arguments.

    Attributes:
        optimizer: the optimizer.
        op: what it updates four weights by.
        formula: one step.
        twin: the class in `torch.optim` and its options; or why there is none.
        refused: arguments that the class does not take, with the refusal behind its name.
    """

    optimizer: opt.Optimizer
    op: ops.Update
    formula: Formula
    twin: tuple[str, dict[str, Any]] | str
    refused: list[tuple[dict[str, Any], str]] = field(default_factory=list)


SHARE, POSITIVE, EPSILON = ("it must be a finite number ≥ 0 and < 1", "it must be a finite number > 0",
                            "it must be a finite number ≥ 1.17549e-38")
FLAG, COUNT = "it must be True or False", "it must be a finite number ≥ 0"

NOT_IN_TORCH = "torch.optim has no such optimizer"

OPTIMIZER_CASES: dict[str, OptimizerCase] = {
    "sgd": OptimizerCase(opt.SGD(0.1), ops.SgdUpdate(4), sgd, ("SGD", {"lr": 0.1}), [
        ({"learning_rate": -0.1}, f"learning_rate is -0.1, but {POSITIVE}"),
        ({"momentum": 1}, f"momentum is 1, but {SHARE}"),
        ({"nesterov": True}, "nesterov is True, but it needs a momentum greater than 0")]),
    "sgd with momentum": OptimizerCase(
        opt.SGD(0.1, momentum=0.5), ops.MomentumUpdate(4, momentum=0.5, nesterov=False), sgd,
        ("SGD", {"lr": 0.1, "momentum": 0.5})),
    "sgd that looks ahead": OptimizerCase(
        opt.SGD(0.1, 0.8, True), ops.MomentumUpdate(4, momentum=0.8, nesterov=True), sgd,
        ("SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True})),
    "momentum": OptimizerCase(
        opt.Momentum(0.05), ops.MomentumUpdate(4, momentum=0.9), sgd, ("SGD", {"lr": 0.05, "momentum": 0.9}), [
            ({"learning_rate": "fast"}, f"learning_rate is 'fast', but {POSITIVE}"),
            ({"momentum": -0.1}, f"momentum is -0.1, but {SHARE}"), ({"nesterov": 1}, f"nesterov is 1, but {FLAG}")]),
    "momentum of 0": OptimizerCase(opt.Momentum(0.1, 0), ops.SgdUpdate(4), sgd, ("SGD", {"lr": 0.1})),
    "momentum that looks ahead": OptimizerCase(
        opt.Momentum(0.05, momentum=0.8, nesterov=True), ops.MomentumUpdate(4, momentum=0.8, nesterov=True), sgd,
        ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True})),
    "nesterov": OptimizerCase(
        opt.Nesterov(0.05, 0.7), ops.MomentumUpdate(4, momentum=0.7, nesterov=True), sgd,
        ("SGD", {"lr": 0.05, "momentum": 0.7, "nesterov": True})),
    "sgdw": OptimizerCase(
        opt.SGDW(0.05, 0.8, weight_decay=0.3), ops.MomentumUpdate(4, momentum=0.8), sgdw, NOT_IN_TORCH,
        [({"decay_vectors": 0}, f"decay_vectors is 0, but {FLAG}")]),
    "sgdw without momentum": OptimizerCase(opt.SGDW(momentum=0), ops.SgdUpdate(4), sgdw, NOT_IN_TORCH),
    "adam": OptimizerCase(opt.Adam(0.01), ops.AdamUpdate(4), adam, ("Adam", {"lr": 0.01}), [
        ({"learning_rate": 0}, f"learning_rate is 0, but {POSITIVE}"), ({"beta1": 1.0}, f"beta1 is 1.0, but {SHARE}"),
        ({"learning_rate": float("nan")}, f"learning_rate is nan, but {POSITIVE}"),
        ({"beta2": -1}, f"beta2 is -1, but {SHARE}"), ({"epsilon": 0}, f"epsilon is 0, but {EPSILON}")]),
    "adam with its own constants": OptimizerCase(
        opt.Adam(0.02, beta1=0.7, beta2=0.95, epsilon=1e-3), ops.AdamUpdate(4, beta1=0.7, beta2=0.95, epsilon=1e-3),
        adam, ("Adam", {"lr": 0.02, "betas": (0.7, 0.95), "eps": 1e-3})),
    "amsgrad": OptimizerCase(
        opt.AMSGrad(0.05, beta2=0.5), ops.AdamUpdate(4, beta2=0.5, amsgrad=True), amsgrad,
        ("Adam", {"lr": 0.05, "betas": (0.9, 0.5), "amsgrad": True})),
    "adamw": OptimizerCase(opt.AdamW(0.01), ops.AdamUpdate(4), adamw, ("AdamW", {"lr": 0.01}), [
        ({"weight_decay": -0.1}, f"weight_decay is -0.1, but {COUNT}")]),
    "adamw with much decay": OptimizerCase(
        opt.AdamW(0.05, beta2=0.9, weight_decay=0.5), ops.AdamUpdate(4, beta2=0.9), adamw,
        ("AdamW", {"lr": 0.05, "betas": (0.9, 0.9), "weight_decay": 0.5})),
    "nadam": OptimizerCase(opt.NAdam(0.01), ops.NAdamUpdate(4), nadam, ("NAdam", {"lr": 0.01}), [
        ({"psi": -1}, f"psi is -1, but {COUNT}")]),
    "nadam with its own constants": OptimizerCase(
        opt.NAdam(0.02, 0.7, 0.95, 1e-3, 0.05), ops.NAdamUpdate(4, beta1=0.7, beta2=0.95, epsilon=1e-3, psi=0.05),
        nadam, ("NAdam", {"lr": 0.02, "betas": (0.7, 0.95), "eps": 1e-3, "momentum_decay": 0.05})),
    "rmsprop": OptimizerCase(opt.RMSProp(0.005), ops.RmsPropUpdate(4), rmsprop, ("RMSprop", {"lr": 0.005}), [
        ({"rho": 1}, f"rho is 1, but {SHARE}"), ({"momentum": 1.5}, f"momentum is 1.5, but {SHARE}"),
        ({"centered": "yes"}, f"centered is 'yes', but {FLAG}"), ({"epsilon": 0}, f"epsilon is 0, but {EPSILON}")]),
    "rmsprop with momentum": OptimizerCase(
        opt.RMSProp(0.005, rho=0.9, momentum=0.5), ops.RmsPropUpdate(4, rho=0.9, momentum=0.5), rmsprop,
        ("RMSprop", {"lr": 0.005, "alpha": 0.9, "momentum": 0.5})),
    "rmsprop centered": OptimizerCase(
        opt.RMSProp(0.005, rho=0.9, centered=True, epsilon=1e-3),
        ops.RmsPropUpdate(4, rho=0.9, centered=True, epsilon=1e-3), rmsprop,
        ("RMSprop", {"lr": 0.005, "alpha": 0.9, "centered": True, "eps": 1e-3})),
    "rmsprop centered with momentum": OptimizerCase(
        opt.RMSProp(0.005, 0.95, 0.8, True, 1e-3),
        ops.RmsPropUpdate(4, rho=0.95, epsilon=1e-3, momentum=0.8, centered=True), rmsprop,
        ("RMSprop", {"lr": 0.005, "alpha": 0.95, "momentum": 0.8, "centered": True, "eps": 1e-3})),
    "adagrad": OptimizerCase(opt.Adagrad(0.05), ops.AdagradUpdate(4), adagrad, ("Adagrad", {"lr": 0.05}), [
        ({"epsilon": -1}, f"epsilon is -1, but {EPSILON}")]),
    "adagrad with its own constants": OptimizerCase(
        opt.Adagrad(0.05, epsilon=0.1), ops.AdagradUpdate(4, epsilon=0.1), adagrad,
        ("Adagrad", {"lr": 0.05, "eps": 0.1})),
    "adadelta": OptimizerCase(opt.Adadelta(), ops.AdadeltaUpdate(4), adadelta, ("Adadelta", {"lr": 1.0}), [
        ({"rho": -0.1}, f"rho is -0.1, but {SHARE}"), ({"epsilon": 0}, f"epsilon is 0, but {EPSILON}")]),
    "adadelta with its own constants": OptimizerCase(
        opt.Adadelta(0.5, 0.7, 1e-3), ops.AdadeltaUpdate(4, rho=0.7, epsilon=1e-3), adadelta,
        ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3})),
    "lion": OptimizerCase(
        opt.Lion(0.02, 0.8, 0.95, weight_decay=0.1), ops.LionUpdate(4, beta1=0.8, beta2=0.95), lion, NOT_IN_TORCH,
        [({"beta1": 1}, f"beta1 is 1, but {SHARE}"), ({"beta2": 2}, f"beta2 is 2, but {SHARE}")]),
}
