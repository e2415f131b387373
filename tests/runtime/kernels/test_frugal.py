"""Kernels that can do with less scratch memory compute the same with less."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_runs import bind_placed, placed

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Output
from graphnet.compiler.op import Op
from graphnet.compiler.ops import BiasAdd, Conv2d, Conv2dGradInput, Conv2dGradWeight, Fused, RandomMask, Relu
from graphnet.compiler.planning.program import Operand
from graphnet.compiler.types import Array, TensorType
from graphnet.runtime.kernels import NumpyTarget
from graphnet.runtime.kernels.registry import _FRUGAL

COUNTER = np.array([9, 4])
X, W, G = (5, 4, 9, 11), (6, 2, 3, 3), (5, 6, 9, 11)
OPTIONS = {"padding": ((1, 1), (1, 1)), "groups": 2}


def convolution() -> Op:
    return Conv2d(**OPTIONS)


def fused() -> Op:
    b = Builder("body")
    x, w, bias = (b.input(name, TensorType("float64", shape)) for name, shape in (("x", X), ("w", W), ("b", (6,))))
    return Fused(b.build([Output("y", b.add(Relu(), b.add(BiasAdd(1), b.add(convolution(), x, w), bias)))]))


CASES = {
    Conv2d: (convolution(), (X, W)),
    Conv2dGradInput: (Conv2dGradInput(shape=X, **OPTIONS), (G, W)),
    Conv2dGradWeight: (Conv2dGradWeight(shape=W, **OPTIONS), (X, G)),
    Fused: (fused(), (X, W, (6,))),
    RandomMask: (RandomMask((5, 40, 30), 0.5), ()),
}


def test_every_frugal_kernel_has_a_case() -> None:
    assert CASES.keys() == _FRUGAL.keys()


@pytest.mark.parametrize("cls", CASES)
def test_results_with_less_scratch_memory(cls: type[Op]) -> None:
    op, shapes = CASES[cls]
    chance = np.random.default_rng(0)
    arrays: list[Array] = [chance.standard_normal(shape) for shape in shapes]
    inputs = tuple(placed(a, "batch-last" if index == 0 or a.shape == G else "rows") for index, a in enumerate(arrays))
    if cls is RandomMask:
        arrays, inputs = [COUNTER], (COUNTER,)
    layout = "rows" if cls is Conv2dGradWeight else "batch-last"
    sizes = []
    for frugal in (False, True):
        run, (result, *_) = bind_placed(op, inputs, layout, target=NumpyTarget(frugal))
        run()
        np.testing.assert_allclose(result, op.forward(*arrays)[0], rtol=1e-12, atol=1e-12)
        *given, made = [Operand(a.dtype.name, a.shape, a.strides) for a in (*inputs, result)]
        sizes.append(NumpyTarget(frugal).workspace(op, tuple(given), (made,))[0].nbytes)
    assert sizes[1] < 0.7 * sizes[0]
