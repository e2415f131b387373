"""What activations do at their ends and kinks, and the pieces in which they run."""

import numpy as np
import pytest
from kernel_runs import LAYOUTS, bind, bind_placed

from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.op import f64
from graphnet.compiler.ops import (
    Elu,
    EluGrad,
    Gelu,
    GeluGrad,
    HardSigmoid,
    HardSigmoidGrad,
    LeakyRelu,
    LeakyReluGrad,
    LogSoftmax,
    PRelu,
    PReluGrad,
    Relu,
    Silu,
    SiluGrad,
    Softplus,
    SoftplusGrad,
    Softsign,
    SoftsignGrad,
)

EXTREMES = np.array([-1e30, -750.0, -40.0, 0.0, 40.0, 750.0, 1e30])
LARGE = {Elu(): EXTREMES.clip(-1),
         Elu(1.5, 2.0): np.where(EXTREMES > 0, 2 * EXTREMES, 3 * np.expm1(EXTREMES.clip(-750, 0))),
         Gelu(): EXTREMES.clip(0), Gelu(True): EXTREMES.clip(0), Silu(): [0, 0, -40 * np.exp(-40), 0, 40, 750, 1e30],
         Softplus(): [0, np.exp(-750), np.exp(-40), np.log(2), 40, 750, 1e30], HardSigmoid(): [0, 0, 0, 0.5, 1, 1, 1],
         LeakyRelu(0.1): np.where(EXTREMES > 0, EXTREMES, 0.1 * EXTREMES)}
GRADIENTS = [EluGrad(), GeluGrad(), GeluGrad(True), HardSigmoidGrad(), LeakyReluGrad(), SiluGrad(), SoftplusGrad(),
             SoftsignGrad()]


@pytest.mark.parametrize(("op", "expected"), LARGE.items(), ids=str)
def test_nothing_overflows(op, expected):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        inputs = EXTREMES if op != Gelu(True) else EXTREMES.clip(-1e9, 1e9)
        (y,) = op.forward(inputs)
    wanted = np.asarray(expected) if op != Gelu(True) else inputs.clip(0)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("op", GRADIENTS, ids=str)
def test_gradients_are_finite_at_the_ends(op):
    kept = np.array([-1e4, -30.0, 0.0, 30.0, 1e4])
    (slope,) = op.forward(np.ones(5), abs(kept) if isinstance(op, SoftplusGrad) else kept)  # softplus is positive
    assert np.isfinite(slope).all()


@pytest.mark.parametrize(("op", "at_zero"), [
    (LeakyReluGrad(0.2), 0.2), (EluGrad(0.7), 0.7), (EluGrad(0.5, 3.0), 1.5), (HardSigmoidGrad(0.2), 0.0)], ids=str)
def test_gradient_at_the_kink(op, at_zero):
    (slope,) = op.forward(np.ones(1), np.zeros(1))
    assert slope == pytest.approx([at_zero])
    if isinstance(op, HardSigmoidGrad):
        assert op.forward(np.ones(3), np.array([0.0, 0.5, 1.0]))[0].tolist() == [0, 0.2, 0]


def test_log_softmax_is_finite_where_the_softmax_is_zero():
    (y,) = LogSoftmax(-1).forward(np.array([[0.0, 1000.0, -1000.0]]))
    np.testing.assert_array_equal(y, [[-1000, 0, -2000]])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("op", [Gelu(), Silu(), Elu(), Softplus(), Softsign(), HardSigmoid(), LeakyRelu()], ids=str)
def test_many_pieces_equal_one(op, layout):
    """More elements than a piece has, with a rest that does not fill one; also over the input itself."""
    x = np.random.default_rng(0).standard_normal((7, 5, 33, 31))
    run, (y,) = bind(op, (x,), layout)
    run()
    np.testing.assert_allclose(y, op.forward(x)[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("op", [Gelu(), GeluGrad(), Softplus(), LeakyReluGrad()], ids=str)
def test_operands_of_different_layouts(op):
    rng = np.random.default_rng(0)
    count = 1 if isinstance(op, Gelu | Softplus) else 2
    arrays = [rng.standard_normal((3, 4, 5)) for _ in range(count)]
    mixed = tuple(a if i else np.asfortranarray(a) for i, a in enumerate(arrays))
    run, (out,) = bind_placed(op, mixed, "rows")
    run()
    np.testing.assert_allclose(out, op.forward(*arrays)[0], rtol=0, atol=1e-15)


def test_prelu_with_slope_zero_is_relu():
    x = np.random.default_rng(0).standard_normal((3, 4))
    np.testing.assert_array_equal(PRelu(1).forward(x, np.zeros(4))[0], Relu().forward(x)[0])
    assert PReluGrad(1).forward(np.ones((1, 1)), np.zeros((1, 1)), np.array([0.3]))[0].tolist() == [[0.3]]


def test_prelu_refuses_slopes_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"a slope of shape \(3,\) does not fit axis 1 of \(2, 4, 5\): it must be "
                                         r"\(4,\), or \(1,\) to be shared"):
        PRelu(1).infer(f64(2, 4, 5), f64(3))


@pytest.mark.parametrize(("make", "text"), [
    (lambda: LeakyRelu(-0.1), "leaky_relu: slope is -0.1, but it must be a finite number ≥ 0"),
    (lambda: Elu(float("nan")), "elu: alpha is nan, but it must be a finite number ≥ 0"),
    (lambda: Elu(1.0, -1.0), "elu: scale is -1.0, but it must be a finite number ≥ 0"),
    (lambda: HardSigmoid(float("inf")), "hard_sigmoid: slope is inf, but it must be a finite number ≥ 0"),
])
def test_bad_attributes(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()
