"""Native kernels of losses and of the labels that they take: against the reference, in both layouts and in blocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphnet.compiler.op import Op
from graphnet.compiler.ops import (
    CosineDistance,
    CosineDistanceGrad,
    CrossEntropy,
    CrossEntropyGrad,
    LabelRows,
    NegativeEntropy,
    SoftmaxCrossEntropy,
    SoftmaxCrossEntropyGrad,
)
from graphnet.runtime.native.emit.call import Unsupported
from tests.runtime.native.harness import MACHINES, NARROW, Array
from tests.runtime.native.lined import Trial, check, expected

pytest.importorskip("llvmlite")

Case = tuple[Op, tuple[Array, ...], tuple[int, ...]]
"""An op, what it takes, and which of that are gradients."""


def normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.normal(size=shape).astype(np.float32)


def labels_of(rng: np.random.Generator, dtype: str, *shape: int) -> Array:
    """Class numbers, or rows whose sums are not 1."""
    if dtype == "float32":
        return rng.uniform(size=shape).astype(dtype)
    return rng.integers(0, shape[-1], shape[:-1]).astype(dtype)


def softmax_loss(rng: np.random.Generator, dtype: str, *shape: int) -> list[Case]:
    z, labels, g = 3 * normal(rng, *shape), labels_of(rng, dtype, *shape), normal(rng, *shape[:-1])
    kept = expected(SoftmaxCrossEntropy(), (z, labels))[1]
    return [(SoftmaxCrossEntropy(), (z, labels), ()), (SoftmaxCrossEntropyGrad(), (g, kept, labels), (0,))]


def loss(rng: np.random.Generator, dtype: str, *shape: int) -> list[Case]:
    p, labels, g = rng.uniform(size=shape).astype(np.float32), labels_of(rng, dtype, *shape), normal(rng, *shape[:-1])
    return [(CrossEntropy(), (p, labels), ()), (CrossEntropyGrad(), (g, p, labels), (0,))]


def label_rows(rng: np.random.Generator, dtype: str, *shape: int) -> list[Case]:
    labels, weights = labels_of(rng, dtype, *shape), tuple(float(w) for w in rng.uniform(size=shape[-1]))
    return [(LabelRows(shape[-1], 0.1, weights, "float32"), (labels,), ()),
            (LabelRows(shape[-1], 0.3, (), "float32"), (labels,), ())]


def others(rng: np.random.Generator, dtype: str, *shape: int) -> list[Case]:
    p, t, g = normal(rng, *shape), normal(rng, *shape), normal(rng, *shape[:-1])
    return [(NegativeEntropy(), (abs(p),), ()), (CosineDistance(), (p, t), ()), (CosineDistanceGrad(), (g, p, t), (0,))]


FAMILIES = (softmax_loss, loss, label_rows, others)


@pytest.mark.parametrize(("shape", "block", "last"), [((50, 2, 19), None, False), ((37, 10), 16, True)])
@pytest.mark.parametrize("dtype", ["int64", "float32"])
@pytest.mark.parametrize("family", FAMILIES)
def test_against_the_reference(family: Callable[..., list[Case]], dtype: str, shape: tuple[int, ...], block: int | None,
                               last: bool) -> None:
    for op, inputs, gradients in family(np.random.default_rng(0), dtype, *shape):
        check(op, inputs, last, block, gradients=gradients, machines=MACHINES[:1 + (dtype == "int64")])


@pytest.mark.parametrize("family", FAMILIES[:2])
def test_short_rows_in_blocks(family: Callable[..., list[Case]]) -> None:
    for op, inputs, gradients in family(np.random.default_rng(0), "int64", 37, 4):
        check(op, inputs, False, 16, gradients=gradients, machines=(NARROW,))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_any_shape(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inner = [int(rng.choice([1, 2, 5])) for _ in range(rng.integers(0, 3))]
    shape = (int(rng.choice([1, 5, 16, 33])), *inner, int(rng.choice([1, 2, 10, 16, 33])))
    block, dtype = rng.choice([None, 1, 16, 32]), str(rng.choice(["int64", "int32", "uint8", "float32"]))
    for family in FAMILIES:
        for op, inputs, gradients in family(rng, dtype, *shape):
            check(op, inputs, bool(rng.integers(2)), block, gradients=gradients, threads=(2, 3))


def test_special_values() -> None:
    inf, nan = np.inf, np.nan
    p = np.array([[nan, 1, 2], [1, nan, 2], [inf, 1, 2], [1, 2, -inf], [1, inf, -1], [0, 1e-45, -0.0], [1e-38, 1, 2],
                  [-1, 0, 1], [1e30, 1e-30, 1], [1e-20, 0, 0], [3e38, 3e38, 3e38], [0, 0, 0], [1e-45, 1e-45, 0],
                  [1e-10, 1e-9, 1e-10]], np.float32)
    numbers, rows = np.arange(len(p)) % 3, np.tile(np.array([0.5, 0, 0.25], np.float32), (len(p), 1))
    g, t = np.ones(len(p), np.float32), p[::-1].copy()
    for op, *inputs in ((CrossEntropy(), p, numbers), (CrossEntropy(), p, rows), (NegativeEntropy(), p),
                        (CrossEntropyGrad(), g, p, numbers), (CrossEntropyGrad(), g, p, rows), (CosineDistance(), p, t),
                        (CosineDistance(), p, p), (CosineDistanceGrad(), g, p, t), (CosineDistanceGrad(), g, p, rows),
                        (SoftmaxCrossEntropy(), p[p.min(1) > -inf], rows[p.min(1) > -inf])):
        check(op, inputs, True, machines=(NARROW,))


def test_a_logit_of_minus_infinity_that_is_not_chosen() -> None:
    """As with the kernel of NumPy: the reference multiplies it by 0, which is NaN."""
    z = np.array([[0, -np.inf, 0]], np.float32)
    losses, softmax = Trial(SoftmaxCrossEntropy(), (z, np.array([2])), False).run()
    np.testing.assert_allclose(losses, np.log([2]), 1e-6)
    np.testing.assert_array_equal(softmax, [[0.5, 0, 0.5]])


def test_vectors_without_features() -> None:
    nothing = np.zeros((5, 0), np.float32)
    for op, inputs in ((CosineDistance(), (nothing, nothing)), (NegativeEntropy(), (nothing,))):
        with pytest.raises(Unsupported, match="no elements"):
            Trial(op, inputs, False)


def test_over_what_it_reads() -> None:
    """The softmax may lie where the logits do."""
    z = normal(np.random.default_rng(0), 20, 10)
    for last in (False, True):
        trial = Trial(SoftmaxCrossEntropy(), (z, np.zeros(20, np.int64)), last)
        trial.kernel.memory[3] = trial.kernel.memory[0]
        wanted = expected(SoftmaxCrossEntropy(), (z, np.zeros(20, np.int64)))
        losses = trial.run()[0]
        np.testing.assert_allclose(losses, wanted[0], 1e-5, 1e-6)
        np.testing.assert_allclose(trial.kernel.x[0], wanted[1], 1e-5, 1e-6)


def test_float64_runs_on_numpy() -> None:
    with pytest.raises(Unsupported, match="float64"):
        Trial(SoftmaxCrossEntropy(), (np.zeros((2, 3)), np.zeros(2, np.int64)), False)
