import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

L = gn.layers
X = np.array([[-2.0, 0.0, 1.0]], np.float64)


@pytest.mark.parametrize(("layer", "expected"), [
    (L.ReLU(), np.maximum(X, 0)), (L.Tanh(), np.tanh(X)), (L.Sigmoid(), 1 / (1 + np.exp(-X))),
    (L.Softmax(), np.exp(X) / np.exp(X).sum()), (L.LogSoftmax(), X - np.log(np.exp(X).sum())),
    (L.LeakyReLU(0.25), [[-0.5, 0, 1]]), (L.ELU(2.0), [[2 * np.expm1(-2), 0, 1]]),
    (L.HardSigmoid(), [[1 / 6, 0.5, 2 / 3]]),
    (L.SELU(), [[1.0507009873554805 * 1.6732632423543772 * np.expm1(-2), 0, 1.0507009873554805]]),
    (L.GELU(), [[-2 * 0.022750131948179195, 0, 0.8413447460685429]]), (L.SiLU(), X / (1 + np.exp(-X))),
    (L.GELU(approximate=True), [[-0.045402305912225635, 0, 0.8411919906082767]]),
    (L.Softplus(), np.log1p(np.exp(X))), (L.Softsign(), [[-2 / 3, 0, 0.5]]), (L.PReLU(), [[-0.5, 0, 1]]),
    (L.PReLU(slope_initializer="ones"), X),
])
def test_numbers(run, layer, expected) -> None:
    x = gn.Input((3,), dtype="float64")
    (y,) = run(gn.Model(x, layer(x)), {"input": X}).values()
    np.testing.assert_allclose(y, expected, rtol=1e-14, atol=1e-15)


NAMES = {"relu": L.ReLU, "sigmoid": L.Sigmoid, "tanh": L.Tanh, "softmax": L.Softmax, "log_softmax": L.LogSoftmax,
         "leaky_relu": L.LeakyReLU, "elu": L.ELU, "selu": L.SELU, "gelu": L.GELU, "silu": L.SiLU, "swish": L.SiLU,
         "softplus": L.Softplus, "softsign": L.Softsign, "hard_sigmoid": L.HardSigmoid}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_another_layer_is_the_layer_behind_it(run, name: str) -> None:
    x = gn.Input((3,), dtype="float64")
    behind = NAMES[name]()
    inside = run(gn.Model(x, L.Dense(4, activation=name)(x)), {"input": X})
    (outside,) = run(gn.Model(x, behind(L.Dense(4)(x))), {"input": X}).values()
    np.testing.assert_array_equal(inside["dense"], outside)


def test_the_axis_of_softmax() -> None:
    with pytest.raises(ArgumentError, match="Softmax: axis is 0, but it must be a whole number other than 0"):
        L.Softmax(axis=0)
    with pytest.raises(ShapeError, match=re.escape("axis -2 of (N, 3) is the batch, and samples never mix")):
        L.Softmax(axis=-2)(gn.Input((3,)))
    with pytest.raises(ShapeError, match=re.escape(
            "Softmax has axis 2, but its input has 2 dims (axes -2 … 1)")):
        L.Softmax(axis=2)(gn.Input((3,)))


@pytest.mark.parametrize(("make", "text"), [
    (lambda: L.LeakyReLU(-0.1), "LeakyReLU: slope is -0.1, but it must be a finite number ≥ 0"),
    (lambda: L.ELU(float("inf")), "ELU: alpha is inf, but it must be a finite number ≥ 0"),
    (lambda: L.HardSigmoid(0), "HardSigmoid: slope is 0, but it must be a finite number > 0"),
    (lambda: L.GELU(approximate="tanh"), "GELU: approximate is 'tanh', but it must be True or False"),
    (lambda: L.PReLU(shared=3), "PReLU: shared is 3, but it must be True or False"),
    (lambda: L.PReLU(slope_initializer=0.3), "PReLU: slope_initializer is 0.3, but it must be an Initializer or"),
    (lambda: L.Dense(3, activation=L.PReLU()), "Dense: activation is PReLU("),
])
def test_bad_arguments(make, text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(text)):
        make()


def test_slopes_of_prelu() -> None:
    x = gn.Input((3, 4, 5))
    model = gn.Model(x, {"each": L.PReLU(name="a")(x), "shared": L.PReLU(shared=True, name="b")(x),
                         "last": L.PReLU(axis=-1, name="c", trainable=False)(x)})
    found = {p.name: (model.graph.types[p.value].shape, p.trainable) for p in model.graph.parameters}
    assert found == {"a/slope": ((3,), True), "b/slope": ((1,), True), "c/slope": ((5,), False)}
    with pytest.raises(ShapeError, match=re.escape("(N, 3, 4) may be (N, channels, length) or (N, steps, features)")):
        L.PReLU()(gn.Input((3, 4)))


def test_gelu_and_its_approximation_differ_by_5e_4_at_most(run) -> None:
    x = gn.Input((4001,), dtype="float64")
    points = np.linspace(-10, 10, 4001)[None]
    values = run(gn.Model(x, {"exact": L.GELU()(x), "fast": L.GELU(approximate=True)(x)}), {"input": points})
    assert 4e-4 < np.abs(values["exact"] - values["fast"]).max() < 5e-4
