"""Native kernels of embeddings: exact look-ups, and sums of gradients by row that no number of threads changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from graphnet.compiler.ops import Embedding, EmbeddingGrad
from graphnet.runtime.llvm.machine import Machine
from tests.runtime.native.harness import MACHINES, NARROW
from tests.runtime.native.lined import check

pytest.importorskip("llvmlite")

SHAPES = [((37,), 5, 20, 16), ((50, 3), 7, 33, None), ((1, 9), 3, 40, 1)]
"""Numbers, rows, features, block."""


def run(shape: tuple[int, ...], rows: int, features: int, block: int | None, dtype: str, last: bool,
        machines: Sequence[Machine] = MACHINES) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, rows, shape).astype(dtype)
    table, g = (rng.normal(size=s).astype(np.float32) for s in ((rows, features), (*shape, features)))
    check(Embedding(), (numbers, table), last, block, shared=(1,), rtol=0, atol=0, machines=machines)
    check(EmbeddingGrad(rows + 2), (numbers, g), last, block, gradients=(1,), atol=1e-5, machines=machines)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("shape", "rows", "features", "block"), SHAPES)
def test_against_the_reference(shape: tuple[int, ...], rows: int, features: int, block: int | None, last: bool) -> None:
    run(shape, rows, features, block, "int64", last)


@pytest.mark.parametrize(("dtype", "last"), [("int32", False), ("uint8", True)])
def test_small_numbers(dtype: str, last: bool) -> None:
    run((17, 2), 200, 18, None, dtype, last, (NARROW,))


@pytest.mark.parametrize("last", [False, True])
def test_nothing(last: bool) -> None:
    run((3, 0), 4, 5, None, "int64", last, (NARROW,))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_any_shape(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inner = [int(rng.choice([1, 2, 5])) for _ in range(rng.integers(0, 3))]
    shape = (int(rng.choice([1, 5, 16, 33])), *inner)
    rows, features, block = (int(rng.choice(some)) for some in ([1, 3, 100], [1, 3, 16, 20, 48], [0, 1, 16, 32]))
    run(shape, rows, features, block or None, "int64", bool(rng.integers(2)))
