"""Every activation with its formula in plain NumPy and its twin in PyTorch.

A new one needs its class in `graphnet/layers/activation.py` and a case here; the formula is checked by
`tests/graphnet/layers/test_activation.py`, the twin by `tests/parity/test_activations.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import erf, pi
from typing import Any

import numpy as np
from lazy_torch import functional as f

from graphnet import layers as L
from graphnet.layers.activation import ActivationLayer

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ActivationCase:
    """An activation with some arguments.

    Attributes:
        make: makes the layer.
        formula: y of x, an array of rows.
        twin: the same of a torch tensor.
        names: the strings that stand for the layer with these arguments.
        spreads: standard deviations of the inputs that the twin is compared for.
        joins: whether the elements of a row depend on one another.
    """

    make: Callable[[], ActivationLayer]
    formula: Callable[[Array], Array]
    twin: Callable[[Any], Any]
    names: tuple[str, ...] = ()
    spreads: tuple[float, ...] = (0.5, 1.0, 3.0)
    joins: bool = False


def _softmax(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(x))


_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, eq. 14

ACTIVATION_CASES: dict[str, ActivationCase] = {
    "relu": ActivationCase(L.ReLU, lambda x: np.maximum(x, 0), lambda x: f().relu(x), ("relu",)),
    "sigmoid": ActivationCase(L.Sigmoid, lambda x: 1 / (1 + np.exp(-x)), lambda x: f().sigmoid(x), ("sigmoid",)),
    "tanh": ActivationCase(L.Tanh, np.tanh, lambda x: f().tanh(x), ("tanh",)),
    # Within torch's threshold: from 20 on its softplus is x.
    "softplus": ActivationCase(L.Softplus, lambda x: np.log1p(np.exp(x)), lambda x: f().softplus(x), ("softplus",)),
    "softsign": ActivationCase(L.Softsign, lambda x: x / (1 + abs(x)), lambda x: f().softsign(x), ("softsign",)),
    "silu": ActivationCase(L.SiLU, lambda x: x / (1 + np.exp(-x)), lambda x: f().silu(x), ("silu", "swish")),
    "mish": ActivationCase(L.Mish, lambda x: x * np.tanh(np.log1p(np.exp(x))), lambda x: f().mish(x), ("mish",)),
    "selu": ActivationCase(L.SELU, lambda x: _SCALE * _elu(x, _ALPHA), lambda x: f().selu(x), ("selu",)),
    "elu": ActivationCase(L.ELU, lambda x: _elu(x, 1), lambda x: f().elu(x), ("elu",)),
    "elu 0.4": ActivationCase(lambda: L.ELU(0.4), lambda x: _elu(x, 0.4), lambda x: f().elu(x, 0.4)),
    "elu 2": ActivationCase(lambda: L.ELU(2.0), lambda x: _elu(x, 2), lambda x: f().elu(x, 2.0)),
    "leaky relu": ActivationCase(L.LeakyReLU, lambda x: np.where(x > 0, x, 0.01 * x), lambda x: f().leaky_relu(x),
                                 ("leaky_relu",)),
    "leaky relu 0.25": ActivationCase(lambda: L.LeakyReLU(0.25), lambda x: np.where(x > 0, x, x / 4),
                                      lambda x: f().leaky_relu(x, 0.25)),
    "leaky relu 0.3": ActivationCase(lambda: L.LeakyReLU(0.3), lambda x: np.where(x > 0, x, 0.3 * x),
                                     lambda x: f().leaky_relu(x, 0.3)),
    # By its definition: torch's own backward has the slope 1/6 in float32, whatever the dtype.
    "hard sigmoid": ActivationCase(L.HardSigmoid, lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda x: f().relu6(x + 3) / 6,
                                   ("hard_sigmoid",), (1.0, 4.0)),
    "hard sigmoid 0.2": ActivationCase(lambda: L.HardSigmoid(0.2), lambda x: np.clip(0.2 * x + 0.5, 0, 1),
                                       lambda x: f().relu6(1.2 * x + 3) / 6, (), (1.0, 4.0)),
    "gelu": ActivationCase(L.GELU, lambda x: x / 2 * (1 + np.vectorize(erf)(x / np.sqrt(2))), lambda x: f().gelu(x),
                           ("gelu",)),
    "gelu tanh": ActivationCase(
        lambda: L.GELU(approximate=True),
        lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / pi) * (x + 0.044715 * x**3))),
        lambda x: f().gelu(x, approximate="tanh")),
    "softmax": ActivationCase(L.Softmax, _softmax, lambda x: f().softmax(x, -1), ("softmax",), (0.5, 5.0), joins=True),
    "log softmax": ActivationCase(L.LogSoftmax, lambda x: np.log(_softmax(x)), lambda x: f().log_softmax(x, -1),
                                  ("log_softmax",), (0.5, 5.0), joins=True),
}
