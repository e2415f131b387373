"""Winograd's convolutions against direct ones, over sizes, paddings, batches, threads and machines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from graphnet.compiler.ops.convolution import Conv2d, Conv2dGradInput, Conv2dGradWeight
from graphnet.runtime.native import winograd
from graphnet.runtime.native.call import Call, emitter, room
from graphnet.runtime.native.function import Function, Lanes
from graphnet.runtime.native.geometry import Geometry
from graphnet.runtime.native.machine import Machine
from graphnet.runtime.native.values import Index, Value
from graphnet.runtime.native.winograd import Outlet
from graphnet.runtime.native.winograd_transforms import F2, F4, Algorithm
from tests.runtime.native.harness import MACHINES, WIDE, Kernel, fill_padding, form

ERRORS = {(F2, False): 5e-7, (F4, False): 1e-5, (F2, True): 2e-6, (F4, True): 5e-5}
"""By algorithm, and whether for weights: of the largest sum of the summands' sizes."""
ALGORITHMS = pytest.mark.parametrize("algorithm", [F2, F4], ids=["F2", "F4"])


@dataclass(frozen=True)
class Convolution:
    """Stands for an op whose kernel is one of Winograd's."""

    algorithm: Algorithm
    padding: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (1, 1))
    direction: str = "forward"
    pooled: bool = False
    name = "winograd"

    def geometry(self, call: Call) -> Geometry:
        images = call.outputs[0] if self.direction == "input" else call.inputs[0]
        weights = call.outputs[0] if self.direction == "weight" else call.inputs[1]
        (top, bottom), (left, right) = self.padding
        g = Geometry(room(images), *images.shape[1:], weights.shape[0], 3, 3, top, bottom, left, right)
        return g.transposed() if self.direction == "input" else g


def _joined(f: Function, rows: Any) -> list[Value]:
    tops = [f.greater(a, b) for a, b in zip(*rows, strict=True)]
    return [f.greater(a, b) for a, b in zip(tops[::2], tops[1::2], strict=True)]


def _scratch(call: Call, machine: Machine) -> int:
    g = call.op.geometry(call)
    return (winograd.weight_scratch if call.op.direction == "weight" else winograd.scratch)(call.op.algorithm, g, machine)


def _prepared(call: Call, machine: Machine) -> int:
    return 0 if call.op.direction == "weight" else winograd.prepared(call.op.algorithm, call.op.geometry(call))


def _prepare(f: Function, call: Call) -> None:
    if call.prepared is not None and call.op.direction != "weight":
        winograd.prepare(f, call.op.algorithm, call.op.geometry(call), call.x[1], call.prepared, f.scratch,
                         transposed=call.op.direction == "input")


@emitter(Convolution, scratch=_scratch, prepare=_prepare, prepared=_prepared)  # type: ignore[arg-type]
def _emit(f: Function, call: Call) -> None:
    """A third input is added to results, and a bias."""
    op, g = call.op, call.op.geometry(call)
    if op.direction == "weight":
        winograd.weight_gradient(f, op.algorithm, g, call.x[0], call.x[1], call.y[0], f.scratch)
        return

    def tail(value: Value, filter: Index, offset: Index, lanes: Lanes) -> Value:
        if len(call.x) < 4:
            return value
        return value + f.splat(f.scalar(call.x[2], filter)) + f.load(call.x[3], offset, lanes)
    outlet = Outlet(2, _joined) if op.pooled else winograd.WHOLE
    winograd.conv(f, op.algorithm, g, call.x[0], call.y[0], f.scratch, tail, call.prepared, outlet)


def _images(n: int, c: int, h: int, w: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, c, h, w)).astype(np.float32)


def _direct(op: Convolution, inputs: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    made = {"forward": lambda: Conv2d(padding=op.padding), "weight": lambda: Conv2dGradWeight(padding=op.padding, shape=shape),
            "input": lambda: Conv2dGradInput(padding=op.padding, shape=shape)}[op.direction]()
    return made.forward(*(i.astype(np.float64) for i in inputs))[0]


def _kernel(op: Convolution, inputs: list[np.ndarray], shape: tuple[int, ...], machine: Machine = WIDE,
            blocked: bool = False) -> Kernel:
    forms = [form(i.shape, "float32", i.ndim == 4 and (op.direction == "weight" or at != 1)) for at, i in enumerate(inputs)]
    made = Kernel(op, forms, [form(shape, "float32", op.direction != "weight")], machine, blocked)  # type: ignore[arg-type]
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


CASES = [((1, 1), (1, 1), 16, 8, 16, 8, 8), ((1, 1), (1, 1), 1, 8, 9, 8, 8), ((0, 0), (0, 0), 32, 9, 8, 7, 6),
         ((2, 2), (2, 2), 16, 8, 8, 5, 9), ((0, 1), (2, 0), 1, 10, 8, 9, 11), ((1, 1), (0, 0), 5, 8, 8, 1, 3),
         ((0, 0), (1, 1), 1, 8, 8, 3, 1), ((1, 1), (1, 1), 1, 3, 17, 6, 70), ((1, 1), (1, 1), 16, 3, 5, 2, 45),
         ((1, 1), (1, 1), 1, 16, 24, 30, 29), ((1, 1), (1, 1), 48, 17, 33, 13, 13), ((1, 1), (1, 1), 1, 1, 1, 1, 1)]


@ALGORITHMS
@pytest.mark.parametrize("direction", ["forward", "input", "weight"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_numbers_of_direct_sums(algorithm: Algorithm, direction: str, case: Any) -> None:
    check(Convolution(algorithm, case[:2], direction), *case[2:])
