"""Upsampling and sums over blocks against their ops."""

from __future__ import annotations

import numpy as np
import pytest

from graphnet.compiler import ops
from graphnet.runtime.native.kernels import pooling as pooling
from tests.runtime.native.harness import MACHINES
from tests.runtime.native.trial import Trial

pytest.importorskip("llvmlite")

CASES = [((18, 2, 3, 5), (2, 3)), ((50, 3, 7), (3,)), ((2, 0, 3, 3), (2, 2)), *(
    pytest.param(*case, marks=pytest.mark.slow) for case in (
        ((3, 2, 4, 18), (2, 2)), ((1, 2, 4, 35), (1, 3)), ((1, 2, 20), (20,)), ((5, 6), (2,)), ((1, 1, 1, 1), (1, 1)),
        ((33, 2, 2, 2, 2), (2, 1))))]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("shape", "factors"), CASES)
def test_they_are_the_ops(shape: tuple[int, ...], factors: tuple[int, ...], last: bool) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    if x.size:
        x.flat[0], x.flat[-1] = -0.0, np.nan
    up = ops.Upsample(factors)
    (y,) = up.forward(x)
    trial = Trial(lambda n: up, [x])
    (made,) = trial.run(last)
    np.testing.assert_array_equal(made, y)
    np.testing.assert_array_equal(np.signbit(made), np.signbit(y))
    g = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
    trial = Trial(lambda n: ops.SumBlocks(factors), [g], gradients=(0,))
    (wanted,) = trial.run(last)
    np.testing.assert_allclose(wanted, trial.expected()[0], rtol=1e-5, atol=1e-5)
    for machine in MACHINES:
        np.testing.assert_array_equal(trial.run(last, machine, 3)[0], wanted)


def test_blocks_of_samples() -> None:
    x = np.random.default_rng(0).standard_normal((37, 2, 3, 4)).astype(np.float32)
    trial = Trial(lambda n: ops.Upsample((2, 2)), [x])
    for last in (False, True):
        np.testing.assert_array_equal(trial.run(last, threads=2, block=16)[0], trial.expected()[0])
