"""Lowering: where every value of a Program lies, and that running it means what the graph means."""

from dataclasses import replace

import numpy as np
import pytest
from plan_checks import arena_slots, check_program, check_run, random_feeds
from random_graphs import random_recipe

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ShapeError
from graphnet.compiler.ir import Graph, Output
from graphnet.compiler.op import f, f64
from graphnet.compiler.ops import (
    AdamUpdate,
    Add,
    BiasAdd,
    MatMul,
    MaxPool2d,
    Multiply,
    ReduceMean,
    ReduceSum,
    Relu,
    Reshape,
    Scale,
    SgdUpdate,
    Softmax,
    Tanh,
)
from graphnet.compiler.passes.attach_update import AttachUpdate
from graphnet.compiler.passes.derive_backward import DeriveBackward
from graphnet.compiler.passes.merge_common import MergeCommon
from graphnet.compiler.planning.lowering import lower
from graphnet.compiler.planning.program import GRADIENTS, PARAMETERS, STATES, Program
from graphnet.compiler.types import TensorType
from graphnet.engine.runner import GRADIENTS as BACKWARD
from graphnet.engine.runner import PREDICT
from graphnet.runtime.kernels import NumpyTarget


def lowered(graph: Graph, batch: int = 3, optimize: bool = True) -> Program:
    """Lowered, and checked byte by byte and against the interpreter."""
    program = lower(graph, {"N": batch}, NumpyTarget(), optimize)
    check_program(program, graph)
    check_run(program, graph, random_feeds(graph, batch), 1e-12)
    return program


def trained(b: Builder, value: int, update=None) -> Graph:
    """A training step that makes the mean of a value of two dims small."""
    graph = b.build([Output("loss", b.add(ReduceMean((0, 1)), value))])
    count = sum(p.trainable for p in graph.parameters)
    return AttachUpdate(update or AdamUpdate(count)).run(DeriveBackward().run(graph))


def rows(*shape: int) -> TensorType:
    return TensorType("float64", ("N", *shape))


class TestWholeModels:
    @pytest.mark.parametrize("optimize", [True, False], ids=["optimized", "plain"])
    @pytest.mark.parametrize("seed", range(40))
    def test_random_model(self, seed, optimize):
        recipe = random_recipe(seed)
        net = recipe.network(dtype="float64", optimize=optimize, optimizer="adam")
        for mode in ("predict", "evaluate", "train", "gradients"):
            stages = net.stages(mode)
            graph = stages[-1].after
            program = net.program(mode, batch=recipe.batch)
            check_program(program, graph)
            if mode == "train":
                check_run(program, graph, random_feeds(graph, recipe.batch), 1e-9)

    def test_modes_have_names(self):
        assert (PREDICT, BACKWARD) == ("predict", "gradients")


class TestFlatBuffers:
    def graph(self) -> Graph:
        b = Builder("g")
        x = b.input("x", rows(3))
        frozen = b.parameter("frozen", f64(3, 3), trainable=False)
        h = b.add(MatMul(), b.add(MatMul(), x, frozen), b.parameter("w", f64(3, 5)))
        return trained(b, b.add(Tanh(), b.add(BiasAdd(1), h, b.parameter("b", f64(5)))))

    def test_trained_weights_come_first_and_touch(self):
        slots = lowered(self.graph()).parameters
        assert {name: (slot.buffer, slot.offset) for name, slot in slots.items()} == {
            "w": (PARAMETERS, 0), "b": (PARAMETERS, 8 * 15), "frozen": (PARAMETERS, 8 * 20)}

    def test_gradients_lie_like_their_weights(self):
        program = lowered(self.graph())
        update = program.instructions[-1]
        weights, gradients = update.inputs[2:4], update.inputs[4:6]
        assert [slot.buffer for slot in gradients] == [GRADIENTS] * 2
        assert [slot.offset for slot in gradients] == [slot.offset for slot in weights]
        assert program.buffers[GRADIENTS] == 8 * 20

    def test_each_moment_is_one_flat_buffer(self):
        program = lowered(self.graph())
        moments = program.instructions[-1].inputs[6:]
        assert [slot.operand.shape for slot in moments] == [(20,), (20,)]
        assert len({slot.buffer for slot in moments}) == 2
        assert all(slot.offset == 0 and program.buffers[slot.buffer] == 8 * 20 for slot in moments)

    def test_update_writes_over_weights_and_moments(self):
        update = lowered(self.graph()).instructions[-1]
        before = [*update.inputs[2:4], *update.inputs[6:]]
        assert [(s.buffer, s.offset) for s in update.outputs] == [(s.buffer, s.offset) for s in before]

    def test_every_program_keeps_weights_at_one_place(self):
        net = random_recipe(1).network(optimizer="adam")
        places = [{name: (slot.buffer, slot.offset) for name, slot in net.program(mode, batch).parameters.items()}
                  for mode in ("train", "predict", "evaluate") for batch in (1, 4)]
        assert all(place == places[0] for place in places)


class TestGradientsWithoutAPlaceOfTheirOwn:
    def two_products(self) -> Graph:
        b = Builder("g")
        x = b.input("x", rows(3))
        left, right = (b.add(MatMul(), x, b.parameter(name, f64(3, 2))) for name in ("a", "b"))
        return trained(b, b.add(Add(), left, right))

    def test_one_gradient_for_two_weights(self):
        """y = x A + x B: both weights have the very same gradient."""
        lowered(self.two_products())

    def test_merged_gradients(self):
        graph = MergeCommon().run(self.two_products())
        update = graph.nodes[-1]
        assert update.inputs[4] == update.inputs[5]
        lowered(graph)

    def test_weight_used_twice(self):
        b = Builder("g")
        w = b.parameter("w", f64(3, 3))
        lowered(trained(b, b.add(MatMul(), b.add(MatMul(), b.input("x", rows(3)), w), w)))

    def test_unused_weight(self):
        b = Builder("g")
        b.parameter("idle", f64(4))
        lowered(trained(b, b.add(MatMul(), b.input("x", rows(3)), b.parameter("w", f64(3, 3)))))

    def test_gradient_that_is_a_view(self):
        b = Builder("g")
        w = b.add(Reshape((3, 2)), b.parameter("w", f64(6)))
        lowered(trained(b, b.add(MatMul(), b.input("x", rows(3)), w)))

    def test_gradient_that_is_also_an_output(self):
        b = Builder("g")
        y = b.add(MatMul(), b.input("x", rows(3)), b.parameter("w", f64(3, 3)))
        graph = trained(b, y, SgdUpdate(1))
        lowered(replace(graph, outputs=(*graph.outputs, Output("gradient", graph.nodes[-1].inputs[3]))))

    def test_gradient_that_the_caller_feeds(self):
        b = Builder("g")
        rate, step = b.input("learning_rate", f64()), b.input("step", f("int64"))
        w, g = b.parameter("w", f64(3)), b.input("g", f64(3))
        b.advance(w, b.add(SgdUpdate(1), rate, step, w, g))
        lowered(b.build([]))

    def test_constraint_on_a_weight(self):
        b = Builder("g")
        w = b.parameter("w", f64(3, 3), constraint=Relu())
        lowered(trained(b, b.add(MatMul(), b.input("x", rows(3)), w)))


class TestStates:
    def test_shift_register(self):
        """Each state takes what the one before it had: none may be overwritten before it is read."""
        b = Builder("g")
        x = b.input("x", f64(2))
        states = [b.state(f"s{i}", f64(2), "recurrent") for i in range(3)]
        for state, new in zip(states, [x, *states], strict=False):
            b.advance(state, new)
        lowered(b.build([Output("y", b.add(Relu(), states[-1]))]))

    def test_swap(self):
        b = Builder("g")
        first, second = (b.state(name, f64(2), "recurrent") for name in ("first", "second"))
        b.advance(first, second)
        b.advance(second, first)
        lowered(b.build([Output("y", b.add(Relu(), first))]))

    def test_swap_of_views(self):
        b = Builder("g")
        first, second = b.state("first", f64(2, 3), "recurrent"), b.state("second", f64(3, 2), "recurrent")
        b.advance(first, b.add(Reshape((2, 3)), second))
        b.advance(second, b.add(Reshape((3, 2)), first))
        lowered(b.build([Output("y", b.add(Relu(), first))]))

    def test_old_state_is_given_out(self):
        b = Builder("g")
        state = b.state("s", f64(2), "recurrent")
        b.advance(state, b.add(Scale(2.0), state))
        lowered(b.build([Output("old", state)]))

    def test_old_weight_is_given_out(self):
        b = Builder("g")
        w = b.parameter("w", f64(3, 3))
        graph = trained(b, b.add(MatMul(), b.input("x", rows(3)), w))
        lowered(replace(graph, outputs=(*graph.outputs, Output("old", w))))

    def test_old_weight_is_read_after_the_update(self):
        b = Builder("g")
        w = b.parameter("w", f64(3, 3))
        graph = trained(b, b.add(MatMul(), b.input("x", rows(3)), w))
        b = Builder("g", graph)
        lowered(b.build([*graph.outputs, Output("late", b.add(Scale(2.0), w))]))

    def test_two_states_take_one_value(self):
        b = Builder("g")
        x = b.add(Tanh(), b.input("x", f64(2)))
        for name in ("first", "second"):
            b.advance(b.state(name, f64(2), "recurrent"), x)
        lowered(b.build([Output("y", x)]))

    def test_states_lie_aligned_in_one_buffer(self):
        b = Builder("g")
        for i in range(2):
            state = b.state(f"s{i}", f64(3), "buffer")
            b.advance(state, b.add(Tanh(), state))
        program = lowered(b.build([]))
        assert {name: (s.buffer, s.offset) for name, s in program.states.items()} == {
            "s0": (STATES, 0), "s1": (STATES, 64)}


class TestSharing:
    def test_view_lies_in_its_source(self):
        b = Builder("g")
        h = b.add(Tanh(), b.input("x", rows(2, 3)))
        y = b.add(Softmax(), b.add(Reshape(("N", 6)), h))
        program = lowered(b.build([Output("y", y)]))
        assert [i.op.name for i in program.instructions] == ["tanh", "softmax"]
        made, read = program.instructions[0].outputs[0], program.instructions[1].inputs[0]
        assert (made.offset, made.operand.shape, read.operand.shape) == (read.offset, (3, 2, 3), (3, 6))

    def test_reshape_that_moves_elements_is_an_instruction(self):
        """Batch-last images cannot be read as other rows."""
        b = Builder("g")
        h = b.add(MaxPool2d((1, 1), (1, 1)), b.input("x", rows(2, 3, 4)))
        program = lowered(b.build([Output("y", b.add(Tanh(), b.add(Reshape((6, "N", 4)), h)))]))
        assert "reshape" in [i.op.name for i in program.instructions]

    def test_result_takes_the_place_of_a_dying_operand(self):
        b = Builder("g")
        x = b.input("x", rows(4))
        y = b.add(Scale(2.0), b.add(Tanh(), b.add(Scale(3.0), x)))
        program = lowered(b.build([Output("y", y)]))
        assert len({slot.offset for slot in arena_slots(program)}) == 1
        assert program.peak == 128  # 3 · 4 · 8 bytes, aligned

    def test_operand_that_is_read_later_keeps_its_place(self):
        b = Builder("g")
        h = b.add(Tanh(), b.input("x", rows(4)))
        program = lowered(b.build([Output("y", b.add(Multiply(), b.add(Scale(2.0), h), h))]))
        assert program.peak == 256

    def test_output_is_not_overwritten(self):
        b = Builder("g")
        h = b.add(Tanh(), b.input("x", rows(4)))
        lowered(b.build([Output("h", h), Output("y", b.add(Scale(2.0), h))]))

    def test_view_of_an_output_is_not_overwritten(self):
        b = Builder("g")
        h = b.add(Tanh(), b.input("x", rows(2, 2)))
        flat = b.add(Reshape(("N", 4)), h)
        lowered(b.build([Output("h", h), Output("y", b.add(Scale(2.0), flat))]))

    def test_input_given_out_as_it_is(self):
        b = Builder("g")
        x = b.input("x", rows(2))
        lowered(b.build([Output("x", x), Output("flat", b.add(Reshape((2, "N")), x)), Output("y", b.add(Relu(), x))]))

    def test_weight_is_never_overwritten_by_a_result(self):
        b = Builder("g")
        w = b.parameter("w", f64(3))
        program = lowered(b.build([Output("y", b.add(Scale(2.0), b.add(Relu(), w)))]))
        assert all(slot.buffer != PARAMETERS for i in program.instructions for slot in i.outputs)

    def test_arena_of_a_program_without_values(self):
        b = Builder("g")
        w = b.parameter("w", f64(3))
        assert lowered(b.build([Output("w", w)])).peak == 0


class TestLayouts:
    def graph(self) -> Graph:
        b = Builder("g")
        h = b.add(MaxPool2d((2, 2), (2, 2)), b.input("x", rows(2, 4, 4)))
        return b.build([Output("y", h)])

    def test_images_are_batch_last(self):
        assert lowered(self.graph()).outputs["y"].operand.layout == "batch-last"

    def test_rows_without_optimisation(self):
        assert lowered(self.graph(), optimize=False).outputs["y"].operand.layout == "rows"

    def test_rows_without_images(self):
        b = Builder("g")
        program = lowered(b.build([Output("y", b.add(ReduceSum((1,)), b.input("x", rows(2, 4, 4))))]))
        assert program.inputs["x"].operand.layout == "rows"


def test_unknown_symbol_is_refused():
    b = Builder("g")
    graph = b.build([Output("y", b.add(Relu(), b.input("x", TensorType("float64", ("N", "T")))))])
    with pytest.raises(ShapeError, match=r"shape \(3, T\) is not fully known"):
        lower(graph, {"N": 3}, NumpyTarget())


def test_empty_batch():
    b = Builder("g")
    y = b.add(Relu(), b.add(MatMul(), b.input("x", rows(3)), b.parameter("w", f64(3, 2))))
    program = lowered(b.build([Output("y", y)]), batch=0)
    assert program.outputs["y"].operand.shape == (0, 2)
    assert np.isfinite(program.flops)
