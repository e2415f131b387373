"""Direct convolution and its gradients on their native kernels, against the ops themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.op import Op
from graphnet.compiler.ops import Add, BiasAdd, Conv2d, Conv2dGradInput, Conv2dGradWeight, MaxPool2d, Relu
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.ops.noise import ApplyMask
from graphnet.compiler.ops.prelu import PRelu
from graphnet.compiler.types import TensorType
from graphnet.runtime.llvm.function import Function
from graphnet.runtime.llvm.machine import Machine
from graphnet.runtime.native import kernels  # noqa: F401 - kernels registers the emitters
from graphnet.runtime.native.convolution import direct
from graphnet.runtime.native.convolution.geometry import Axis, Geometry
from graphnet.runtime.native.emit.call import Call, emitter, room
from tests.runtime.native.harness import MACHINES, NARROW, WIDE, Array, Kernel, fill_padding, form

Case = tuple[Conv2d, tuple[int, ...], tuple[int, ...]]
SAME3, SAME5 = ((1, 1), (1, 1)), ((2, 2), (2, 2))
CASES: dict[str, Case] = {
    "one of everything": (Conv2d(), (1, 1, 1), (1, 1, 1, 1)),
    "5x5 same": (Conv2d(padding=SAME5), (1, 9, 10), (6, 1, 5, 5)),
    "5x5 valid": (Conv2d(), (6, 9, 8), (16, 6, 5, 5)),
    "3x3 wide": (Conv2d(padding=SAME3), (3, 4, 37), (7, 3, 3, 3)),
    "pixels": (Conv2d(), (13, 7, 9), (9, 13, 1, 1)),
    "strides": (Conv2d((2, 2), SAME3), (5, 9, 40), (6, 5, 3, 3)),
    "strides beyond the kernel": (Conv2d((3, 2)), (4, 7, 8), (5, 4, 1, 1)),
    "strides and dilation": (Conv2d((2, 3), ((1, 0), (2, 1)), (3, 2)), (3, 11, 23), (4, 3, 3, 2)),
    "groups": (Conv2d((1, 2), ((0, 1), (1, 0)), (2, 1), 2), (6, 8, 9), (4, 3, 3, 3)),
    "depthwise": (Conv2d(padding=SAME3, groups=5), (5, 7, 18), (5, 1, 3, 3)),
    "depthwise, two filters each": (Conv2d((2, 2), groups=3), (3, 8, 8), (6, 1, 2, 2)),
    "more padding than kernel": (Conv2d(padding=((2, 3), (1, 4))), (2, 3, 5), (3, 2, 2, 1)),
    "padding alone": (Conv2d((2, 2), ((4, 4), (4, 4))), (2, 2, 2), (3, 2, 2, 2)),
    "one result beside the image": (Conv2d((3, 2), ((2, 2), (3, 0))), (3, 1, 1), (2, 3, 3, 1)),
    "a sequence": (Conv2d((1, 4), ((0, 0), (3, 0))), (4, 1, 50), (8, 4, 1, 4)),
    "many filters, one row": (Conv2d(), (20, 1, 1), (40, 20, 1, 1)),
}
MORE = {"3x3 wide", "depthwise, two filters each", "padding alone", "many filters, one row", "strides and dilation"}
"""Cases that the default suite leaves out: random sizes are like them."""


def numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def operands(kind: str, case: Case, n: int, seed: int = 0) -> tuple[Op, list[Array]]:
    """A convolution or one of its gradients, with arrays."""
    conv, image, weights = case
    rng, attributes = np.random.default_rng(seed), conv.attributes()
    x, w = numbers(rng, (n, *image)), numbers(rng, weights)
    g = numbers(rng, conv.infer(*(TensorType("float32", a.shape) for a in (x, w)))[0].shape)
    if kind == "forward":
        return conv, [x, w]
    if kind == "input":
        return Conv2dGradInput(**attributes, shape=x.shape), [g, w]
    return Conv2dGradWeight(**attributes, shape=w.shape), [x, g]


def kernel_of(op: Op, arrays: Sequence[Array], machine: Machine, blocked: bool = False, training: bool = False,
              winograd: bool = False) -> Kernel:
    """Its kernel, filled: images have their samples innermost, weights lie in rows."""
    last = [len(a.shape) == 4 and not (i == 1 and not isinstance(op, Conv2dGradWeight)) for i, a in enumerate(arrays)]
    (shape,) = (t.shape for t in op.infer(*(TensorType(a.dtype.name, a.shape) for a in arrays)))
    kernel = Kernel(op, [form(a.shape, a.dtype.name, kept) for a, kept in zip(arrays, last, strict=True)],
                    [form(shape, "float32", not isinstance(op, Conv2dGradWeight))], machine, blocked, training=training,
                    winograd=winograd)
    for target, array in zip(kernel.x, arrays, strict=True):
        target[...] = array
    fill_padding(kernel, 0 if isinstance(op, Conv2dGradWeight) else None)
    kernel.y[0][...] = np.nan
    return kernel


def check(op: Op, arrays: Sequence[Array], got: Array) -> None:
    """Compares with double precision, by the size of summands."""
    (expected,) = op.forward(*(a.astype(np.float64) for a in arrays))
    (sizes,) = op.forward(*(abs(a).astype(np.float64) for a in arrays))
    np.testing.assert_array_less(abs(got - expected), 2e-6 * sizes + 1e-30)


@pytest.mark.parametrize("name", [pytest.param(case, marks=[pytest.mark.slow] * (case in MORE)) for case in CASES])
@pytest.mark.parametrize("kind", ["forward", "input", "weight"])
def test_kernels(kind: str, name: str) -> None:
    """For one sample, and for a batch that does not fill its vectors."""
    for n, threads in ((1, 1), (21, 3)):
        op, arrays = operands(kind, CASES[name], n)
        check(op, arrays, kernel_of(op, arrays, NARROW).run(threads)[0])


@pytest.mark.parametrize(("name", "n"), [
    ("5x5 same", 64), ("5x5 valid", 1),
    *(pytest.param(name, n, marks=pytest.mark.slow) for name in ("strides", "groups") for n in (1, 64))])
@pytest.mark.parametrize("kind", ["forward", "input", "weight"])
def test_machines_have_the_same_bits(kind: str, name: str, n: int) -> None:
    op, arrays = operands(kind, CASES[name], n)
    one, other = (kernel_of(op, arrays, machine).run()[0].view(np.int32) for machine in MACHINES)
    np.testing.assert_array_equal(one, other)
    check(op, arrays, other.view(np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_random_sizes(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def pair(most: int) -> tuple[int, int]:
        return int(rng.integers(1, most + 1)), int(rng.integers(1, most + 1))
    groups, kernel, strides, dilation = int(rng.integers(1, 4)), pair(5), pair(3), pair(3)
    padding = tuple((int(rng.integers(0, 4)), int(rng.integers(0, 4))) for _ in range(2))
    sides = [max(int(rng.integers(1, 40)), d * (k - 1) + 1 - sum(p))
             for k, d, p in zip(kernel, dilation, padding, strict=True)]
    case = (Conv2d(strides, (padding[0], padding[1]), dilation, groups), (groups * int(rng.integers(1, 9)), *sides),
            (groups * int(rng.integers(1, 18)), 0, *kernel))
    case = case[0], case[1], (case[2][0], case[1][0] // groups, *kernel)
    n = int(rng.choice([1, 2, 16, 40, 64, 96]))
    for kind in ("forward", "input", "weight"):
        op, arrays = operands(kind, case, n, seed)
        for machine in MACHINES:
            check(op, arrays, kernel_of(op, arrays, machine).run(2)[0])


@pytest.mark.parametrize("kind", ["forward", "input", "weight"])
def test_bits_do_not_depend_on_threads(kind: str) -> None:
    for name, n in (("5x5 same", 64), ("5x5 valid", 16), ("depthwise", 16), ("strides", 1)):
        op, arrays = operands(kind, CASES[name], n)
        kernel = kernel_of(op, arrays, NARROW)
        one = kernel.run(1)[0].copy()
        for threads in (2, 4, 8):
            kernel.y[0][...] = np.nan
            np.testing.assert_array_equal(kernel.run(threads)[0], one)


@pytest.mark.parametrize("name", ["5x5 same", "strides", "depthwise"])
def test_gradients_of_weights_add_up_over_blocks(name: str) -> None:
    op, (x, g) = operands("weight", CASES[name], 37)
    block = operands("weight", CASES[name], 16)
    kernel = kernel_of(*block, NARROW, blocked=True)
    kernel.y[0][...] = np.nan
    for base in range(0, 37, 16):
        n = min(16, 37 - base)
        for target, array in zip(kernel.x, (x, g), strict=True):
            target[:] = 0
            target[:n] = array[base:base + n]
        kernel.run(2, n, base, 37)
    check(op, (x, g), kernel.y[0])


@pytest.mark.parametrize("n", [1, 16])
def test_epilogues(n: int) -> None:
    """Biases, slopes, arrays formed as the result, masks of elements and of channels."""
    rng, conv = np.random.default_rng(1), Conv2d(padding=SAME3)
    arrays: list[Array] = [numbers(rng, (n, 3, 5, 18)), numbers(rng, (7, 3, 3, 3)), numbers(rng, (7,)),
                           numbers(rng, (n, 7, 5, 18)), numbers(rng, (7,)), numbers(rng, (1,)),
                           rng.random((n, 7, 5, 18)) < 0.7, rng.random((n, 7, 1, 1)) < 0.7]
    b = Builder("body")
    inputs = [b.input(f"x{i}", TensorType(a.dtype.name, a.shape)) for i, a in enumerate(arrays)]
    y = b.add(conv, inputs[0], inputs[1])
    tail: list[tuple[Any, int]] = [(BiasAdd(1), 2), (Add(), 3), (PRelu(1), 4), (PRelu(1), 5), (ApplyMask(2.0), 6),
                                   (ApplyMask(1.25), 7)]
    for op, side in tail:
        y = b.add(op, y, inputs[side])
    fused = Fused(b.build([Output("y", b.add(Relu(), y))]))
    (expected,) = fused.forward(*arrays)
    for machine in MACHINES:
        np.testing.assert_allclose(kernel_of(fused, arrays, machine).run()[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n", [1, 16])
def test_special_values_stay_with_what_reads_them(n: int) -> None:
    """NaN and infinities reach the results that read them, and no others: not those of other samples or columns."""
    rng, case = np.random.default_rng(2), (Conv2d((1, 1), SAME3), (2, 4, 19), (3, 2, 3, 3))
    for kind in ("forward", "input", "weight"):
        op, arrays = operands(kind, case, n)
        images = arrays[0]
        images[0, 0, 1, 18], images[-1, 1, 3, 5], images[0, 1, 0, 0] = np.nan, np.inf, -np.inf
        arrays[1][...] = rng.permuted(arrays[1])
        with np.errstate(invalid="ignore"):
            (expected,) = op.forward(*(a.astype(np.float64) for a in arrays))
        got = kernel_of(op, arrays, NARROW).run()[0]
        for test in (np.isnan, np.isposinf, np.isneginf):
            np.testing.assert_array_equal(test(got), test(expected))


@pytest.mark.parametrize("padding", [SAME3, pytest.param(((0, 0), (3, 4)), marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["forward", "input", "weight"])
def test_fewer_products_where_they_pay(kind: str, padding: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """3 × 3 filters of many channels; a call may refuse it, and in training results stay near to direct sums."""
    op, arrays = operands(kind, (Conv2d(padding=padding), (32, 12, 12), (32, 32, 3, 3)), 16)
    direct, fewer, training = (kernel_of(op, arrays, NARROW, training=training, winograd=winograd)
                               for training, winograd in ((False, False), (False, True), (True, True)))
    results = [kernel.run(2)[0].astype(np.float64) for kernel in (direct, fewer, training)]
    errors = [abs(result - results[0]).max() / abs(results[0]).max() for result in results[1:]]
    assert 0 < errors[1] < 1e-5
    assert errors[1] < errors[0] < 1e-4


@dataclass(frozen=True)
class Pooled:
    """Stands for a convolution of which only the greatest results of windows are stored."""

    conv: Conv2d
    pool: MaxPool2d
    name = "pooled"

    def geometry(self, call: Call) -> Geometry:
        x, w, y = *call.inputs, *call.outputs
        rows, columns = (Axis(x.shape[i], y.shape[i], w.shape[i], self.conv.strides[i - 2], self.conv.dilation[i - 2],
                              self.conv.padding[i - 2][0], window=self.pool.kernel[i - 2],
                              pace=self.pool.strides[i - 2]) for i in (2, 3))
        return Geometry(room(x), x.shape[1], w.shape[0], rows, columns)


@emitter(Pooled, scratch=lambda call, machine: direct.scratch(call.op.geometry(call), machine),  # type: ignore[arg-type]
         prepare=lambda f, call: direct.pack(f, call.op.geometry(call), call.x[1], call.prepared or f.scratch),
         prepared=lambda call, machine: direct.weights(call.op.geometry(call)))
def _pooled(f: Function, call: Call) -> None:
    direct.conv(f, call.op.geometry(call), call.x[0], call.prepared or f.scratch, call.y[0],
                lambda value, filter, offset, lanes: value)


@pytest.mark.parametrize("n", [1, 32])
@pytest.mark.parametrize(("conv", "pool"), [
    (Conv2d(padding=SAME5), MaxPool2d((2, 2), (2, 2))), (Conv2d(), MaxPool2d((3, 2), (1, 1))),
    (Conv2d((2, 1), SAME3, (1, 2)), MaxPool2d((2, 3), (2, 2)))], ids=["2x2", "overlapping", "strides and dilation"])
def test_only_the_greatest_of_a_window_is_stored(n: int, conv: Conv2d, pool: MaxPool2d) -> None:
    """A NaN in a window goes through, wherever it lies."""
    rng = np.random.default_rng(3)
    x, w = numbers(rng, (n, 3, 14, 43)), numbers(rng, (6, 3, 5, 5) if conv.padding == SAME5 else (6, 3, 3, 3))
    x[0, 0, 4, 5] = np.nan
    (sums,) = conv.forward(x.astype(np.float64), w.astype(np.float64))
    (expected,) = pool.forward(sums)
    for machine, threads in ((NARROW, 2), (WIDE, 1)):
        kernel = Kernel(Pooled(conv, pool), [form(x.shape, "float32", True), form(w.shape, "float32", False)],  # type: ignore[arg-type]
                        [form(expected.shape, "float32", True)], machine)
        kernel.x[0][...], kernel.x[1][...] = x, w
        np.testing.assert_allclose(kernel.run(threads)[0], expected, rtol=1e-4, atol=1e-4)


def test_no_samples() -> None:
    for kind in ("forward", "input", "weight"):
        op, arrays = operands(kind, CASES["5x5 valid"], 0)
        (expected,) = op.forward(*arrays)
        np.testing.assert_array_equal(kernel_of(op, arrays, NARROW).run(2)[0], expected)
