"""A loss of probabilities knows what their logits knew, with and without optimisation."""

from __future__ import annotations

import numpy as np
import pytest

import graphnet as gn
from graphnet.losses import BinaryCrossEntropy, CrossEntropy, KLDivergence, Loss

L = gn.layers
SATURATED = np.array([[-20.0, 700.0, -2000.0], [1.0, 30.0, -0.5]])
CLASSES = np.array([0, 2])
ROWS = np.eye(3)[CLASSES]


def network(layers: list[L.Layer], loss: Loss | str, optimize: bool, dtype: str = "float32",
            shape: tuple[int, ...] = (3,)) -> gn.Network:
    """What comes in is what the layers are given."""
    x = gn.Input(shape, name="x")
    h = x
    for layer in layers:
        h = layer(h)
    return gn.compile(gn.Model(x, h), loss=loss, dtype=dtype, optimize=optimize)


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize(("z", "label", "slope"), [(-20.0, 1.0, -1.0), (20.0, 0.0, 1.0)])
def test_a_sigmoid_that_is_sure_and_wrong(z: float, label: float, slope: float, optimize: bool) -> None:
    net = network([L.Sigmoid()], "binary_cross_entropy", optimize, shape=(1,))
    loss, gradients = net.loss_and_gradients(np.full((1, 1), z, np.float32), np.full((1, 1), label), inputs=True)
    assert loss == 20
    assert gradients["x"].item() == pytest.approx(slope, rel=1e-6)
    assert net.evaluate(np.full((1, 1), z, np.float32), np.full((1, 1), label))["loss"] == 20


CASES: dict[str, tuple[list[L.Layer], Loss, np.ndarray]] = {
    "binary": ([L.Sigmoid()], BinaryCrossEntropy(class_weights=(0.5, 2), label_smoothing=0.1), ROWS),
    "classes": ([L.Softmax()], CrossEntropy(0.1, (1, 2, 0.5)), CLASSES),
    "rows": ([L.Softmax()], CrossEntropy(), ROWS),
    "divergence": ([L.Softmax()], KLDivergence(), ROWS),
    "flattened": ([L.Softmax(), L.Flatten()], CrossEntropy(), CLASSES),
    "activation": ([L.Dense(3, use_bias=False, kernel_initializer="identity", activation="softmax")], CrossEntropy(),
                   CLASSES),
    "moved": ([L.Sigmoid(), L.Reshape((3, 1)), L.Permute((2, 1)), L.Reshape((3,))], BinaryCrossEntropy(), ROWS),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("layers", "loss", "y"), CASES.values(), ids=CASES)
def test_a_meaning_does_not_depend_on_optimisation(layers: list[L.Layer], loss: Loss, y: np.ndarray,
                                                   dtype: str) -> None:
    x = SATURATED.astype(dtype)
    (fast, fast_slopes), (plain, plain_slopes) = (
        network(layers, loss, optimize, dtype).loss_and_gradients(x, y, inputs=True) for optimize in (True, False))
    assert fast == pytest.approx(plain, rel=1e-6)
    assert fast > 90  # what a cut-off logarithm would not reach in float32 ...
    np.testing.assert_allclose(fast_slopes["x"], plain_slopes["x"], rtol=1e-6, atol=1e-12)
    assert abs(fast_slopes["x"]).max() > 0.1  # ... and would have no gradient for


@pytest.mark.parametrize("layers", [[L.Softmax(1), L.Permute((2, 1))], [L.Softmax(1)]], ids=["moved", "another axis"])
def test_a_softmax_over_another_axis_makes_no_rows(layers: list[L.Layer]) -> None:
    nets = [network(layers, "cross_entropy", optimize, "float64", (3, 3)) for optimize in (True, False)]
    x, y = np.random.default_rng(0).normal(0, 1, (2, 3, 3)), np.array([[0, 1, 2], [2, 0, 1]])
    p = nets[0].predict(x)
    expected = -np.log(np.take_along_axis(p, y[..., None], -1)).mean()
    assert [net.evaluate(x, y)["loss"] for net in nets] == pytest.approx([expected, expected], rel=1e-13)
    assert "cross_entropy" in [node.op.name for node in nets[1].stages("evaluate")[-1].after.nodes]


def test_perplexity_of_probabilities_is_as_stable() -> None:
    x = gn.Input((2,), name="x")
    model = gn.Model(x, L.Softmax()(x))
    nets = [gn.compile(model, loss="cross_entropy", metrics=["perplexity"], optimize=optimize)
            for optimize in (True, False)]
    z = np.array([[0.0, 200.0]], np.float32)  # the probability of class 0 is 1e-87, which float32 has not
    assert [net.evaluate(z, np.array([0]))["perplexity"] for net in nets] == pytest.approx([np.exp(200.0)] * 2)
