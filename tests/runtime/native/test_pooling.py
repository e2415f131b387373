"""Poolings against their ops: windows of all kinds, both layouts, small and odd sizes, ties, NaN, infinities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.types import TensorType
from graphnet.runtime.native.emit.call import Unsupported
from graphnet.runtime.native.kernels import pooling as pooling
from tests.runtime.native.harness import MACHINES, Array
from tests.runtime.native.trial import Trial

pytest.importorskip("llvmlite")

NONE = ((0, 0), (0, 0))
WINDOWS: list[tuple[tuple[int, int, int, int], tuple[Any, ...]]] = [
    ((16, 3, 4, 6), ((2, 2), (2, 2))),
    ((1, 3, 34, 70), ((2, 2), (2, 2))),
    ((1, 5, 6, 37), ((3, 3), (2, 2), ((1, 1), (1, 1)))),
    ((33, 2, 5, 4), ((3, 2), (2, 1), ((1, 1), (0, 1)))),
]
MORE: list[tuple[tuple[int, int, int, int], tuple[Any, ...]]] = [
    ((5, 2, 5, 7), ((2, 3), (2, 3))),
    ((2, 1, 4, 9), ((1, 3), (1, 3), ((0, 0), (1, 1)))),
    ((64, 1, 1, 20), ((1, 20), (1, 20))),
    ((1, 3, 1, 20), ((1, 20), (1, 1))),
    ((3, 2, 7, 50), ((2, 1), (3, 3))),
    ((1, 2, 9, 40), ((1, 2), (4, 4))),
    ((1, 1, 1, 1), ((1, 1), (1, 1))),
    ((48, 2, 5, 5), ((3, 3), (1, 1), ((1, 1), (1, 1)))),
    ((1, 2, 5, 18), ((3, 3), (1, 1), ((2, 2), (2, 2)))),
    ((1, 2, 7, 7), ((5, 5), (5, 5), ((1, 2), (2, 1)))),
]


ALL = [*WINDOWS, *(pytest.param(*case, marks=pytest.mark.slow) for case in MORE)]


def image(shape: tuple[int, ...], ties: bool = False, seed: int = 0) -> Array:
    rng = np.random.default_rng([seed, *shape])
    return rng.integers(0, 4, shape).astype(np.float32) if ties else rng.standard_normal(shape).astype(np.float32)


def same(made: list[Array], expected: list[Array]) -> None:
    for got, wanted in zip(made, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def close(made: list[Array], expected: list[Array]) -> None:
    for got, wanted in zip(made, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=4e-6)


def maximum(shape: tuple[int, ...], window: tuple[Any, ...], x: Array | None = None) -> tuple[Trial, Trial]:
    x, op, back = image(shape, True) if x is None else x, ops.MaxPool2d(*window), ops.MaxPool2dGrad(*window)
    (y,) = op.forward(x)
    return Trial(lambda n: op, [x]), Trial(lambda n: back, [image(y.shape, True, 1), x, y], (0, 1, 2), (0,))


def average(shape: tuple[int, ...], window: tuple[Any, ...], counted: Any = NONE) -> tuple[Trial, Trial]:
    x, window = image(shape), (*window, NONE)[:3]
    op = ops.AvgPool2d(*window, counted)
    g = image(op.forward(x)[0].shape, seed=1)
    return Trial(lambda n: op, [x]), Trial(
        lambda n: ops.AvgPool2dGrad(*window, counted, (n, *shape[1:])), [g], gradients=(0,))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("shape", "window"), ALL)
def test_max_pooling_is_the_op(shape: tuple[int, ...], window: tuple[Any, ...], last: bool) -> None:
    for trial in maximum(shape, window):
        same(trial.run(last), trial.expected())


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("shape", "window"), ALL)
def test_average_pooling_is_the_op(shape: tuple[int, ...], window: tuple[Any, ...], last: bool) -> None:
    for trial in average(shape, window):
        close(trial.run(last), trial.expected())


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", [(2, 2, 6, 4), (1, 1, 6, 20)])
def test_padding_may_count(shape: tuple[int, ...], last: bool) -> None:
    for trial in average(shape, ((3, 2), (2, 1), ((1, 2), (0, 1))), ((1, 1), (0, 0))):
        close(trial.run(last), trial.expected())


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 4, 40), (3, 2, 4, 6)])
def test_nan_wins_wherever_it_is_in_a_window(shape: tuple[int, ...], last: bool) -> None:
    x = image(shape)
    x[np.random.default_rng(0).random(shape) < 0.2] = np.nan
    x[np.random.default_rng(1).random(shape) < 0.2] = np.inf
    x[np.random.default_rng(2).random(shape) < 0.2] = -np.inf
    for window in (((2, 2), (2, 2)), ((2, 2), (1, 1))):
        for trial in maximum(shape, window, x):
            same(trial.run(last), trial.expected())


def test_a_gradient_of_nan_or_infinity_stays_at_its_place() -> None:
    _, trial = maximum((2, 2, 4, 6), ((2, 2), (2, 2)))
    trial.inputs[0][0, 0, 0, 0], trial.inputs[0][1, 1, 1, 1] = np.nan, np.inf
    (dx,) = trial.run(True)
    assert np.isnan(dx).sum() == np.isinf(dx).sum() == 1


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", [(16, 2, 5, 7), (1, 2, 5, 50)])
def test_gradients_of_windows_that_lie_apart_may_lie_over_the_images(shape: tuple[int, ...], last: bool) -> None:
    _, trial = maximum(shape, ((2, 3), (2, 3)))
    same(trial.run(last, over=(0, 1)), trial.expected())


@pytest.mark.parametrize(("n", "block"), [
    (40, 16), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((3, 1), (70, 64)))])
def test_blocks(n: int, block: int) -> None:
    window = ((3, 2), (2, 2), ((1, 0), (0, 1)))
    for trial in (*maximum((n, 2, 5, 6), window), *average((n, 2, 5, 6), window)):
        for last in (False, True):
            close(trial.run(last, threads=2, block=block), trial.expected())


@pytest.mark.parametrize("shape", [(20, 3, 5, 6), (1, 3, 5, 36)])
def test_bits_do_not_depend_on_threads_or_the_machine(shape: tuple[int, ...]) -> None:
    window = ((3, 3), (2, 2), ((1, 1), (1, 1)))
    for trial in (*maximum(shape, window), *average(shape, window)):
        for last in (False, True):
            wanted = trial.run(last)
            for machine in MACHINES:
                for threads in (1, 3):
                    same(trial.run(last, machine, threads), wanted)


def test_no_channels() -> None:
    for trial in (*maximum((3, 0, 4, 4), ((2, 2), (2, 2))), *average((3, 0, 4, 4), ((2, 2), (2, 2)))):
        for last in (False, True):
            same(trial.run(last), trial.expected())


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", [(1, 5, 6, 40), (20, 3, 4, 4)])
def test_a_tail(shape: tuple[int, ...], last: bool) -> None:
    def op(n: int) -> Fused:
        b = Builder("body")
        x, bias, other = (b.input(name, TensorType("float32", dims)) for name, dims in (
            ("x0", (n, *shape[1:])), ("x1", shape[1:2]), ("x2", (n, shape[1], shape[2] // 2, shape[3] // 2))))
        y = b.add(ops.BiasAdd(1), b.add(ops.MaxPool2d((2, 2), (2, 2)), x), bias)
        return Fused(b.build([Output("y", b.add(ops.Relu(), b.add(ops.Add(), y, other)))]))
    small = (*shape[:2], shape[2] // 2, shape[3] // 2)
    trial = Trial(op, [image(shape), image(shape[1:2]), image(small, seed=1)], (0, 2))
    close(trial.run(last), trial.expected())


def test_a_bias_of_columns_is_not_one_of_channels() -> None:
    b = Builder("body")
    x, bias = b.input("x0", TensorType("float32", (2, 3, 6, 6))), b.input("x1", TensorType("float32", (3,)))
    body = b.build([Output("y", b.add(ops.BiasAdd(3), b.add(ops.MaxPool2d((2, 2), (2, 2)), x), bias))])
    with pytest.raises(Unsupported, match="an operand"):
        Trial(lambda n: Fused(body), [image((2, 3, 6, 6)), image((3,))]).run(True)
