"""Arrays are cut into runs of memory, each element once, and the sums over the pieces are those of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_runs import LAYOUTS, bind_placed, placed

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import Op
from graphnet.compiler.ops import (
    ApplyMask,
    BiasAdd,
    Fused,
    Multiply,
    PRelu,
    ReduceMean,
    ReduceSum,
    Relu,
    ReluGrad,
    ScaleAxis,
    Tanh,
)
from graphnet.compiler.planning.layout import operand
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels import fused
from graphnet.runtime.kernels.walk import cut_shape, cuts, piece


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 24, 30, 1000])
@pytest.mark.parametrize("batch_last", [False, True])
@pytest.mark.parametrize("shape", [(), (7,), (5, 6), (3, 1, 4, 2), (1, 1), (2, 3, 5)])
def test_pieces_are_runs_of_memory_that_hold_each_element_once(shape, batch_last, size) -> None:
    form = operand(TensorType("float32", shape), batch_last and len(shape) > 1)
    x = placed(np.arange(form.type.size, dtype=np.float32).reshape(shape), form.layout)
    pieces = [piece(x, cut) for cut in cuts(form, size)]
    assert [p.shape for p in pieces] == [cut_shape(form, cut) for cut in cuts(form, size)]
    assert np.concatenate([np.sort(p.ravel()) for p in pieces]).size == x.size
    assert sorted(np.concatenate([p.ravel() for p in pieces])) == sorted(x.ravel())
    assert max(p.size for p in pieces) == pieces[0].size <= max(size, 1)
    places = [(p.ctypes.data - x.ctypes.data) // x.itemsize for p in pieces]
    assert places == np.cumsum([0, *(p.size for p in pieces)])[:-1].tolist()  # one behind the other, without gaps


def body(shape: tuple[int, ...], chain: tuple[tuple[Op, tuple[int, ...] | None], ...], sums: tuple[Op, ...],
         keep: bool) -> Graph:
    """A chain on x, each op with the shape of its other operand, and sums of what it makes."""
    b = Builder("body")
    value = b.input("x", TensorType("float64", shape))
    for number, (op, side) in enumerate(chain):
        dtype = "bool" if isinstance(op, ApplyMask) else "float64"
        others = [] if side is None else [b.input(f"s{number}", TensorType(dtype, side))]
        value = b.add(op, value, *others)
    results = [b.add(total, value) for total in sums]
    return b.build([Output(f"y{i}", v) for i, v in enumerate([value] * keep + results)])


BODIES = {
    "bias gradient": ((6, 3, 4, 5), ((ReluGrad(), (6, 3, 4, 5)),), (ReduceSum((0, 2, 3)),), True),
    "sum only": ((6, 3, 4, 5), ((Multiply(), (6, 3, 4, 5)),), (ReduceSum((0, 1, 2, 3)),), False),
    "two sums": ((6, 7), ((Tanh(), None), (Multiply(), (6, 7))), (ReduceSum((0,)), ReduceMean((1,))), True),
    "mean": ((6, 7), ((Tanh(), None),), (ReduceMean((0,)), ReduceMean((0, 1))), False),
    "over no axis": ((6, 7), ((Tanh(), None),), (ReduceSum(()),), False),
    "vectors": ((6, 3, 4, 5), ((ScaleAxis(1), (3,)), (BiasAdd(-3), (3,)), (Relu(), None)), (), True),
    "vectors and sum": ((6, 8), ((ScaleAxis(-1), (8,)), (BiasAdd(1), (8,))), (ReduceSum((0,)),), True),
    "one slope": ((6, 3, 4, 5), ((PRelu(1), (1,)), (Tanh(), None)), (), True),
    "mask of channels": ((6, 3, 4, 5), ((ApplyMask(2.0), (6, 3, 1, 1)), (Tanh(), None)), (ReduceSum((2, 3)),), True),
}


@pytest.mark.parametrize("size", [1, 4, 17, 10_000])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", BODIES)
def test_bodies_piece_by_piece(name: str, layout: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "PIECE", size)
    monkeypatch.setattr(fused, "SUMMED_PIECE", size)
    check(Fused(body(*BODIES[name])), layout)


@pytest.mark.parametrize("name", [name for name, (*_, keep) in BODIES.items() if not keep])
def test_operands_in_several_layouts_are_not_walked(name: str) -> None:
    shape, chain, sums, keep = BODIES[name]
    chain = (*chain, (Multiply(), shape))
    op = Fused(body(shape, chain, sums, keep))
    check(op, "rows", "batch-last")


def check(op: Fused, *layouts: str) -> None:
    """The kernel's results are those of the body, with inputs in these layouts by turns."""
    chance = np.random.default_rng(2)
    arrays = [chance.standard_normal(op.body.types[i.value].shape) > 0 if op.body.types[i.value].dtype == "bool"
              else chance.standard_normal(op.body.types[i.value].shape) for i in op.body.inputs]
    given = tuple(placed(array, layouts[index % len(layouts)]) for index, array in enumerate(arrays))
    run, outputs = bind_placed(op, given, layouts[0])
    wanted = op.forward(*arrays)
    for _ in range(2):
        run()
        for got, want in zip(outputs, wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
