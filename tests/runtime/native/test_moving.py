"""Moves: joined, cut, padded and turned arrays beside their references, in every layout, of every type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphnet.compiler import ops
from graphnet.compiler.planning.program import Operand
from graphnet.runtime.native.kernels import moving as moving
from tests.runtime.native.harness import MACHINES, NARROW, Array, Kernel, form

pytest.importorskip("llvmlite")

DTYPES = "float32", "float64", "int64", "int32", "uint8", "bool"


def bind(op: Any, shapes: list[tuple[int, ...]], lasts: tuple[bool, bool], dtype: str = "float32",
         blocked: bool = False, machine: Any = NARROW) -> Kernel:
    """A kernel with inputs, and a result, that have their samples innermost or lie in rows."""
    types = [form(shape, dtype, lasts[0]) for shape in shapes]
    (made,) = op.infer(*(t.type for t in types))
    return Kernel(op, types, [form(tuple(map(int, made.shape)), dtype, lasts[1])], machine, blocked)


def fill(kernel: Kernel, rng: np.random.Generator) -> None:
    for memory in kernel.memory[:-1]:
        memory[...] = 7
    for x in kernel.x:
        x[...] = rng.normal(size=x.shape) * 99 if x.dtype.kind == "f" else rng.integers(0, 2, x.shape)


def check(kernel: Kernel, seed: int = 0, threads: int = 1) -> Array:
    fill(kernel, np.random.default_rng(seed))
    (expected,) = kernel.call.op.forward(*[x.copy() for x in kernel.x])
    (made,) = kernel.run(threads)
    np.testing.assert_array_equal(made, expected)
    assert (kernel.memory[-2][kernel.call.outputs[0].nbytes:] == 7).all()
    return made


def padding(kernel: Kernel, operand: Operand, index: int) -> Array:
    """What lies behind the samples of an operand that has them innermost."""
    inside = np.ndarray((*operand.shape[1:], operand.room), operand.dtype, kernel.memory[index].data)
    return inside[..., operand.shape[0]:]


def cases(rng: np.random.Generator) -> tuple[Any, list[tuple[int, ...]]]:
    """An op and the shapes of its inputs, of sizes such as come up."""
    rank = int(rng.integers(1, 5))
    shape = tuple(int(rng.choice([1, 2, 3, 5, 16, 17, 33])) for _ in range(rank))
    axis = int(rng.integers(-rank, rank))
    kind = rng.integers(0, 5)
    if kind == 0:
        sizes = [int(rng.choice([0, 1, 2, 5, 16])) for _ in range(rng.integers(1, 4))]
        return ops.Concat(axis), [tuple(s if k == axis % rank else d for k, d in enumerate(shape)) for s in sizes]
    if kind == 1:
        start = int(rng.integers(0, shape[axis] + 1))
        return ops.Slice(axis, start, int(rng.integers(start, shape[axis] + 1))), [shape]
    if kind == 2:
        return ops.Pad(axis, int(rng.integers(0, 4)), int(rng.integers(0, 20))), [shape]
    if kind == 3:
        return ops.Transpose(tuple(int(k) for k in rng.permutation(rank))), [shape]
    return ops.Reshape((shape[0], int(np.prod(shape[1:])))), [shape]


@pytest.mark.parametrize("seed", range(8))
def test_moves_of_random_shapes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(4):
        op, shapes = cases(rng)
        lasts = bool(rng.integers(2)), bool(rng.integers(2))
        dtype = "float32" if rng.integers(2) else str(rng.choice(DTYPES))
        check(bind(op, shapes, lasts, dtype), seed, int(rng.integers(1, 4)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 400))
def test_many_moves_of_random_shapes(seed: int) -> None:
    test_moves_of_random_shapes(seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lasts", [(False, False), (True, True), (False, True), (True, False)])
def test_every_type_in_every_layout(dtype: str, lasts: tuple[bool, bool]) -> None:
    check(bind(ops.Transpose((0, 3, 1, 2)), [(19, 4, 3, 5)], lasts, dtype), threads=2)


@pytest.mark.parametrize("op", [ops.Transpose((1, 0)), ops.Transpose((0, 1)), ops.Slice(1, 3, 40), ops.Pad(1, 5, 2),
                                ops.Reshape((9000, 2))], ids=str)
def test_long_runs_and_large_blocks(op: Any) -> None:
    kernel = bind(op, [(200, 90)], (False, False))
    for threads in (1, 3):
        check(kernel, threads=threads)
    check(bind(ops.Concat(0), [(9001,), (5000,)], (False, False)), threads=2)


def test_states_of_any_type_are_written_over() -> None:
    for shape, dtype in (((), "int64"), ((2,), "int64"), ((3, 5), "float32")):
        kernel = bind(ops.Advance(), [shape, shape], (False, False), dtype)
        fill(kernel, np.random.default_rng(0))
        (made,) = kernel.run()
        np.testing.assert_array_equal(made, kernel.x[1])


@pytest.mark.parametrize("op", [ops.Concat(1), ops.Slice(2, 1, 3), ops.Pad(2, 1, 2), ops.Transpose((0, 2, 1)),
                                ops.Reshape((5, 12))], ids=str)
def test_what_lies_behind_the_samples_moves_with_them(op: Any) -> None:
    kernel = bind(op, [(5, 4, 3)], (True, True))
    fill(kernel, np.random.default_rng(0))
    padding(kernel, kernel.call.inputs[0], 0)[...] = 0
    kernel.run(2)
    assert not padding(kernel, kernel.call.outputs[0], 1).any()


def test_samples_that_come_from_rows_have_zeros_behind_them() -> None:
    kernel = bind(ops.Reshape((32, 12)), [(32, 4, 3)], (False, True), blocked=True)
    fill(kernel, np.random.default_rng(0))
    (made,) = kernel.run(2, n=19)
    np.testing.assert_array_equal(made[:19], kernel.x[0].reshape(32, 12)[:19])
    assert not made[19:].any()
    kernel = bind(ops.Reshape((7, 12)), [(28, 3)], (False, True))
    check(kernel)
    assert not padding(kernel, kernel.call.outputs[0], 1).any()


def test_bits_do_not_depend_on_threads_or_machines() -> None:
    for machine in MACHINES:
        kernel = bind(ops.Transpose((0, 2, 1)), [(3, 40, 50)], (False, False), machine=machine)
        assert len({check(kernel, 1, threads).tobytes() for threads in (1, 2, 3)}) == 1  # those of the reference
