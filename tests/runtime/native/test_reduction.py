"""Native sums, means and largest elements over axes, their gradients, and arrays of one number."""

from __future__ import annotations

import numpy as np
import pytest

from graphnet.compiler import ops
from graphnet.compiler.op import Op
from graphnet.runtime.native.emit.call import Unsupported
from tests.runtime.native.blockwise import Batch, agree, forms
from tests.runtime.native.harness import MACHINES, NARROW, WIDE, Array, Kernel, form

pytest.importorskip("llvmlite")

FORMS = forms(((21, 5, 3), True, 16), ((37, 33, 4), False, 16), ((19, 5, 1), True, None), ((3, 40, 2), False, 1),
              ((37, 2, 3, 7), True, 32), ((5, 80, 1), False, None), ((1, 6, 4), True, None), ((70, 3, 2), True, 64))


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@FORMS
def test_sums_over_all_kinds_of_axes(shape: tuple[int, ...], last: bool, block: int | None) -> None:
    rank = len(shape)
    choices = [(0,), (1,), (0, *range(2, rank)), (rank - 1,), tuple(range(1, rank)), tuple(range(rank))]
    for number, axes in enumerate(choices):
        op: Op = ops.ReduceMean(axes) if number % 2 else ops.ReduceSum(axes)
        agree(op, [normal(*shape)], shape[0], last=last, block=block, atol=3e-5,
              machines=MACHINES if number == 2 else (NARROW,))


@pytest.mark.parametrize(("total", "block"), [(20, None), (37, 16), (3, 1), (64, 64)])
def test_vectors_of_samples(total: int, block: int | None) -> None:
    for op in (ops.ReduceMean((0,)), ops.ReduceSum((0,))):
        agree(op, [normal(total)], total, last=True, block=block, atol=1e-5, machines=(NARROW,))


def test_long_sums_are_exact_to_a_few_units() -> None:
    x = np.random.default_rng(0).random(1_000_000).astype(np.float32)
    (made,) = Batch(ops.ReduceSum((0,)), [x], None).run()
    np.testing.assert_allclose(made, x.astype(np.float64).sum(), 1e-6)


def test_sums_of_nothing() -> None:
    agree(ops.ReduceSum((1,)), [normal(3, 2, 0)], 3)
    with pytest.raises(Unsupported, match="no elements"):
        Kernel(ops.ReduceSum((0,)), [form((0, 2), "float32", False)], [form((2,), "float32", False)])
    with pytest.raises(Unsupported, match="int64"):
        Kernel(ops.ReduceSum((0,)), [form((2,), "int64", False)], [form((), "int64", False)])


@FORMS
def test_products_summed_over_all_but_an_axis(shape: tuple[int, ...], last: bool, block: int | None) -> None:
    for axis in (1, -1):
        agree(ops.DotAxis(axis), [normal(*shape), normal(*shape, seed=1)], shape[0], last=last, block=block, atol=5e-5)


@FORMS
def test_spreading(shape: tuple[int, ...], last: bool, block: int | None) -> None:
    for axes in ((0,), tuple(range(len(shape))), tuple(range(1, len(shape))), (0, *range(2, len(shape)))):
        g = normal(*(size for axis, size in enumerate(shape) if axis not in axes))
        batch = Batch(ops.Expand(shape, axes, True), [g], shape[0], last=last, block=block, machine=NARROW)
        (made,) = batch.run(2)
        np.testing.assert_allclose(made, batch.wanted[0], 2e-6)
        behind = batch.kernel.memory[1].view(np.float32)[:batch.kernel.call.outputs[0].nbytes // 4]
        if last and 0 in axes:
            samples = behind.reshape(*shape[1:], -1)
            real = shape[0] % block if block and shape[0] % block else block or shape[0]
            assert not samples[..., real:].any()


def test_spreading_over_vectors_of_samples() -> None:
    batch = Batch(ops.Expand((21,), (0,), True), [normal()], 21, block=16)
    np.testing.assert_allclose(batch.run(3)[0], batch.wanted[0], 2e-6)
    assert not batch.kernel.y[0][5:].any()


@FORMS
def test_the_greatest_and_its_gradient(shape: tuple[int, ...], last: bool, block: int | None) -> None:
    x = np.random.default_rng(0).integers(-3, 3, shape).astype(np.float32)  # with ties
    x.ravel()[::7] = -np.inf
    x.ravel()[::31] = np.nan
    x[0] = -np.inf
    for count in range(1, len(shape)):
        g = normal(*shape[:-count])
        for op, arrays in ((ops.ReduceMax(count), [x]), (ops.ReduceMaxGrad(count), [g, x])):
            agree(op, arrays, shape[0], last=last, block=block, rtol=0, atol=0, machines=(MACHINES[count % 2],))


def test_the_greatest_of_all() -> None:
    x = normal(5, 7)
    agree(ops.ReduceMax(2), [x], rtol=0, atol=0)
    agree(ops.ReduceMaxGrad(2), [normal(), x], rtol=0, atol=0)


@pytest.mark.parametrize(("value", "dtype"), [(0.1, "float32"), (-7, "int64"), (3, "int32"), (1, "bool"),
                                              (255, "uint8"), (0.1, "float64")])
@pytest.mark.parametrize("shape", [(), (5, 7), (3, 0)], ids=str)
def test_one_number_everywhere(value: float, dtype: str, shape: tuple[int, ...]) -> None:
    agree(ops.Full(shape, value, dtype), [], rtol=0, atol=0, machines=(WIDE,))
