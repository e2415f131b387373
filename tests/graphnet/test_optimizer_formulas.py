"""Twenty steps of every optimizer against the formulas of its paper."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from optimizer_cases import OPTIMIZER_CASES, OptimizerCase

import graphnet as gn

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", OPTIMIZER_CASES.values(), ids=OPTIMIZER_CASES)
def test_twenty_steps(case: OptimizerCase, dtype: str) -> None:
    x = gn.Input((4,), name="x", dtype=dtype)
    model = gn.Model(x, gn.layers.Dense(3, name="y")(x))
    net = gn.compile(model, loss="mse", optimizer=case.optimizer, dtype=dtype)
    weights = {name: net.weights[name].astype(np.float64) for name in ("y/weight", "y/bias")}
    kept: dict[str, Any] = {name: defaultdict(float) for name in weights}
    for number, (inputs, labels) in enumerate(batches(), 1):
        error = 2 * (inputs @ weights["y/weight"] + weights["y/bias"] - labels) / labels.size
        for name, gradient in (("y/weight", inputs.T @ error), ("y/bias", error.sum(0))):
            weights[name] = case.formula(case.optimizer, weights[name], gradient, kept[name], number)
        net.train_on_batch(inputs.astype(dtype), labels.astype(dtype))
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for name, expected in weights.items():
        np.testing.assert_allclose(net.weights[name], expected, tolerance, tolerance)


def batches() -> Iterator[tuple[Array, Array]]:
    rng = np.random.default_rng(0)
    for _ in range(20):
        yield rng.standard_normal((6, 4)), rng.standard_normal((6, 3))
