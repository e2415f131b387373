"""Buffers and executables: memory is what the plan says, shared, and never used after it moved."""

import numpy as np
import pytest

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import GraphNetError
from graphnet.compiler.ir import Output
from graphnet.compiler.op import f64
from graphnet.compiler.ops import Multiply, Scale, Tanh
from graphnet.compiler.planning.lowering import lower
from graphnet.compiler.planning.program import ALIGNMENT, ARENA, PARAMETERS, Program
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels import NumpyTarget
from graphnet.runtime.session import Buffers, Executable, aligned_bytes


def scaled(batch: int) -> Program:
    """y = 2 tanh(x) · w for rows of 4."""
    b = Builder("g")
    x, w = b.input("x", TensorType("float64", ("N", 4))), b.parameter("w", f64(4))
    y = b.add(Scale(2.0), b.add(Tanh(), x))
    return lower(b.build([Output("y", y), Output("ww", b.add(Multiply(), w, w))]), {"N": batch}, NumpyTarget())


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_arena_is_as_large_as_announced(batch):
    program, buffers = scaled(batch), Buffers()
    Executable(program, buffers)
    assert len(buffers[ARENA]) == program.peak == program.buffers[ARENA]
    assert len(buffers[PARAMETERS]) == 4 * 8


def test_arena_is_that_of_the_largest_program():
    programs, buffers = [scaled(batch) for batch in (2, 64, 16)], Buffers()
    for program in programs:
        Executable(program, buffers)
    assert len(buffers[ARENA]) == max(program.peak for program in programs)


def test_arrays_are_aligned_and_in_the_buffers():
    program, buffers = scaled(5), Buffers()
    run = Executable(program, buffers)
    slots = program.inputs | program.outputs
    for name, array in (run.inputs | run.outputs).items():
        assert array.ctypes.data % ALIGNMENT == 0
        assert np.shares_memory(array, buffers[slots[name].buffer])
    assert slots["y"].buffer == ARENA != slots["ww"].buffer == program.prepared


def test_what_weights_alone_make_is_made_once_for_each_version_of_them():
    program, buffers = scaled(2), Buffers()
    run = Executable(program, buffers)
    weights = buffers.view(program.parameters["w"])
    for version, (value, made) in enumerate([(3, 9), (4, 9), (5, 25)]):
        weights[:], buffers.version = value, version // 2
        run.run()
        assert (run.outputs["ww"] == made).all()


def test_growing_arena_makes_executables_stale():
    buffers = Buffers()
    small = Executable(scaled(2), buffers)
    assert not small.stale
    Executable(scaled(1), buffers)
    assert not small.stale
    large = Executable(scaled(100), buffers)
    assert small.stale
    assert not large.stale


def test_weights_do_not_move_when_the_arena_grows():
    buffers = Buffers()
    program = scaled(2)
    Executable(program, buffers)
    weight = buffers.view(program.parameters["w"])
    weight[...] = 3
    run = Executable(scaled(100), buffers)
    run.inputs["x"][...] = 0
    run.run()
    np.testing.assert_array_equal(run.outputs["ww"], [9, 9, 9, 9])
    assert np.shares_memory(weight, buffers.view(program.parameters["w"]))


def test_buffer_of_another_size_is_refused():
    buffers = Buffers()
    buffers.prepare({PARAMETERS: 64})
    with pytest.raises(GraphNetError, match="buffer parameters has 64 bytes, but a Program wants 32"):
        Executable(scaled(2), buffers)


def test_smaller_program_in_a_larger_arena():
    buffers = Buffers()
    Executable(scaled(100), buffers)
    run = Executable(scaled(3), buffers)
    x = np.arange(12.0).reshape(3, 4)
    run.inputs["x"][...] = x
    run.run()
    np.testing.assert_allclose(run.outputs["y"], 2 * np.tanh(x))


@pytest.mark.parametrize("size", [0, 1, 63, 64, 1000])
def test_aligned_bytes(size):
    memory = aligned_bytes(size)
    assert len(memory) == size
    assert size == 0 or memory.ctypes.data % ALIGNMENT == 0
    assert not memory.any()
