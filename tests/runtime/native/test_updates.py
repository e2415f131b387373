"""Optimizers' updates: every op beside its reference, over weights that lie one after the other, at any step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphnet.compiler import ops
from graphnet.compiler.op import registered_ops
from graphnet.runtime.native.emit.call import Unsupported
from graphnet.runtime.native.kernels import updates as updates
from graphnet.runtime.session import aligned_bytes
from tests.runtime.native.harness import MACHINES, NARROW, WIDE, Array, Kernel, form

pytest.importorskip("llvmlite")

UPDATES = [example.op for cls in registered_ops().values() if issubclass(cls, ops.Update) for example in cls.examples()]
SHAPES = (3, 4), (5,)
STEPS = 1, 2, 3, 10, 1000, 10**7, 2**53 + 1, 2**62


def bind(op: Any, shapes: Any, machine: Any = NARROW, rate: str = "float64", step: str = "int64") -> Kernel:
    """A kernel whose weights and gradients lie in flat buffers, and whose results lie over them."""
    n, total = len(shapes), sum(int(np.prod(shape)) for shape in shapes)
    weights = [form(shape, "float32", False) for shape in shapes]
    moments = [form((total,), "float32", False)] * len(op.moments)
    kernel = Kernel(op, [form((), rate, False), form((), step, False), *weights, *weights, *moments],
                    [*weights, *moments], machine)
    memory, flat = kernel.memory, [aligned_bytes(4 * total + 64) for _ in range(2)]
    for which, buffer in enumerate(flat):
        offset = 0
        for i, weight in enumerate(weights):
            memory[2 + which * n + i] = buffer[offset:]
            offset += weight.nbytes
    memory[2 * n + 2 + len(moments):-1] = [*memory[2:2 + n], *memory[2 + 2 * n:2 + 2 * n + len(moments)]]
    operands = [*kernel.call.inputs, *kernel.call.outputs]
    views = [np.ndarray(o.shape, o.dtype, m.data) for o, m in zip(operands, memory, strict=False)]
    kernel.x, kernel.y = views[:len(kernel.call.inputs)], views[len(kernel.call.inputs):]
    return kernel


def fill(kernel: Kernel, rng: np.random.Generator, step: int = 3, rate: float = 0.1) -> None:
    kernel.x[0][...], kernel.x[1][...] = rate, step
    n = kernel.call.op.count
    for i, x in enumerate(kernel.x[2:]):
        x[...] = rng.uniform(0.1, 1, x.shape) if i < n or i >= 2 * n else rng.normal(size=x.shape)
    if getattr(kernel.call.op, "centered", False):
        kernel.x[2 + 2 * n][...] += 1


def check(kernel: Kernel, threads: int = 1) -> list[Array]:
    """Runs it, compares with the reference in double and returns copies of what it made."""
    given = [x.astype(np.float64) if x.dtype == np.float32 else x.copy() for x in kernel.x]
    expected = kernel.call.op.forward(*given)
    made = kernel.run(threads)
    for got, want in zip(made, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=4e-6, atol=1e-6)
    return [y.copy() for y in made]


@pytest.mark.parametrize("op", UPDATES, ids=str)
def test_each_update_is_that_of_its_reference(op: Any) -> None:
    for machine in MACHINES:
        kernel, rng = bind(op, SHAPES, machine), np.random.default_rng(0)
        for step in STEPS:
            fill(kernel, rng, step)
            check(kernel)


@pytest.mark.parametrize("shapes", [((1,),), ((1, 1), (1,)), ((16,), (32,)), ((0, 4), (17,)), ((), (40, 3))], ids=str)
def test_weights_of_all_sizes(shapes: Any) -> None:
    op = ops.AdamUpdate(len(shapes), (0.5, 2.0)[:len(shapes)], (0.1, 0.0)[:len(shapes)])
    kernel = bind(op, shapes)
    fill(kernel, np.random.default_rng(1))
    check(kernel, 2)


def test_no_weights() -> None:
    kernel = bind(ops.AdamUpdate(0), ())
    fill(kernel, np.random.default_rng(0))
    kernel.run()


def test_bits_do_not_depend_on_threads_or_machines() -> None:
    shapes = (33, 7), (7,), (500,), (1,)
    results = []
    for machine in MACHINES:
        kernel = bind(ops.NAdamUpdate(4, (1.0, 1.0, 0.5, 2.0), (0.1, 0.0, 0.0, 0.1)), shapes, machine)
        for threads in (1, 2, 3):
            fill(kernel, np.random.default_rng(2), 7)
            results.append(b"".join(y.tobytes() for y in check(kernel, threads)))
    assert len(set(results)) == 1


def test_what_lies_behind_the_weights_stays() -> None:
    kernel = bind(ops.SgdUpdate(1), ((5,),), WIDE)
    fill(kernel, np.random.default_rng(0))
    behind = kernel.memory[2][20:].copy()
    kernel.run(2)
    np.testing.assert_array_equal(kernel.memory[2][20:], behind)


def test_subnormal_moments_are_kept() -> None:
    kernel = bind(ops.MomentumUpdate(1, momentum=0.5), ((20,),))
    fill(kernel, np.random.default_rng(0))
    kernel.x[3][...], kernel.x[4][...] = 0, np.float32(2.0 ** -140)
    kernel.run()
    np.testing.assert_array_equal(kernel.y[1], np.full(20, 2.0 ** -141, np.float32))


def test_nan_and_infinite_gradients_stay_where_they_are() -> None:
    kernel = bind(ops.AdamUpdate(1), ((20,),))
    fill(kernel, np.random.default_rng(0))
    kernel.x[3][:2] = np.nan, np.inf
    with np.errstate(all="ignore"):
        expected = kernel.call.op.forward(*[x.copy() for x in kernel.x])
    kernel.run()
    for got, want in zip(kernel.y, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)


def test_other_types_of_the_rate_and_the_step_are_left_to_numpy() -> None:
    for types in (("float32", "int64"), ("float64", "int32")):
        with pytest.raises(Unsupported, match="a rate and a step of other types"):
            bind(ops.AdamUpdate(2), SHAPES, NARROW, *types)
