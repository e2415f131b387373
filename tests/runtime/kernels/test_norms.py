"""Whatever takes a root of squares, in the reference and the kernel, at sizes whose squares the dtype does not have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kernel_runs import bind

import graphnet as gn
from graphnet.compiler.op import Op
from graphnet.compiler.ops import ClipGradients, CosineDistance, CosineDistanceGrad, MaxNorm, UnitLength, UnitLengthGrad
from graphnet.compiler.ops import UnitNorm as UnitNormOp

Array = np.ndarray[Any, Any]
L = gn.layers
SIZES = {"float32": (1e25, 3e38, 1e-25), "float64": (1e200, 1.7e308, 1e-200)}
CASES = [(dtype, size) for dtype, sizes in SIZES.items() for size in sizes]


def vectors(dtype: str) -> Array:
    return np.random.default_rng(0).uniform(-1, 1, (6, 5)).astype(dtype)


def results(op: Op, *arrays: Array) -> tuple[Array, Array]:
    """What the reference makes, and the kernel."""
    return op.forward(*arrays)[0], run_kernel(op, *arrays)[0]


def run_kernel(op: Op, *arrays: Array) -> tuple[Array, ...]:
    run, outputs = bind(op, arrays, "rows")
    run()
    return outputs


def unit(x: Array) -> Array:
    return x / np.sqrt((x.astype(np.longdouble)**2).sum(-1, keepdims=True))


@pytest.mark.parametrize(("dtype", "size"), CASES)
@pytest.mark.parametrize("op", [UnitNormOp((1,)), MaxNorm((1,), 1.0), UnitLength(-1)], ids=lambda op: op.name)
def test_lengths(op: Op, dtype: str, size: float) -> None:
    w = vectors(dtype) * w_type(dtype, size)
    expected = unit(w)
    if size < 1:  # shorter than what counts as a length at all
        expected = w if isinstance(op, MaxNorm) else w / w_type(dtype, getattr(op, "epsilon", 1e-7))
    for found in results(op, w):
        np.testing.assert_allclose(found, expected, rtol=8 * np.finfo(dtype).eps, atol=0)


def w_type(dtype: str, value: float) -> Any:
    return np.dtype(dtype).type(value)


@pytest.mark.parametrize(("dtype", "size"), [(dtype, sizes[2]) for dtype, sizes in SIZES.items()])
def test_short_vectors_with_an_epsilon_that_is_shorter(dtype: str, size: float) -> None:
    for found in results(UnitLength(-1, float(size) ** 1.2), vectors(dtype) * w_type(dtype, size)):
        np.testing.assert_allclose(found, unit(vectors(dtype)), rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", SIZES)
def test_vectors_of_all_sizes_side_by_side_have_the_bits_of_each_alone(dtype: str) -> None:
    x = vectors(dtype) * np.array([1, SIZES[dtype][0], 0, 1e-3, 7, SIZES[dtype][2]], dtype)[:, None]
    alone = np.concatenate([UnitLength(-1).forward(row)[0] for row in np.split(x, 6)])
    for found in results(UnitLength(-1), x):
        np.testing.assert_array_equal(found, alone)


@pytest.mark.parametrize(("dtype", "size"), [case for case in CASES if case[1] > 1])
def test_gradients_of_lengths_and_angles(dtype: str, size: float) -> None:
    """They are those of vectors of ordinary size, divided by the size."""
    p, t = vectors(dtype), vectors(dtype)[::-1].copy()
    shift = w_type(dtype, 2.0 ** np.floor(np.log2(size)))
    g = np.ones(6, dtype)
    for op, ordinary, large in ((UnitLengthGrad(-1), (t, p), (t, p * shift)),
                                (CosineDistanceGrad(), (g, p, t), (g, p * shift, t * shift))):
        expected = op.forward(*ordinary)[0] / shift
        for found in results(op, *large):
            np.testing.assert_array_equal(found, expected)
    for found in results(CosineDistance(), p * shift, t * shift):
        np.testing.assert_array_equal(found, CosineDistance().forward(p, t)[0])


@pytest.mark.parametrize(("dtype", "size"), CASES)
@pytest.mark.parametrize("limit", [1.0, 1e-3, 1e30])
@pytest.mark.parametrize("by", ["norm", "global_norm"])
def test_clipped_gradients(by: str, limit: float, dtype: str, size: float) -> None:
    gradients = [vectors(dtype) * w_type(dtype, size), vectors(dtype)[0] * w_type(dtype, size)]
    wide = [g.astype(np.longdouble) for g in gradients]
    norms = [np.sqrt((g**2).sum()) for g in wide]
    norms = norms if by == "norm" else [np.sqrt(sum(norm**2 for norm in norms))] * 2
    op = ClipGradients(2, limit, by)
    for found in (op.forward(*gradients), run_kernel(op, *gradients)):
        for got, g, norm in zip(found, wide, norms, strict=True):
            np.testing.assert_allclose(got, g * min(1, limit / (norm + np.longdouble(1e-6))),
                                       rtol=8 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("by", ["norm", "global_norm"])
@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_what_is_not_finite_stays_to_be_seen(bad: float, by: str) -> None:
    g = np.array([1.0, bad, 2.0], np.float32)
    with np.errstate(all="ignore"):
        for (found,) in (ClipGradients(1, 1.0, by).forward(g), run_kernel(ClipGradients(1, 1.0, by), g)):
            assert not np.isfinite(found).all()


def test_a_step_whose_gradient_is_1e25_has_length_one() -> None:
    x = gn.Input((3,), name="x")
    model = gn.Model(x, L.Dense(1, use_bias=False, kernel_initializer="zeros", name="d")(x))
    for clip in ({"clip_norm": 1.0}, {"global_clip_norm": 1.0}):
        net = gn.compile(model, loss="mae", optimizer=gn.optimizers.SGD(1.0, **clip))
        net.train_on_batch(np.array([[3e25, 0, 4e25]], np.float32), np.array([[1.0]]))
        np.testing.assert_allclose(net.weights["d/weight"][:, 0], [0.6, 0, 0.8], rtol=1e-6)


@pytest.mark.parametrize("optimize", [True, False])
def test_a_weight_of_1e25_is_put_back_to_norm_one(optimize: bool) -> None:
    x = gn.Input((2,), name="x")
    model = gn.Model(x, L.Dense(1, use_bias=False, kernel_constraint="unit_norm", name="d")(x))
    net = gn.compile(model, loss="mae", optimizer=gn.optimizers.SGD(1e25), optimize=optimize)
    net.train_on_batch(np.array([[3.0, 4.0]]), np.array([[1e30]]))
    np.testing.assert_allclose(net.weights["d/weight"][:, 0], [0.6, 0.8], rtol=1e-6)
