"""Native kernels of element-wise ops, and of chains of them with sums: by mpmath, by the reference, and in blocks."""

from __future__ import annotations

from collections.abc import Sequence

import mpmath as mp
import numpy as np
import pytest
from exact_formulas import EXACT, Exact, draw, set_smallest

from graphnet.compiler import ops
from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.op import Op
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.types import TensorType
from graphnet.runtime.native.emit.call import Unsupported
from tests.runtime.native.blockwise import Batch, agree, forms
from tests.runtime.native.harness import NARROW, WIDE, Array, Kernel, form

pytest.importorskip("llvmlite")

FEW, MANY, ALLOWED = 64, 4000, 4
SPECIAL = np.array([0, -0.0, 1, -1, 0.5, -3, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 3e38, -3e38, 1e-20, 100],
                   np.float32)
VECTORS = (ops.PRelu, ops.PReluGrad, ops.BiasAdd, ops.ScaleAxis)
FORMS = forms(((21, 5, 3), True, 16), ((37, 33), False, 16), ((21, 3, 2, 9), False, None), ((1, 7, 4, 4), True, None),
              ((37, 2, 3, 3), True, 32), ((19, 5, 1), True, None), ((3, 40), False, 1), ((5, 80, 1), False, None),
              ((70, 3, 2), True, 64), ((64, 4), True, None), ((21, 3, 2, 9), False, 16))


def body(nodes: Sequence[Op], types: Sequence[TensorType], sums: Sequence[tuple[int, ...]] = (), gives: bool = True,
         mean: bool = False) -> Fused:
    """The first op on the first inputs, the others on what comes and the next inputs; sums over axes."""
    b = Builder("body")
    given = [b.input(f"x{i}", t) for i, t in enumerate(types)]
    value, rest = None, list(given)
    for op in nodes:
        count = _inputs(op) - (value is not None)
        taken, rest = rest[:count], rest[count:]
        value = b.add(op, *([] if value is None else [value]), *taken)
    assert value is not None
    assert not rest
    made = [b.add((ops.ReduceMean if mean else ops.ReduceSum)(axes), value) for axes in sums]
    results = [value] * gives + made
    return Fused(b.build([Output(f"y{i}", v) for i, v in enumerate(results)]))


def _inputs(op: Op) -> int:
    return {"relu_grad": 2, "tanh_grad": 2, "bias_add": 2, "scale_axis": 2, "multiply": 2, "add": 2, "apply_mask": 2,
            "subtract": 2, "prelu_grad": 3}.get(op.name, 1)


def type_of(array: Array) -> TensorType:
    return TensorType(array.dtype.name, array.shape)


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# The numbers -------------------------------------------------------------------------------------------------------


def sweep(case: Exact, count: int) -> None:
    """What comes out must be within 4 units in the last place, of the largest summand where there is a sum."""
    rng = np.random.default_rng(0)
    set_smallest("float32")
    arrays = [draw(domain, rng, "float32", count) for domain in case.domains]
    if isinstance(case.op, VECTORS):
        arrays = [*(x[:, None] for x in arrays[:-1]), np.array([-1.7], np.float32)]
    made = Batch(case.op, arrays, None).run()[0].ravel()
    given = list(zip(*(np.broadcast_to(x, arrays[0].shape).ravel().tolist() for x in arrays), strict=True))
    with mp.workprec(240):
        for index, numbers in enumerate(given):
            value, summand = case.value(*map(mp.mpf, numbers))
            size = max(abs(value), summand)
            if size > mp.mpf(float(np.finfo("f").max)):
                continue  # what overflows is infinite, or not a number where it cancels
            unit = mp.ldexp(1, max(mp.frexp(size)[1] - 24, -149))
            error = abs(mp.mpf(float(made[index])) - value) / unit
            assert error <= ALLOWED, f"{case.op} of {numbers} is {made[index]!r}, not {mp.nstr(value, 12)}: {error} ulp"


@pytest.mark.parametrize("case", EXACT, ids=lambda case: str(case.op))
def test_a_few_numbers(case: Exact) -> None:
    sweep(case, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("case", EXACT, ids=lambda case: str(case.op))
def test_many_numbers(case: Exact) -> None:
    sweep(case, MANY)


@pytest.mark.parametrize("case", EXACT, ids=lambda case: str(case.op))
def test_special_numbers(case: Exact) -> None:
    count = len(case.domains)
    arrays = [x.ravel().copy() for x in np.meshgrid(*[SPECIAL] * count)]
    if isinstance(case.op, VECTORS):
        arrays = [*(x[:, None] for x in arrays[:-1]), np.array([np.inf], np.float32)]
    with np.errstate(all="ignore"):
        wide = case.op.forward(*(x.astype(np.float64) for x in arrays))[0]
    batch = Batch(case.op, arrays, None)
    (made,), (wanted, *_) = batch.run(), batch.wanted
    differs = np.isfinite(made) != np.isfinite(wanted)
    # what overflows on the way in one order does not in another; more exact is right too
    excused = np.isfinite(made) & np.isfinite(wide) | np.isinf(made) & (abs(wide) > 3e38) & ~np.isnan(wanted)
    bad = differs & ~excused | (np.isnan(made) != np.isnan(wanted)) & ~excused
    assert not bad.any(), [(*(float(x.ravel()[i]) for x in arrays if x.size == made.size), made.ravel()[i],
                            wanted.ravel()[i]) for i in np.flatnonzero(bad)[:5]]
    both = np.isfinite(made) & np.isfinite(wanted)
    np.testing.assert_allclose(made[both], wanted[both], 3e-6, 1e-44)


# Layouts, blocks, threads and machines -----------------------------------------------------------------------------


@FORMS
def test_operands_of_all_forms(shape: tuple[int, ...], last: bool, block: int | None) -> None:
    channels = normal(shape[1], seed=1)
    mask = np.random.default_rng(2).random((*shape[:2], *(1 for _ in shape[2:]))) < 0.5
    nodes = [ops.BiasAdd(1), ops.ScaleAxis(1), ops.ApplyMask(1.25), ops.Relu(), ops.Subtract()]
    arrays = [normal(*shape), channels, channels * 2, mask, normal(*shape, seed=3)]
    agree(body(nodes, [type_of(a) for a in arrays]), arrays, shape[0], last=last, block=block)


@pytest.mark.parametrize("gives", [True, False], ids=["kept", "summed"])
@FORMS
def test_sums_over_all_but_channels(shape: tuple[int, ...], last: bool, block: int | None, gives: bool) -> None:
    axes = (0, *range(2, len(shape)))
    arrays = [normal(*shape), normal(*shape, seed=1)]
    op = body([ops.ReluGrad()], [type_of(a) for a in arrays], [axes], gives)
    agree(op, arrays, shape[0], last=last, block=block, atol=2e-5)


@FORMS
def test_means_of_all_elements_and_sums_of_each_sample(shape: tuple[int, ...], last: bool, block: int | None) -> None:
    arrays = [normal(*shape), normal(*shape, seed=1)]
    every = tuple(range(len(shape)))
    op = body([ops.Subtract(), ops.Tanh()], [type_of(a) for a in arrays], [every, every[1:]], mean=True)
    agree(op, arrays, shape[0], last=last, block=block, machines=(NARROW,))
    alone = body([ops.Subtract(), ops.Tanh()], [type_of(a) for a in arrays], [every[1:], every], gives=False)
    agree(alone, arrays, shape[0], last=last, block=block, machines=(WIDE,), atol=3e-5)


@pytest.mark.parametrize("shape", [(), (1,), (40,), (3, 0, 4), (0,), (1, 1), (2, 1000)], ids=str)
def test_arrays_without_samples(shape: tuple[int, ...]) -> None:
    agree(ops.Multiply(), [normal(*shape), normal(*shape, seed=1)])


def test_results_in_the_memory_of_inputs() -> None:
    for op, arrays in ((ops.TanhGrad(), [normal(21, 5, 3), normal(21, 5, 3, seed=1)]),
                       (body([ops.ReluGrad(), ops.ScaleAxis(1)], [TensorType("float32", (21, 5, 3))] * 2 +
                             [TensorType("float32", (5,))], [(0, 2), (0,)]),
                        [normal(21, 5, 3), normal(21, 5, 3, seed=1), normal(5)])):
        for position in (0, 1):
            batch = Batch(op, arrays, 21, last=True)
            kernel = batch.kernel
            apart = [made.copy() for made in batch.run(2)]
            kernel.memory[len(arrays)] = kernel.memory[position]
            kernel.y[0] = kernel.x[position]
            for made, want in zip(batch.run(2), apart, strict=True):
                np.testing.assert_array_equal(made, want)


def test_other_dtypes() -> None:
    x = np.arange(50, dtype=np.int64).reshape(5, 10)
    for dtype in ("int64", "int32", "uint8", "bool"):
        agree(ops.Copy(), [x.astype(dtype)], 5, last=True)
    for op, arrays in ((ops.Add(), [x, x]), (ops.Relu(), [normal(3).astype(np.float64)])):
        with pytest.raises(Unsupported, match="operands"):
            Kernel(op, *[[form(a.shape, a.dtype.name, False) for a in group] for group in (arrays, arrays[:1])])


def test_masks_times_infinity_are_as_their_numbers() -> None:
    g, y = np.array([np.inf, np.inf, np.nan, 2], np.float32), np.array([-1, 1, -1, -1], np.float32)
    (made,) = Batch(ops.ReluGrad(), [g, y], None).run()
    np.testing.assert_array_equal(made, np.array([np.nan, np.inf, np.nan, 0], np.float32))


def _random_chain(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Fused, list[Array]]:
    first: list[list[Op]] = [[ops.Relu()], [ops.TanhGrad()], [ops.ApplyMask(2.0)], [ops.PReluGrad(1)], [ops.Add()]]
    chain = [*first[rng.integers(len(first))]]
    others: list[Op] = [ops.BiasAdd(1), ops.Tanh(), ops.Scale(0.5), ops.ScaleAxis(1), ops.Multiply(), ops.Sigmoid()]
    chain += [others[i] for i in rng.integers(len(others), size=rng.integers(1, 4))]
    arrays: list[Array] = []
    for index, op in enumerate(chain):
        for position in range(index > 0, _inputs(op)):
            along = position == {"bias_add": 1, "scale_axis": 1, "prelu_grad": 2}.get(op.name)
            drawn = rng.normal(size=shape[1:2] if along else shape).astype(np.float32)
            arrays.append(drawn > 0 if op.name == "apply_mask" and position == 1 else drawn)
    kinds = [axes for axes in ((0,), tuple(range(len(shape))), (0, *range(2, len(shape))), (1,)) if rng.random() < 0.4]
    gives = bool(rng.random() < 0.5) or not kinds
    types, mean = [type_of(a) for a in arrays], bool(rng.random() < 0.3)
    return body(chain, types, list(dict.fromkeys(kinds)), gives, mean), arrays


def check_random(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = (1, 2, 3, 5, 8, 16, 17, 33)
    total = int(rng.choice((1, 3, 16, 19, 40, 64, 70)))
    shape = (total, *(int(rng.choice(sizes)) for _ in range(rng.integers(1, 4))))
    while total in shape[1:]:  # which operands have samples is told by their first size
        shape = (total, *(size + 1 if size == total else size for size in shape[1:]))
    op, arrays = _random_chain(rng, shape)
    block = None if rng.random() < 0.4 else int(rng.choice((1, 16, 32, 64)))
    atol = 2e-6 * np.prod(shape)**0.5 + 1e-6
    agree(op, arrays, total, last=bool(rng.random() < 0.5), block=block, rtol=1e-5, atol=atol)


@pytest.mark.parametrize("seed", range(8))
def test_random_chains(seed: int) -> None:
    check_random(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8, 300))
def test_many_random_chains(seed: int) -> None:
    check_random(seed)
