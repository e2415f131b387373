"""Native kernels of softmax, its logarithm and lengths: against the reference, along any axis, in both layouts."""

from __future__ import annotations

import numpy as np
import pytest

from graphnet.compiler.op import Op
from graphnet.compiler.ops import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad, UnitLength, UnitLengthGrad
from tests.runtime.native.harness import NARROW, WIDE
from tests.runtime.native.lined import check, expected

pytest.importorskip("llvmlite")

KINDS = {"softmax": (Softmax, SoftmaxGrad), "log": (LogSoftmax, LogSoftmaxGrad), "unit": (UnitLength, UnitLengthGrad)}
SHAPES = [((50, 10), False), ((33, 17), False), ((17, 2, 3), True)]


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def pair(kind: str, axis: int, x: np.ndarray) -> tuple[tuple[Op, tuple[np.ndarray, ...]], ...]:
    """The op and its gradient, and what they take."""
    forward, backward = KINDS[kind]
    kept = x if kind == "unit" else expected(forward(axis), (x,))[0]
    return (forward(axis), (x,)), (backward(axis), (normal(1, *x.shape), kept))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "last"), SHAPES)
def test_last_axis(shape: tuple[int, ...], last: bool, kind: str) -> None:
    for op, inputs in pair(kind, -1, 3 * normal(0, *shape)):
        check(op, inputs, last)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_other_axes_and_blocks(kind: str, last: bool) -> None:
    for op, inputs in pair(kind, 1, normal(0, 21, 3, 7)):
        check(op, inputs, last, 16, machines=(NARROW,))


def test_over_samples() -> None:
    for op, inputs in pair("softmax", 0, normal(0, 21, 3)):
        for last in (False, True):
            check(op, inputs, last, machines=(WIDE,))
    check(Softmax(0), (normal(0, 21),), False, machines=(WIDE,))


@pytest.mark.parametrize("shape", [(1, 1), (3, 1, 1), (2, 3, 0, 5)])
def test_few(shape: tuple[int, ...]) -> None:
    check(Softmax(1), (normal(0, *shape),), len(shape) == 3, machines=(NARROW,))


@pytest.mark.parametrize("op", [Softmax(), LogSoftmax(), UnitLength(-1)])
def test_special_values(op: Op) -> None:
    inf, nan = np.inf, np.nan
    rows = np.array([[nan, 1, 2], [1, nan, 2], [1, 2, nan], [inf, 1, 2], [1, 2, -inf], [-inf, -inf, -inf],
                     [inf, inf, 1], [inf, nan, 1], [nan, nan, nan], [-inf, nan, 0], [3e38, -3e38, 1], [1e-45, 0, -0.0],
                     [0, -0.0, 0], [1e-20, 1e-30, 1], [2e38, 2e38, 2e38], [88, -88, 0], [1e-38, 1e-38, 0]], np.float32)
    wide = np.concatenate([rows[:, :2], np.repeat(rows[:, 2:], 17, 1)], 1)
    for x, last in ((rows, True), (wide, False)):
        check(op, (x,), last, machines=(NARROW,), atol=1e-44)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_any_shape(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(rng.choice([1, 2, 3, 10, 16, 17, 40])) for _ in range(rng.integers(2, 5)))
    axis, last = int(rng.integers(1, len(shape))), bool(rng.integers(2))
    for kind in KINDS:
        for op, inputs in pair(kind, axis, 3 * normal(seed, *shape)):
            check(op, inputs, last, 16 if rng.integers(2) else None, atol=5e-6, threads=(2, 3))
