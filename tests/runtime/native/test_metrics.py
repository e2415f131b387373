"""Native kernels of statistics: exactly those of the reference, of real samples only, over one block after another."""

from __future__ import annotations

import numpy as np
import pytest

from graphnet.compiler.op import Op
from graphnet.compiler.ops import AddUp, CountCorrect, CountDecisions, CountPairs
from tests.runtime.native.harness import NARROW, WIDE, Array
from tests.runtime.native.lined import check

pytest.importorskip("llvmlite")

SPECIAL = np.array([0, -0.0, 1, 1, 0.5, -np.inf, np.inf, np.nan], np.float32)


def cases(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "int64") -> list[tuple[Op, tuple[Array, ...]]]:
    """Statistics of predictions with ties, infinities and NaN, and what they take."""
    p, rows = rng.choice(SPECIAL, shape), rng.choice(SPECIAL, shape)
    numbers = rng.integers(0, shape[-1], shape[:-1]).astype(dtype)
    return [(CountCorrect(), (p, numbers)), (CountCorrect(3), (p, rows)), (CountPairs(), (p, numbers)),
            (CountPairs(), (rows, p)), (CountDecisions(), (p, rows)), (CountDecisions(0.1), (p, p)),
            (AddUp(), (rng.normal(size=shape).astype(np.float32),))]


@pytest.mark.parametrize(("shape", "block", "last"), [((37, 10), None, False), ((35, 2, 20), 16, True)])
def test_against_the_reference(shape: tuple[int, ...], block: int | None, last: bool) -> None:
    for op, inputs in cases(np.random.default_rng(0), shape):
        check(op, inputs, last, block, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("shape", "block", "last"), [((37, 10), 16, False), ((35, 20), 16, False), ((3, 5), 1, True)])
def test_blocks(shape: tuple[int, ...], block: int, last: bool) -> None:
    for op, inputs in cases(np.random.default_rng(1), shape)[::2]:
        check(op, inputs, last, block, rtol=1e-12, atol=1e-12, machines=(NARROW,))


def test_cells_beyond_the_numbers_that_labels_may_be() -> None:
    p = np.eye(20, dtype=np.float32)
    check(CountPairs(), (p, np.arange(20, dtype=np.uint8)), False, rtol=0, atol=0, machines=(NARROW,))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_any_shape(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inner = [int(rng.choice([1, 2, 5])) for _ in range(rng.integers(0, 3))]
    shape = (int(rng.choice([1, 5, 16, 33])), *inner, int(rng.choice([1, 2, 10, 16, 33])))
    for op, inputs in cases(rng, shape, str(rng.choice(["int64", "int32", "uint8"]))):
        block = rng.choice([None, 1, 16, 32])
        check(op, inputs, bool(rng.integers(2)), block, rtol=1e-12, atol=1e-12, threads=(2, 3))


@pytest.mark.parametrize("last", [False, True])
def test_vectors(last: bool) -> None:
    x, t = np.random.default_rng(0).normal(size=(2, 37)).astype(np.float32)
    for block in (None, 16):
        check(AddUp(), (x,), last, block, rtol=1e-12, machines=(WIDE,))
        check(CountDecisions(), (x, t), last, block, machines=(WIDE,))
