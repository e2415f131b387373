"""Twenty steps of the optimizers that PyTorch does not have, against the formulas of their papers."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet.optimizers import SGDW, Lion, Optimizer

Array = np.ndarray[Any, Any]
Stepper = Callable[[Array], None]


def lion(p: Array) -> Stepper:
    """Chen et al. 2023, algorithm 2: β₁ = 0.8, β₂ = 0.95, λ = 0.1, η = 0.02."""
    m = np.zeros_like(p)

    def step(g: Array) -> None:
        nonlocal m
        c = 0.8 * m + (1 - 0.8) * g
        p[...] = p - 0.02 * (np.sign(c) + 0.1 * p)
        m = 0.95 * m + (1 - 0.95) * g
    return step


def sgdw(p: Array) -> Stepper:
    """Loshchilov and Hutter 2019, algorithm 1, the decay multiplied by the rate: α = 0.05, β₁ = 0.8, λ = 0.3."""
    m = np.zeros_like(p)

    def step(g: Array) -> None:
        nonlocal m
        m = 0.8 * m + 0.05 * g
        p[...] = p - m - 0.05 * 0.3 * p
    return step


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("optimizer", "formula"), [
    (Lion(0.02, 0.8, 0.95, weight_decay=0.1), lion), (SGDW(0.05, 0.8, weight_decay=0.3), sgdw)])
def test_twenty_steps(optimizer: Optimizer, formula: Callable[[Array], Stepper], dtype: str) -> None:
    x = gn.Input((4,), name="x", dtype=dtype)
    model = gn.Model(x, gn.layers.Dense(3, name="y")(x))
    net = gn.compile(model, loss="mse", optimizer=optimizer, dtype=dtype)
    w, b = (net.weights[name].astype(np.float64) for name in ("y/weight", "y/bias"))
    steps = formula(w), formula(b)
    for inputs, labels in batches():
        error = 2 * (inputs @ w + b - labels) / labels.size
        for step, gradient in zip(steps, (inputs.T @ error, error.sum(0)), strict=True):
            step(gradient)
        net.train_on_batch(inputs.astype(dtype), labels.astype(dtype))
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(net.weights["y/weight"], w, tolerance, tolerance)
    np.testing.assert_allclose(net.weights["y/bias"], b, tolerance, tolerance)


def batches() -> Iterator[tuple[Array, Array]]:
    rng = np.random.default_rng(0)
    for _ in range(20):
        yield rng.standard_normal((6, 4)), rng.standard_normal((6, 3))
