"""Winograd's convolutions against direct ones, over sizes, paddings, batches, threads and machines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from graphnet.compiler.ops.convolution import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.runtime.llvm.function import Function, Lanes
from graphnet.runtime.llvm.machine import Machine
from graphnet.runtime.llvm.values import Index, Value
from graphnet.runtime.native.convolution import winograd
from graphnet.runtime.native.convolution.geometry import Axis, Geometry
from graphnet.runtime.native.convolution.winograd_plan import Plan, best_plan, plan_of
from graphnet.runtime.native.convolution.winograd_transforms import F2, F4, Algorithm
from graphnet.runtime.native.emit.call import Call, emitter, room
from tests.runtime.native.harness import MACHINES, WIDE, Kernel, fill_padding, form

ERRORS = {(F2, False): 5e-7, (F4, False): 1e-5, (F2, True): 2e-6, (F4, True): 5e-5}
"""By algorithm, and whether for weights: of the largest sum of the summands' sizes."""
ALGORITHMS = pytest.mark.parametrize("algorithm", [F2, F4], ids=["F2", "F4"])


def slow(*case: Any) -> Any:
    return pytest.param(case, marks=pytest.mark.slow)


@dataclass(frozen=True)
class Convolution:
    """Stands for an op whose kernel is one of Winograd's."""

    algorithm: Algorithm
    padding: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (1, 1))
    direction: str = "forward"
    pooled: bool = False
    name = "winograd"

    def plan(self, call: Call) -> Plan:
        images = call.outputs[0] if self.direction == "input" else call.inputs[0]
        weights = call.outputs[0] if self.direction == "weight" else call.inputs[1]
        rows, columns = (
            Axis(size, size + sum(padding) - 2, 3, before=padding[0]) if self.direction != "input" else
            Axis(size + sum(padding) - 2, size, 3, before=padding[0], back=True)
            for size, padding in zip(images.shape[2:], self.padding, strict=True))
        c, f = images.shape[1], weights.shape[0]
        if self.pooled:
            rows, columns = (replace(a, results=a.results // 2, window=2, pace=2) for a in (rows, columns))
        g = Geometry(room(images), *((f, c) if self.direction == "input" else (c, f)), rows, columns)
        return plan_of(self.algorithm, g)


def _scratch(call: Call, machine: Machine) -> int:
    plan = call.op.plan(call)
    return plan.weight_scratch if call.op.direction == "weight" else plan.scratch


def _prepared(call: Call, machine: Machine) -> int:
    return 0 if call.op.direction == "weight" else call.op.plan(call).prepared


def _prepare(f: Function, call: Call) -> None:
    if call.prepared is not None and call.op.direction != "weight":
        winograd.prepare(f, call.op.plan(call), call.x[1], call.prepared)


@emitter(Convolution, scratch=_scratch, prepare=_prepare, prepared=_prepared)  # type: ignore[arg-type]
def _emit(f: Function, call: Call) -> None:
    """A third input is added to results, and a bias."""
    op, plan = call.op, call.op.plan(call)
    if op.direction == "weight":
        winograd.weight_gradient(f, plan, call.x[0], call.x[1], call.y[0])
        return

    def tail(value: Value, filter: Index, offset: Index, lanes: Lanes) -> Value:
        if len(call.x) < 4:
            return value
        return value + f.splat(f.scalar(call.x[2], filter)) + f.load(call.x[3], offset, lanes)
    winograd.conv(f, plan, call.x[0], call.y[0], tail, call.prepared)


def _images(n: int, c: int, h: int, w: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, c, h, w)).astype(np.float32)


def _direct(op: Convolution, inputs: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    direct = {"forward": Conv2d(padding=op.padding), "input": Conv2dGradInput(padding=op.padding, shape=shape),
              "weight": Conv2dGradWeight(padding=op.padding, shape=shape)}[op.direction]
    return direct.forward(*(i.astype(np.float64) for i in inputs))[0]


def _kernel(op: Convolution, inputs: list[np.ndarray], shape: tuple[int, ...], machine: Machine = WIDE,
            blocked: bool = False) -> Kernel:
    weights = None if op.direction == "weight" else 1
    forms = [form(i.shape, "float32", i.ndim == 4 and at != weights) for at, i in enumerate(inputs)]
    output = form(shape, "float32", weights is not None)
    made = Kernel(op, forms, [output], machine, blocked)  # type: ignore[arg-type]
    for memory in made.memory:
        memory.view(np.float32)[:] = np.nan
    for array, given in zip(made.x, inputs, strict=True):
        array[...] = given
    fill_padding(made)
    if op.direction == "weight":
        inside = np.ndarray((*forms[1].shape[1:], room(forms[1])), np.float32, made.memory[1].data)
        inside[..., forms[1].shape[0]:] = 0
    return made


def _case(op: Convolution, n: int, c: int, f: int, h: int, w: int) -> tuple[list[np.ndarray], tuple[int, ...]]:
    (top, bottom), (left, right) = op.padding
    x, weights = (n, c, h, w), (f, c, 3, 3)
    y = n, f, h + top + bottom - 2, w + left + right - 2
    given, shape = {"forward": ((x, weights), y), "input": ((y, weights), x), "weight": ((x, y), weights)}[op.direction]
    return [_images(*s, seed=i) for i, s in enumerate(given)], shape


def check(op: Convolution, n: int, c: int, f: int, h: int, w: int, machine: Machine = WIDE, threads: int = 1) -> Kernel:
    inputs, shape = _case(op, n, c, f, h, w)
    kernel = _kernel(op, inputs, shape, machine)
    (y,) = kernel.run(threads)
    expected, sizes = _direct(op, inputs, shape), _direct(op, [abs(i) for i in inputs], shape)
    bound = ERRORS[op.algorithm, op.direction == "weight"]
    assert np.max(np.abs(y - expected)) <= bound * np.max(sizes), np.max(np.abs(y - expected)) / np.max(sizes)
    return kernel


DIRECTIONS = pytest.mark.parametrize("direction", ["forward", "input", "weight"])
CASES = [((1, 1), (1, 1), 16, 8, 16, 8, 8), ((0, 1), (2, 0), 1, 10, 8, 9, 11), ((1, 1), (0, 0), 5, 8, 8, 1, 3),
         ((1, 1), (1, 1), 1, 1, 1, 1, 1)]
MORE = [((1, 1), (1, 1), 1, 8, 9, 8, 8), ((0, 0), (0, 0), 32, 9, 8, 7, 6), ((2, 2), (2, 2), 16, 8, 8, 5, 9),
        ((1, 1), (1, 1), 1, 3, 17, 6, 70), ((1, 1), (1, 1), 16, 3, 5, 2, 45), ((1, 1), (1, 1), 1, 16, 24, 30, 29),
        ((1, 1), (1, 1), 48, 17, 33, 13, 13), ((0, 0), (1, 1), 1, 8, 8, 3, 1), ((3, 0), (0, 4), 16, 8, 8, 4, 4)]
"""Padding, samples, channels, filters, rows and columns."""


@ALGORITHMS
@DIRECTIONS
@pytest.mark.parametrize("case", [*CASES, *(slow(*case) for case in MORE)], ids=str)
def test_numbers_of_direct_sums(algorithm: Algorithm, direction: str, case: Any) -> None:
    check(Convolution(algorithm, case[:2], direction), *case[2:])


@pytest.mark.slow
@ALGORITHMS
@DIRECTIONS
@pytest.mark.parametrize("machine", MACHINES, ids=["wide", "narrow"])
@pytest.mark.parametrize("seed", range(20))
def test_numbers_of_direct_sums_at_random(algorithm: Algorithm, direction: str, machine: Machine, seed: int) -> None:
    draw = np.random.default_rng(seed)
    top, bottom, left, right = (int(p) for p in draw.integers(0, 3, 4))
    h, w = int(draw.integers(max(1, 3 - top - bottom), 20)), int(draw.integers(max(1, 3 - left - right), 40))
    n, c, f = (int(draw.choice(s)) for s in ([1, 1, 2, 16, 37, 80], [1, 8, 16, 20], [1, 7, 16, 33]))
    op = Convolution(algorithm, ((top, bottom), (left, right)), direction)
    check(op, n, c, f, h, w, machine, threads=int(draw.integers(1, 4)))


@ALGORITHMS
@DIRECTIONS
@pytest.mark.parametrize("sizes", [slow(1, 9, 18, 13, 9), slow(64, 3, 5, 30, 5), (48, 8, 10, 6, 7)], ids=str)
def test_bits_are_the_same_for_all_threads_and_machines(algorithm: Algorithm, direction: str, sizes: Any) -> None:
    op = Convolution(algorithm, direction=direction)
    inputs, shape = _case(op, *sizes)
    kernels = [_kernel(op, inputs, shape, machine) for machine in MACHINES]
    runs = [(kernel, threads) for kernel in kernels for threads in (1, 2, 3)]
    assert len({np.ascontiguousarray(kernel.run(threads)[0]).tobytes() for kernel, threads in runs}) == 1


@ALGORITHMS
@pytest.mark.parametrize("n", [1, 16])
def test_gradients_for_weights_add_to_those_of_earlier_blocks(algorithm: Algorithm, n: int) -> None:
    op = Convolution(algorithm, direction="weight")
    inputs, shape = _case(op, n, 8, 9, 6, 5)
    kernel = _kernel(op, inputs, shape, blocked=True)
    first = kernel.run(base=0, total=2 * n)[0].copy()
    second = kernel.run(base=n, total=2 * n)[0]
    np.testing.assert_array_equal(second, first + first)


@ALGORITHMS
@pytest.mark.parametrize("sizes", [(1, 8, 5, 8, 40), (16, 8, 5, 5, 7)], ids=str)
def test_results_pass_through_a_tail(algorithm: Algorithm, sizes: Any) -> None:
    op = Convolution(algorithm)
    inputs, shape = _case(op, *sizes)
    inputs += [np.arange(shape[1], dtype=np.float32), _images(*shape, seed=7)]
    (plain,), (y,) = (_kernel(op, given, shape).run(2) for given in (inputs[:2], inputs))
    np.testing.assert_array_equal(y, plain + inputs[2][:, None, None] + inputs[3])


@ALGORITHMS
@pytest.mark.parametrize("sizes", [slow(1, 8, 5, 9, 70), (1, 8, 5, 8, 8), slow(16, 8, 5, 7, 9), (64, 8, 5, 6, 10)],
                         ids=str)
def test_maxima_of_windows_can_be_stored_alone(algorithm: Algorithm, sizes: Any) -> None:
    inputs, (n, f, oh, ow) = _case(Convolution(algorithm), *sizes)
    (whole,) = _kernel(Convolution(algorithm), inputs, (n, f, oh, ow)).run()
    (y,) = _kernel(Convolution(algorithm, pooled=True), inputs, (n, f, oh // 2, ow // 2)).run()
    windows = whole[:, :, :oh // 2 * 2, :ow // 2 * 2].reshape(n, f, oh // 2, 2, ow // 2, 2)
    np.testing.assert_array_equal(y, windows.max((3, 5)))


def _sizes(n: int, c: int, f: int, h: int) -> Geometry:
    axis = Axis(h, h, 3, before=1)
    return Geometry(n, c, f, axis, axis)


def test_where_it_is_used() -> None:
    """By the algorithm that gains most of those that may be taken."""
    both = [F2, F4]

    def chosen(g: Geometry, algorithms: list[Algorithm] = both) -> Algorithm | None:
        plan = best_plan(algorithms, g)
        return plan.algorithm if plan else None
    big = _sizes(64, 32, 32, 16)
    assert chosen(big) is F4
    assert chosen(big, [F2]) is F2
    assert chosen(_sizes(1, 64, 64, 16)) is F4
    assert chosen(_sizes(1, 64, 64, 8)) is F2  # 4 tiles of 4 × 4 fill no vector
    assert not any(map(chosen, (
        _sizes(64, 3, 32, 32), _sizes(64, 8, 8, 16), _sizes(24, 32, 32, 16), replace(big, groups=2),
        replace(big, columns=Axis(16, 8, 3, 2, before=1)), replace(big, rows=Axis(16, 14, 3, 1, 2, 1)),
        replace(big, rows=Axis(16, 16, 1)), _sizes(0, 32, 32, 16), _sizes(64, 32, 32, 0), _sizes(64, 0, 32, 16))))
    assert not best_plan([F4], _sizes(1, 256, 256, 4))


def test_a_band_of_few_vectors_is_shared_by_all_threads() -> None:
    assert plan_of(F4, _sizes(1, 64, 64, 16)).together
    assert not plan_of(F4, _sizes(64, 32, 32, 32)).together


class Numbers:
    """Does with numbers what a function that is being written does with vectors."""

    @staticmethod
    def fma(a: float, b: float, c: float) -> float:
        return a * b + c


def matrix(transform: Any, columns: int) -> Any:
    return np.array([transform(Numbers(), [float(k == column) for k in range(columns)]) for column in range(columns)]).T


@ALGORITHMS
def test_how_far_rounding_may_go(algorithm: Algorithm) -> None:
    a, points = algorithm, algorithm.points
    for after, one, columns, given in ((matrix(a.output, points), a.filter, 3, a.rounding[0]),
                                       (matrix(a.to_filter, points), a.from_output, a.tile, a.rounding[1])):
        sizes = (matrix(one, columns) ** 2).sum(1) * (matrix(a.image, points) ** 2).sum(1)
        assert max(1, (after ** 2 @ sizes).max() / columns) == pytest.approx(given)
