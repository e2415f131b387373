"""What the contract cannot see of recurrent ops: lengths, order, truncation, empty sequences, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from kernel_runs import bind

from graphnet.compiler.builder import Builder
from graphnet.compiler.errors import ArgumentError, ShapeError
from graphnet.compiler.interpreter import interpret
from graphnet.compiler.ir import Output
from graphnet.compiler.op import as_type, f64
from graphnet.compiler.ops import Gru, Lstm, ReduceSum, SimpleRnn
from graphnet.compiler.passes.derive_backward import DeriveBackward, gradient_name
from graphnet.compiler.types import TensorType

N, T, F, H = 3, 6, 4, 2
CELLS = [SimpleRnn(sequences=True), SimpleRnn(sequences=True, activation="relu"), Lstm(sequences=True),
         Gru(sequences=True), Gru(sequences=True, reset_after=False)]
RESULT = {SimpleRnn: 1, Lstm: 2, Gru: 1}


def inputs(op, seed=0):
    rng, wide = np.random.default_rng(seed), op.gates * H
    shapes = [(N, T, F), *[(N, H)] * op.states, (F, wide), (H, wide), (wide,)] + [(H,)] * isinstance(op, Gru)
    return [rng.uniform(-1, 1, shape) for shape in shapes]


def run(op, arrays):
    """The outputs of the kernel."""
    step, outputs = bind(op, tuple(arrays), "rows")
    step()
    return outputs


@pytest.mark.parametrize("op", CELLS, ids=str)
class TestLengths:
    def test_a_sequence_ends_at_its_length(self, op):
        arrays = inputs(op)
        outputs = run(op, [*arrays, np.array([T, 2, 0])])
        y = RESULT[type(op)]
        for row, length in enumerate([T, 2, 0]):
            alone = [a[row:row + 1] if a.ndim > 1 and a.shape[0] == N else a for a in arrays]
            alone[0] = alone[0][:, :length]
            short = op.forward(*alone)
            np.testing.assert_allclose(outputs[y][row, :length], short[y][0], 0, 1e-14)
            assert not outputs[y][row, length:].any()
            for state in range(op.states):
                np.testing.assert_allclose(outputs[state][row], short[state][0], 0, 1e-14)

    def test_a_walk_in_reverse_begins_at_the_last_step_before_the_length(self, op):
        arrays, back = inputs(op), replace(op, reverse=True)
        outputs, y = run(back, [*arrays, np.array([4, 4, 4])]), RESULT[type(op)]
        arrays[0] = arrays[0][:, 3::-1].copy()
        forwards = op.forward(*arrays)
        np.testing.assert_allclose(outputs[y][:, :4], forwards[y][:, ::-1], 0, 1e-14)
        np.testing.assert_allclose(outputs[0], forwards[0], 0, 1e-14)

    @pytest.mark.parametrize("reverse", [False, True])
    def test_what_is_fed_behind_the_end_has_no_effect(self, op, reverse):
        op, lengths = replace(op, reverse=reverse), np.array([T, 2, 0])
        arrays = inputs(op)
        spoilt = [a.copy() for a in arrays]
        spoilt[0][1, 2:], spoilt[0][2] = np.nan, np.inf
        for clean, dirty in zip(run(op, [*arrays, lengths])[:op.states + 1], run(op, [*spoilt, lengths]), strict=False):
            np.testing.assert_array_equal(clean, dirty)
        for clean, dirty in zip(gradients(op, [*arrays, lengths]), gradients(op, [*spoilt, lengths]), strict=True):
            np.testing.assert_array_equal(clean, dirty)

    def test_full_lengths_change_nothing(self, op):
        arrays = inputs(op)
        for plain, masked in zip(run(op, arrays), run(op, [*arrays, np.full(N, T)]), strict=True):
            np.testing.assert_array_equal(plain, masked)


def gradients(op, arrays):
    """The gradients of the sum of all results for all floating-point inputs, by the interpreter."""
    b = Builder("sum")
    ids = [b.input(f"x{i}", as_type(a)) for i, a in enumerate(arrays)]
    outputs = b.apply(op, *ids)
    total = b.add(ReduceSum((0, 1, 2)), outputs[RESULT[type(op)]])
    names = tuple(f"x{i}" for i, a in enumerate(arrays) if a.dtype.kind == "f")
    graph = DeriveBackward(inputs=names).run(b.build([Output("loss", total)]))
    values = interpret(graph, {f"x{i}": a for i, a in enumerate(arrays)})
    return [values[graph.output(gradient_name(name))] for name in names]


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("op", CELLS, ids=str)
@pytest.mark.parametrize("truncate", [1, 2, 4, 5])
def test_truncated_gradients_equal_those_of_the_sequence_in_slices(op, truncate, reverse):
    """Each slice begins with the states that the one before it left, as numbers: nothing flows back through them."""
    op = replace(op, reverse=reverse)
    arrays = inputs(op)
    x, *states = arrays[:1 + op.states]
    order = list(range(T))[::-1] if reverse else list(range(T))
    pieces = [sorted(order[start:start + truncate]) for start in range(0, T, truncate)]
    expected = [np.zeros_like(a) for a in arrays]
    for number, piece in enumerate(pieces):
        part = [x[:, piece], *states, *arrays[1 + op.states:]]
        found = gradients(op, part)
        expected[0][:, piece] = found[0]
        for position in range(1, len(arrays)):
            if position > op.states or number == 0:  # the states between slices are numbers
                expected[position] += found[position]
        states = op.forward(*part)[:op.states]
    for found, wanted in zip(gradients(replace(op, truncate=truncate), arrays), expected, strict=True):
        np.testing.assert_allclose(found, wanted, 0, 1e-13)
    whole = gradients(op, arrays)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(whole, expected, strict=True))


@pytest.mark.parametrize("op", CELLS, ids=str)
def test_no_steps_leave_the_states_as_they_are(op):
    arrays = inputs(op)
    arrays[0] = arrays[0][:, :0].copy()
    for outputs in (run(op, arrays), op.forward(*arrays)):
        for state in range(op.states):
            np.testing.assert_array_equal(outputs[state], arrays[1 + state])
        assert outputs[RESULT[type(op)]].shape == (N, 0, H)


@pytest.mark.parametrize("op", CELLS, ids=str)
def test_prediction_saves_nothing_and_gives_the_same_bits(op):
    arrays = inputs(op)
    saved, bare = run(op, arrays), run(replace(op, saved=False), arrays)
    for position in range(op.states + 1):
        np.testing.assert_array_equal(saved[position], bare[position])
    assert not any(extra.size for extra in bare[op.states + 1:])
    b = Builder("model")
    ids = [b.input(f"x{i}", as_type(a)) for i, a in enumerate(arrays)]
    replaced = op.at_inference(b, tuple(ids))
    assert b.nodes[0].op == replace(op, saved=False)
    assert [value is None for value in replaced] == [position > op.states for position in range(len(replaced))]
    assert replace(op, saved=False).at_inference(b, tuple(ids)) is None


def test_results_are_left_out_unless_wanted():
    (state, results, *_) = SimpleRnn().infer(*map(as_type, inputs(SimpleRnn())))
    assert (state.shape, results.shape) == ((N, H), (N, 0, H))


class TestRefusals:
    def test_a_negative_truncation(self):
        with pytest.raises(ArgumentError, match="lstm: truncate is -1, but it must be at least 0"):
            Lstm(truncate=-1)

    def test_an_unknown_activation(self):
        with pytest.raises(ArgumentError, match="simple_rnn: activation is 'gelu', but it must be one of tanh, relu"):
            SimpleRnn(activation="gelu")

    def test_images(self):
        types = [as_type(a) for a in inputs(Lstm())]
        types[0] = f64(N, 2, T, F)
        with pytest.raises(ShapeError, match=r"lstm takes sequences \(N, steps, features\) of floats, got float64 "
                                             r"\(3, 2, 6, 4\)"):
            Lstm().infer(*types)

    def test_a_weight_of_another_width(self):
        types = [as_type(a) for a in inputs(Gru())]
        types[2] = f64(F, 4 * H)
        with pytest.raises(ShapeError, match=r"gru of 2 units on \(3, 6, 4\) needs a weight float64 \(4, 6\), got "
                                             r"float64 \(4, 8\)"):
            Gru().infer(*types)

    def test_lengths_that_are_no_integers(self):
        types = [as_type(a) for a in inputs(Lstm())]
        with pytest.raises(ShapeError, match=r"lstm takes lengths int64 \(3,\), one for each sequence, got float64 "
                                             r"\(3,\)"):
            Lstm().infer(*types, f64(N))


def test_lengths_count_steps():
    x, lengths = TensorType("float32", ("N", "T", F)), TensorType("int64", ("N",))
    others = [as_type(a) for a in inputs(Lstm())][1:]
    assert Lstm().index_ranges(x, *others, lengths) == {6: (0, "T")}
    assert Lstm().index_ranges(x, *others) == {}
