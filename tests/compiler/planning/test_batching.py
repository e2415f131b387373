"""What ops say about samples is true, and graphs are cut by it."""

from __future__ import annotations

import numpy as np
import pytest
from op_cases import Case, all_cases, symbolic_forms, with_symbol

from graphnet.compiler.builder import Builder
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import Op
from graphnet.compiler.ops import Add, BatchNorm, GaussianNoise, MatMul, ReduceMean, ReduceSum, Relu, Scale, Softmax
from graphnet.compiler.ops.fused import Fused
from graphnet.compiler.ops.noise import RandomMask
from graphnet.compiler.ops.penalties import PenaltyGrad
from graphnet.compiler.ops.recurrent import Walk
from graphnet.compiler.ops.reduction import Expand
from graphnet.compiler.planning.batching import AFTER, BEFORE, EACH, in_stages, stages
from graphnet.compiler.planning.lowering import lower
from graphnet.compiler.types import BATCH, Array, TensorType
from graphnet.runtime.kernels import NumpyTarget

BY_PLACE = (RandomMask, Expand, PenaltyGrad)
"""What they make of a sample depends on its number, or on how many there are; their kernels know both."""


def rows_of(array: Array, shape: tuple[object, ...], part: slice) -> Array:
    return array[tuple(part if dim == BATCH else slice(None) for dim in shape)]


@pytest.mark.parametrize("case", all_cases())
def test_samples_that_an_op_takes_apart_can_be_taken_apart(case: Case) -> None:
    for leading, size in symbolic_forms(case):
        walks = isinstance(case.op, Walk)  # what they keep has its samples innermost
        form = with_symbol(case, size, everywhere=True) if walks else leading
        apart = form.inputs and form.inputs[0].shape[:1] == (BATCH,) and form.op.separates(*form.inputs)
        if apart and size > 1 and not isinstance(case.op, (*BY_PLACE, Fused)):
            check_apart(case, form, size)


def check_apart(case: Case, form: Case, size: int) -> None:
    arrays, cut = case.arrays(), size // 2
    whole = case.op.forward(*arrays)
    parts = []
    for part in (slice(0, cut), slice(cut, size)):
        op = form.op.bind({BATCH: part.stop - part.start})
        parts.append(op.forward(*(rows_of(a, t.shape, part) for a, t in zip(arrays, form.inputs, strict=True))))
    for index, (result, t) in enumerate(zip(whole, form.op.infer(*form.inputs), strict=True)):
        first, second = (made[index] for made in parts)
        if BATCH in t.shape:
            joined = np.concatenate((first, second), t.shape.index(BATCH))
            np.testing.assert_allclose(joined, result, rtol=1e-10, atol=1e-10)
            continue
        sums = [first + second, (first * cut + second * (size - cut)) / size, first]
        assert any(np.allclose(found, result, rtol=1e-9, atol=1e-9) for found in sums), f"result {index}"


@pytest.mark.parametrize(("op", "types", "apart"), [
    (Softmax(-1), ((BATCH, 3),), True), (Softmax(0), ((BATCH, 3),), False), (ReduceSum((0,)), ((BATCH, 3),), True),
    (BatchNorm(1, 0.9, 1e-5, True), ((BATCH, 3), (3,), (3,), (3,), (3,)), False)])
def test_what_ops_say(op: Op, types: tuple[tuple[object, ...], ...], apart: bool) -> None:
    assert op.separates(*(TensorType("float32", shape) for shape in types)) == apart


def loss_graph(noisy: bool = False, late: bool = False) -> Graph:
    """mean over the batch of relu(x w), a penalty of w alone, and both added; if `late`, x scaled by the mean again."""
    b = Builder("g")
    x = b.input("x", TensorType("float32", (BATCH, 3)))
    w = b.parameter("w", TensorType("float32", (3, 2)))
    h = b.add(Relu(), b.add(MatMul(), x, w))
    penalty = b.add(ReduceSum((0, 1)), b.add(Scale(0.1), w))
    if noisy:
        counter = b.state("count", TensorType("int64", (2,)), "counter")
        h, following = b.apply(GaussianNoise(0.1), h, counter)
        b.advance(counter, following)
    mean = b.add(ReduceMean((0, 1)), h)
    outputs = [Output("h", h), Output("loss", b.add(Add(), mean, penalty))]
    if late:
        outputs.append(Output("spread", b.add(Add(), h, b.add(Expand((BATCH, 2), (0, 1), False), mean))))
    return b.build(outputs)


def test_a_graph_is_cut_into_before_each_and_after() -> None:
    graph = loss_graph()
    found = stages(graph)
    assert found == (EACH, EACH, BEFORE, BEFORE, EACH, AFTER)
    ordered = in_stages(graph, found)
    assert [node.op.name for node in ordered.nodes] == ["scale", "reduce_sum", "matmul", "relu", "reduce_mean", "add"]
    again = stages(ordered)
    assert again == tuple(sorted(found))
    assert in_stages(ordered, again) is ordered


@pytest.mark.parametrize("options", [{"noisy": True}, {"late": True}])
def test_a_graph_whose_samples_cannot_be_told_apart_is_not_cut(options: dict[str, bool]) -> None:
    assert stages(loss_graph(**options)) is None


class Blocks(NumpyTarget):
    """NumPy's kernels, as if there were blocks."""

    blocked = True


def test_what_lives_over_several_blocks_keeps_its_place() -> None:
    program = lower(loss_graph(), {BATCH: 16}, Blocks())
    start, stop = program.each or (0, 0)
    assert program.blocked
    assert program.batched == {"x", "h"}
    assert [i.op.name for i in program.instructions[start:stop]] == ["matmul", "relu", "reduce_mean"]
    mean = program.instructions[stop - 1].outputs[0]
    assert mean.first == start
    within = [slot for i in program.instructions[start:stop] for slot in i.outputs]
    assert not [slot for slot in within if slot is not mean and slot.buffer == mean.buffer
                and slot.offset < mean.end and mean.offset < slot.end]
