"""Products with weights and sample by sample: against float64, in both layouts, block by block, with their tails."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.op import Op
from graphnet.compiler.ops import (
    Add,
    ApplyMask,
    BatchMatMul,
    BiasAdd,
    Fused,
    MatMul,
    MatMulGradWeight,
    PRelu,
    Relu,
    Scale,
)
from graphnet.compiler.types import TensorType
from graphnet.runtime.llvm.machine import LANES
from graphnet.runtime.native.emit.call import Unsupported
from graphnet.runtime.native.emit.gemm import tile
from graphnet.runtime.native.kernels import dense
from tests.runtime.native.harness import MACHINES, NARROW, WIDE, Array, Kernel, fill_padding, form

ROUNDING = 2.0 ** -24
SIZES = (1, 2, 3, 4, 15, 16, 17, 30, 33, 70)


def bound(summands: int, sizes: Array) -> Array:
    """How far a sum of float32 may be off, in any order: Higham, Accuracy and Stability, section 3.1, with one rounding
    for each product that is added, and two more for a tail."""
    return (summands + 2) * ROUNDING / (1 - summands * ROUNDING) * sizes + 1e-44


def numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Of many sizes, with zeros among them."""
    made = rng.standard_normal(shape) * 2.0 ** rng.integers(-6, 6, shape)
    return np.where(rng.random(shape) < 0.2, 0, made).astype("f")


def filled(kernel: Kernel, inputs: Sequence[Array], n: int, batched: Sequence[bool], padding: float | None) -> None:
    """Puts arrays in, NaN behind them, and behind samples that are not real NaN or, innermost, what may lie there."""
    for memory in kernel.memory:
        memory.view("f")[:] = np.nan
    for target, array, of_batch in zip(kernel.x, inputs, batched, strict=True):
        if of_batch:
            target[:n] = array[:n]
            if target.strides[0] == target.itemsize and target.shape[0] > 1:
                target[n:] = array[n - 1:n] if padding is None else padding
        else:
            target[...] = array
    fill_padding(kernel, padding)


def results(op: Op, inputs: Sequence[Array], out: tuple[int, ...], last: bool, n: int | None = None,
            batched: Sequence[bool] = (True, False), blocked: bool = True, padding: float | None = None,
            summed: bool = False, training: bool = False) -> Array:
    """The real part of what the op gives on both machines with 1, 2 and 3 threads: all the same bits."""
    n, found = inputs[0].shape[0] if n is None else n, []
    for machine in MACHINES:
        ins = [form(a.shape, a.dtype.name, last and of_batch) for a, of_batch in zip(inputs, batched, strict=True)]
        kernel = Kernel(op, ins, [form(out, "float32", last and not summed)], machine, blocked,
                        training=training)
        for threads in (1, 2, 3):
            filled(kernel, inputs, n, batched, padding)
            (y,) = kernel.run(threads, n)
            assert np.isnan(kernel.memory[len(inputs)][kernel.call.outputs[0].nbytes:].view("f")).all()
            found.append(np.array(y if summed else y[:n]))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].view("i"), other.view("i"))
    return found[0]


def close(got: Array, expected: Array, off: Array) -> None:
    wrong = ~(np.abs(got - expected) <= off)
    assert not wrong.any(), (np.argwhere(wrong)[:5], got[wrong][:5], expected[wrong][:5])


def wide(*arrays: Array) -> list[Array]:
    return [a.astype("d") for a in arrays]


def check_matmul(rng: np.random.Generator, lead: tuple[int, ...], k: int, m: int, turned: bool, last: bool,
                 n: int | None = None, blocked: bool = True, training: bool = False) -> None:
    x, w = numbers(rng, (*lead, k)), numbers(rng, (m, k) if turned else (k, m))
    op, n = MatMul(turned), lead[0] if n is None else n
    got = results(op, (x, w), (*lead, m), last, n, blocked=blocked, training=training)
    (expected,), (sizes,) = op.forward(*wide(x[:n], w)), op.forward(*wide(abs(x[:n]), abs(w)))
    close(got, expected, bound(k, sizes))


def check_gradient(rng: np.random.Generator, lead: tuple[int, ...], k: int, m: int, last: bool, n: int | None = None,
                   blocked: bool = True) -> None:
    x, g, op, n = numbers(rng, (*lead, k)), numbers(rng, (*lead, m)), MatMulGradWeight(), lead[0] if n is None else n
    got = results(op, (x, g), (k, m), last, n, (True, True), blocked, 0.0, summed=True)
    (expected,) = op.forward(*wide(x[:n], g[:n]))
    (sizes,) = op.forward(*wide(abs(x[:n]), abs(g[:n])))
    close(got, expected, bound(x[:n].size // k, sizes))


CASES = [((1,), 1, 1), ((1, 3), 17, 70), ((3,), 33, 1), ((16,), 4, 32), ((16, 2), 15, 30), ((32,), 70, 10),
         ((48, 1), 1, 33)]


@pytest.mark.parametrize(("lead", "k", "m"), CASES)
@pytest.mark.parametrize("last", [False, True])
def test_products_with_weights(lead: tuple[int, ...], k: int, m: int, last: bool) -> None:
    rng = np.random.default_rng(k * m)
    turned = bool((k + m) % 2)
    check_matmul(rng, lead, k, m, turned, last, max(1, lead[0] - 5), blocked=lead[0] in (1, 16, 32, 48))


@pytest.mark.parametrize(("lead", "k", "m"), CASES[1::2])
@pytest.mark.parametrize("last", [False, True])
def test_gradients_of_weights(lead: tuple[int, ...], k: int, m: int, last: bool) -> None:
    check_gradient(np.random.default_rng(k * m), lead, k, m, last, max(1, lead[0] - 5))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(120))
def test_many_shapes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocked = bool(rng.random() < 0.6)
    batch = int(rng.choice([1, 16, 32, 64] if blocked else [1, 2, 7, 16, 19, 50]))
    lead = (batch, *rng.choice([1, 2, 5], rng.integers(0, 3)).tolist())
    k, m = rng.choice(SIZES, 2).tolist()
    n, last = int(rng.integers(1, batch + 1)) if blocked else batch, bool(rng.random() < 0.5)
    check_matmul(rng, lead, k, m, bool(seed % 2), last, n, blocked)
    check_gradient(rng, lead, k, m, last, n, blocked)


@pytest.mark.parametrize("training", [False, True])
def test_weights_whose_rows_would_fight_are_brought_together(training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dense._fight(NARROW, 784, 512)
    assert not dense._fight(NARROW, 400, 120)
    assert not dense._fight(WIDE, 784, 512)
    monkeypatch.setattr(dense, "_fight", lambda machine, rows, pitch: True)
    check_matmul(np.random.default_rng(0), (32,), 21, 37, False, False, 30, training=training)


def test_panels_of_few_rows_are_brought_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_MANY", 1)
    check_gradient(np.random.default_rng(0), (32, 2), 22, 137, False, 29)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "k", "m"), [(200, 784, 512), (64, 4096, 128), (16, 512, 512)])
def test_large_products(n: int, k: int, m: int) -> None:
    rng = np.random.default_rng(0)
    for last in (False, True):
        check_matmul(rng, (n,), k, m, False, last, blocked=False)
        check_gradient(rng, (n,), k, m, last, blocked=False)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("lead", [(16,), (16, 2)])
def test_blocks_add_up_to_the_bits_of_one(last: bool, lead: tuple[int, ...]) -> None:
    """In rows every block size gives the same sum; with samples innermost every number of real samples."""
    rng, (k, m), n = np.random.default_rng(1), (20, 19), 21
    x, g = numbers(rng, (32, *lead[1:], k)), numbers(rng, (32, *lead[1:], m))
    x[n:], g[n:] = x[n - 1], 0
    sums = []
    for size in (16, 32):
        kernel = Kernel(MatMulGradWeight(), [form((size, *a.shape[1:]), "float32", last) for a in (x, g)],
                        [form((k, m), "float32", False)], NARROW, True)
        kernel.y[0][...] = np.nan  # nobody has been here
        for base in range(0, n, size):
            for target, a in zip(kernel.x, (x, g), strict=True):
                target[...] = a[base:base + size]
            kernel.run(2, min(size, n - base), base, n)
        sums.append(kernel.y[0])
    if len(lead) == 1 or not last:
        np.testing.assert_array_equal(*sums)
    (expected,), (sizes,) = (MatMulGradWeight().forward(*wide(a, b)) for a, b in ((x, g), (abs(x), abs(g))))
    for got in sums:
        close(got, expected, bound(n * 2, sizes))


def fused(shapes: Sequence[tuple[str, tuple[int, ...]]], tail: Sequence[tuple[Op, int | None]],
          turned: bool = False) -> Fused:
    """A product and what follows; each op of the tail reads the value so far, and maybe one more input."""
    b = Builder("body")
    inputs = [b.input(f"x{i}", TensorType(dtype, shape)) for i, (dtype, shape) in enumerate(shapes)]
    y = b.add(MatMul(turned), inputs[0], inputs[1])
    for op, side in tail:
        y = b.add(op, y) if side is None else b.add(op, y, inputs[side])
    return Fused(b.build([Output("y", y)]))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("lead", [(1,), (16, 3)])
def test_tails(last: bool, lead: tuple[int, ...]) -> None:
    """Biases, slopes of each feature and of all, arrays formed as the result, masks of each element and of features."""
    rng, k, m = np.random.default_rng(2), 5, 18
    shared = (lead[0], *(1 for _ in lead[1:]), m)
    arrays: list[Any] = [numbers(rng, (*lead, k)), numbers(rng, (k, m)), numbers(rng, (m,)), numbers(rng, (*lead, m)),
                         rng.random((*lead, m)) < 0.5, rng.random(shared) < 0.5, numbers(rng, (1,)), numbers(rng, (m,))]
    batched = (True, False, False, True, True, True, False, False)
    axis = len(lead)
    op = fused([(a.dtype.name, a.shape) for a in arrays],
               [(BiasAdd(-1), 2), (PRelu(axis), 7), (ApplyMask(2.0), 4), (Add(), 3), (PRelu(axis), 6),
                (Scale(0.5), None), (ApplyMask(1.25), 5), (Relu(), None)])
    n = max(1, lead[0] - 3)
    got = results(op, arrays, (*lead, m), last, n, batched)
    (expected,) = op.forward(*(a[:n] if b else a for a, b in zip(arrays, batched, strict=True)))
    (sizes,) = MatMul().forward(*(abs(a) for a in (arrays[0][:n], arrays[1])))
    close(got, expected, 64 * bound(k + 8, sizes + abs(arrays[2]) + abs(arrays[3][:n])))


@pytest.mark.parametrize("last", [False, True])
def test_a_residual_is_the_input_itself(last: bool) -> None:
    rng = np.random.default_rng(3)
    x, w = numbers(rng, (16, 20)), numbers(rng, (20, 20))
    op = fused([("float32", x.shape), ("float32", w.shape)], [(Relu(), None), (Add(), 0)], turned=True)
    (expected,), (sizes,) = op.forward(*wide(x, w)), MatMul(True).forward(abs(x), abs(w))
    close(results(op, (x, w), x.shape, last), expected, bound(21, sizes + abs(x)))


def test_a_side_input_may_lie_in_another_layout() -> None:
    rng = np.random.default_rng(5)
    arrays = [numbers(rng, (16, 3)), numbers(rng, (3, 4)), numbers(rng, (16, 4))]
    op = fused([("float32", a.shape) for a in arrays], [(Add(), 2)])
    (expected,) = op.forward(*wide(*arrays))
    for last in (False, True):
        ins = [form(a.shape, "float32", lies) for a, lies in zip(arrays, (last, False, not last), strict=True)]
        kernel = Kernel(op, ins, [form((16, 4), "float32", last)])
        for target, a in zip(kernel.x, arrays, strict=True):
            target[...] = a
        np.testing.assert_allclose(kernel.run()[0], expected, 1e-5, 1e-5)


def test_what_has_no_kernel_says_so() -> None:
    x, w, y = form((16, 3), "float32", True), form((3, 4), "float32", False), form((16, 4), "float32", False)
    with pytest.raises(Unsupported, match="both layouts"):
        Kernel(MatMul(), [x, w], [y])
    with pytest.raises(Unsupported, match="float64"):
        Kernel(MatMul(), [form((2, 3), "float64", False), form((3, 4), "float64", False)],
               [form((2, 4), "float64", False)])
    nothing = [form((16, 0, 4), "float32", False), form((16, 0, 3), "float32", False)]
    with pytest.raises(Unsupported, match="a sum of nothing"):
        Kernel(MatMulGradWeight(), nothing, [form((4, 3), "float32", False)])


@pytest.mark.parametrize("last", [False, True])
def test_numbers_that_are_none_reach_what_they_belong_to(last: bool) -> None:
    """NaN, infinities, -0 and subnormals."""
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-40, 3e38, 0, -1], "f")
    x = np.concatenate([np.diag(special), np.ones((8, 8), "f")])
    w = np.eye(8, 20, dtype="f")
    got = results(MatMul(), (x, w), (16, 20), last)
    with np.errstate(invalid="ignore"):
        products = x[:, :, None] * w
        expected = np.zeros((16, 20), "f")
        for k in range(8):
            expected += products[:, k]
    np.testing.assert_array_equal(got, expected)


def check_batch_matmul(rng: np.random.Generator, shape: tuple[int, int, int, int], turned: tuple[bool, bool],
                       last: bool, n: int, blocked: bool = True) -> None:
    batch, m, k, p = shape
    a = numbers(rng, (batch, k, m) if turned[0] else (batch, m, k))
    b = numbers(rng, (batch, p, k) if turned[1] else (batch, k, p))
    op = BatchMatMul(*turned)
    got = results(op, (a, b), (batch, m, p), last, n, (True, True), blocked)
    (expected,), (sizes,) = op.forward(*wide(a[:n], b[:n])), op.forward(*wide(abs(a[:n]), abs(b[:n])))
    close(got, expected, bound(k, sizes))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("turned", list(itertools.product([False, True], repeat=2)))
def test_products_sample_by_sample(turned: tuple[bool, bool], last: bool) -> None:
    rng = np.random.default_rng(4)
    check_batch_matmul(rng, (16, 7, 5, 18) if last or all(turned) else (1, 1, 20, 3), turned, last, 11 if last else 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_many_products_sample_by_sample(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch = int(rng.choice([1, 5, 16, 20]))
    m, k, p = rng.choice(SIZES, 3).tolist()
    check_batch_matmul(rng, (batch, m, k, p), (bool(seed & 1), bool(seed & 2)), bool(seed & 4),
                       int(rng.integers(1, batch + 1)) if batch == 16 else batch, batch in (1, 16))


@pytest.mark.parametrize(("op", "shapes", "out"), [
    (MatMul(), ((16, 0, 4), (4, 3)), (16, 0, 3)),
    (BatchMatMul(), ((16, 0, 4), (16, 4, 3)), (16, 0, 3)),
    (BatchMatMul(), ((16, 2, 4), (16, 4, 0)), (16, 2, 0))])
def test_where_there_is_nothing_to_write(op: Op, shapes: Sequence[tuple[int, ...]], out: tuple[int, ...]) -> None:
    for last in (False, True):
        ins = [form(s, "float32", last and s[0] == 16) for s in shapes]
        assert Kernel(op, ins, [form(out, "float32", last)], blocked=True).run()[0].size == 0


@pytest.mark.parametrize("machine", MACHINES)
def test_tiles_fit_the_registers_and_keep_them_busy(machine: Any) -> None:
    for m, n in itertools.product((1, 3, 10, 16, 64, 84, 128, 784), (1, 10, 16, 32, 84, 512)):
        for exact in (False, True):
            rows, columns = tile(m, n, machine, exact)
            assert 1 <= rows <= m
            assert 1 <= columns <= -(-n // LANES)
            assert rows * columns < machine.vectors
    rows, columns = tile(120, 512, machine)
    assert rows * columns >= machine.vectors // 2


def test_tiles_waste_little() -> None:
    shapes = ((10, 64, NARROW), (64, 512, NARROW), (1, 512, NARROW), (64, 512, WIDE))
    assert [tile(*shape) for shape in shapes] == [(5, 1), (6, 1), (1, 4), (8, 2)]
