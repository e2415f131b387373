"""Every layer against its formula in plain NumPy: results, and gradients along a random direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from layer_formulas import LAYER_CASES, LayerCase

import graphnet as gn

Arrays = dict[str, np.ndarray[Any, Any]]
STEADY = {name: case for name, case in LAYER_CASES.items() if case.steady}


def compiled(case: LayerCase) -> tuple[gn.Network, Arrays]:
    """A network of the layer alone, with random weights, and inputs for it."""
    rng = np.random.default_rng(0)
    kind = "int64" if case.words else "float64"
    inputs = [gn.Input(shape, name=f"x{i}", dtype=kind) for i, shape in enumerate(case.shapes)]
    net = gn.compile(gn.Model(inputs, case.make()(*inputs)), loss="mse", dtype="float64")
    net.set_weights({name: rng.uniform(-1, 1, w.shape) for name, w in net.weights.items()})
    return net, {f"x{i}": rng.integers(0, case.words, (3, *shape)) if case.words else rng.normal(0, 1, (3, *shape))
                 for i, shape in enumerate(case.shapes)}


def by_formula(case: LayerCase, feeds: Arrays, weights: Arrays) -> np.ndarray[Any, Any]:
    return case.formula(*feeds.values(), {name.rpartition("/")[2]: w for name, w in weights.items()})


@pytest.mark.parametrize("case", LAYER_CASES.values(), ids=LAYER_CASES)
def test_results(case: LayerCase) -> None:
    net, feeds = compiled(case)
    expected = by_formula(case, feeds, dict(net.weights))
    np.testing.assert_allclose(net.predict(feeds), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", STEADY.values(), ids=STEADY)
def test_gradients(case: LayerCase) -> None:
    net, feeds = compiled(case)
    rng = np.random.default_rng(1)
    target = rng.normal(0, 1, by_formula(case, feeds, dict(net.weights)).shape)
    _, gradients = net.loss_and_gradients(feeds, target, inputs=not case.words)
    given = {**({} if case.words else feeds), **net.weights}
    assert gradients.keys() == given.keys()
    direction = {name: rng.normal(0, 1, a.shape) for name, a in given.items()}

    def loss(step: float) -> float:
        moved = {**feeds, **net.weights} | {name: a + step * direction[name] for name, a in given.items()}
        made = by_formula(case, {name: moved[name] for name in feeds}, {name: moved[name] for name in net.weights})
        return float(((made - target)**2).mean())
    slope = sum((gradients[name] * direction[name]).sum() for name in given)
    assert slope == pytest.approx((loss(1e-6) - loss(-1e-6)) / 2e-6, rel=1e-6)
