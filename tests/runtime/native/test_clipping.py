"""Clipped gradients, constrained weights and penalties beside their references."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphnet.compiler import ops
from graphnet.compiler.ops.clipping import GLOBAL_NORM, NORM, VALUE
from graphnet.runtime.native.kernels import clipping as clipping
from tests.runtime.native.harness import MACHINES, NARROW, Array, Kernel, form

pytest.importorskip("llvmlite")

SHAPES = (3, 4), (5,), (0, 3), (1,), (70, 130), ()
EXTREMES = 0.0, 1e-30, 1e-42, 1.0, 1e19, 3e38


def clipping_kernel(op: Any, shapes: Any = SHAPES, machine: Any = NARROW) -> Kernel:
    """A kernel whose gradients lie in one flat buffer, as do its results."""
    forms = [form(shape, "float32", False) for shape in shapes]
    kernel = Kernel(op, forms, forms, machine)
    kernel.lay_flat()
    return kernel


def close(got: Array, want: Array) -> None:
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=3e-45)


@pytest.mark.parametrize("by", [VALUE, NORM, GLOBAL_NORM])
@pytest.mark.parametrize("limit", [1e-3, 30.0, 1e30])
def test_clipped_gradients_of_every_size(by: str, limit: float) -> None:
    kernel, rng = clipping_kernel(ops.ClipGradients(len(SHAPES), limit, by)), np.random.default_rng(0)
    for size in EXTREMES:
        given = [(rng.uniform(-1, 1, x.shape) * size).astype(np.float32) for x in kernel.x]
        for x, g in zip(kernel.x, given, strict=True):
            x[...] = g
        made = kernel.run(2)
        for got, want in zip(made, kernel.call.op.forward(*given), strict=True):
            close(got, want)


@pytest.mark.parametrize("by", [VALUE, NORM, GLOBAL_NORM])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_clipped_gradients_that_are_not_finite(by: str, odd: float) -> None:
    kernel = clipping_kernel(ops.ClipGradients(2, 0.5, by), ((20,), (3,)))
    given = [np.ones(20, np.float32), np.full(3, -2, np.float32)]
    given[0][7] = odd
    for x, g in zip(kernel.x, given, strict=True):
        x[...] = g
    with np.errstate(all="ignore"):
        expected = kernel.call.op.forward(*given)
    for got, want in zip(kernel.run(), expected, strict=True):
        close(got, want)


def test_no_gradients() -> None:
    clipping_kernel(ops.ClipGradients(0, 1.0, GLOBAL_NORM), ()).run()
    clipping_kernel(ops.ClipGradients(1, 1.0, NORM), ((0,),)).run()


NORMS = ops.UnitNorm((0,)), ops.UnitNorm((0, 1)), ops.UnitNorm((1,)), ops.MaxNorm((0,), 0.8), ops.MaxNorm((1,), 2.5)
SIZES = (5, 7), (1, 1), (33, 20), (16, 32), (3, 17, 5), (4, 2, 3, 3)


@pytest.mark.parametrize("op", NORMS, ids=str)
@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_constrained_weights_of_every_size(op: Any, shape: tuple[int, ...]) -> None:
    weight = form(shape, "float32", False)
    kernel, rng = Kernel(op, [weight], [weight], NARROW), np.random.default_rng(0)
    for size in EXTREMES:
        kernel.x[0][...] = rng.uniform(-1, 1, shape) * size
        (made,) = kernel.run(2)
        np.testing.assert_allclose(made, op.forward(kernel.x[0].astype(np.float64))[0], rtol=2e-6, atol=1e-44)


def test_a_weight_within_its_limit_stays_as_it_is() -> None:
    kernel = Kernel(ops.MaxNorm((0,), 10.0), [form((5, 6), "float32", False)], [form((5, 6), "float32", False)])
    kernel.x[0][...] = np.random.default_rng(0).normal(size=(5, 6))
    np.testing.assert_array_equal(kernel.run()[0], kernel.x[0])


def test_weights_of_zeros_and_nan() -> None:
    for op in (ops.UnitNorm((0,)), ops.MaxNorm((0,), 1.0), ops.NonNegative()):
        kernel = Kernel(op, [form((20, 3), "float32", False)], [form((20, 3), "float32", False)])
        kernel.x[0][...] = [0.0, -2.0, 3.0]
        kernel.x[0][4, 2] = np.nan
        np.testing.assert_array_equal(np.isnan(kernel.run()[0]), np.isnan(op.forward(kernel.x[0])[0]))
        np.testing.assert_allclose(kernel.y[0][:, :2], op.forward(kernel.x[0])[0][:, :2], rtol=1e-6)


@pytest.mark.parametrize("op", [ops.Penalty(0.3, 0.0), ops.Penalty(0.0, 0.7), ops.Penalty(0.3, 0.7)], ids=str)
@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (33, 7), (90, 100)], ids=str)
def test_penalties_on_weights_and_their_gradients(op: Any, shape: tuple[int, ...]) -> None:
    weight, scalar = form(shape, "float32", False), form((), "float32", False)
    kernel, grad = Kernel(op, [weight], [scalar]), ops.PenaltyGrad(op.l1, op.l2)
    kernel.x[0][...] = np.random.default_rng(0).normal(size=shape)
    close(kernel.run(2)[0], op.forward(kernel.x[0])[0])
    back = Kernel(grad, [scalar, weight], [weight])
    back.x[0][...], back.x[1][...] = 1.7, kernel.x[0]
    if kernel.x[0].size > 2:
        back.x[1].reshape(-1)[:2] = 0, np.nan
    close(back.run(2)[0], grad.forward(*[x.copy() for x in back.x])[0])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("blocked", [False, True])
def test_penalties_on_samples_in_blocks(last: bool, blocked: bool) -> None:
    op, rng, block = ops.Penalty(0.3, 0.7, True), np.random.default_rng(0), (32, 9) if blocked else (21, 9)
    sample, scalar = form(block, "float32", last), form((), "float32", False)
    kernel = Kernel(op, [sample], [scalar], NARROW, blocked)
    grad = ops.PenaltyGrad(0.3, 0.7, True)
    back = Kernel(grad, [scalar, sample], [sample], NARROW, blocked)
    assert op.separates(sample.type)
    assert grad.separates(scalar.type, sample.type)
    back.x[0][...] = -1.2
    whole = rng.normal(size=(32 + 21 if blocked else 21, 9)).astype(np.float32)
    parts = np.split(whole, [32]) if blocked else [whole]
    expected = grad.forward(np.float32(-1.2), whole)[0]
    for start, part in zip((0, 32), parts, strict=False):
        for bound in (kernel, back):
            bound.x[-1][...] = 99
            bound.x[-1][:len(part)] = part
            bound.run(2, len(part), start, len(whole))
        close(back.y[0][:len(part)], expected[start:start + len(part)])
        if last and blocked:
            assert not back.y[0][len(part):].any()
    close(kernel.y[0], op.forward(whole)[0])


def test_bits_do_not_depend_on_threads_or_machines() -> None:
    shapes, results = ((333, 77), (9,), (5000,)), []
    for machine in MACHINES:
        kernel = clipping_kernel(ops.ClipGradients(3, 0.5, GLOBAL_NORM), shapes, machine)
        weight, scalar = form((333, 77), "float32", False), form((), "float32", False)
        penalty = Kernel(ops.Penalty(0.1, 0.2), [weight], [scalar], machine)
        norm = Kernel(ops.UnitNorm((1,)), [weight], [weight], machine)
        for threads in (1, 2, 3):
            rng = np.random.default_rng(0)
            for x in (*kernel.x, *penalty.x, *norm.x):
                x[...] = rng.normal(size=x.shape)
            made = [*kernel.run(threads), *penalty.run(threads), *norm.run(threads)]
            results.append(b"".join(y.tobytes() for y in made))
    assert len(set(results)) == 1
