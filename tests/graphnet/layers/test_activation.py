import re

import numpy as np
import pytest
from activation_cases import ACTIVATION_CASES

import graphnet as gn
from graphnet import ArgumentError, ShapeError

L = gn.layers
X = np.array([[-2.0, 0.0, 1.0]], np.float64)


CASES = pytest.mark.parametrize("case", ACTIVATION_CASES.values(), ids=ACTIVATION_CASES)


@CASES
def test_numbers(run, case) -> None:
    x = gn.Input((3,), dtype="float64")
    (y,) = run(gn.Model(x, case.make()(x)), {"input": X}).values()
    np.testing.assert_allclose(y, case.formula(X), rtol=1e-14, atol=1e-15)


@CASES
def test_compiled_values_and_gradients_follow_the_formula(case) -> None:
    x = gn.Input((5,), dtype="float64")
    net = gn.compile(gn.Model(x, case.make()(x)), loss="mse", dtype="float64")
    points = np.random.default_rng(0).normal(0, 3, (6, 5))
    np.testing.assert_allclose(net.predict(points), case.formula(points), rtol=1e-12, atol=1e-14)
    _, gradients = net.loss_and_gradients(points, np.zeros_like(points), inputs=True)
    steps = 1e-6 * np.eye(points.size).reshape(-1, *points.shape)
    expected = [((case.formula(points + h)**2).mean() - (case.formula(points - h)**2).mean()) / 2e-6 for h in steps]
    np.testing.assert_allclose(gradients["input"], np.reshape(expected, points.shape), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("options", "expected"), [({}, [[-0.5, 0, 1]]), ({"slope_initializer": "ones"}, X)])
def test_prelu_begins_with_its_slope(run, options, expected) -> None:
    x = gn.Input((3,), dtype="float64")
    (y,) = run(gn.Model(x, L.PReLU(**options)(x)), {"input": X}).values()
    np.testing.assert_allclose(y, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(("name", "case"), [(name, case) for case in ACTIVATION_CASES.values() for name in case.names])
def test_a_name_in_another_layer_is_the_layer_behind_it(run, name: str, case) -> None:
    x = gn.Input((3,), dtype="float64")
    inside = run(gn.Model(x, L.Dense(4, activation=name)(x)), {"input": X})
    (outside,) = run(gn.Model(x, case.make()(L.Dense(4)(x))), {"input": X}).values()
    np.testing.assert_array_equal(inside["dense"], outside)


def test_mish_is_one_pass_over_its_input() -> None:
    x = gn.Input((3,))
    net = gn.compile(gn.Model(x, L.Mish()(x)))
    (node,) = [i.op for i in net.program("predict", 2).instructions]
    assert [step.op.name for step in node.body.nodes] == ["softplus", "tanh", "multiply"]


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
