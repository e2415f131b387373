"""Native kernels of recurrent layers against their ops in float64: all options, forms of batches, threads, machines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import graphnet as gn
from graphnet.compiler.ops import (
    Gru,
    GruGrad,
    GruGradWeights,
    Lstm,
    LstmGrad,
    RecurrentGradInput,
    RecurrentGradWeights,
    SimpleRnn,
    SimpleRnnGrad,
)
from graphnet.models import char_rnn
from graphnet.runtime.native import kernels  # noqa: F401
from graphnet.runtime.native.emit.call import Unsupported
from graphnet.runtime.native.kernels import recurrent_plan
from tests.runtime.native.harness import MACHINES, NARROW, WIDE, Kernel, fill_padding, form

CELLS = [SimpleRnn(), SimpleRnn(activation="relu"), Lstm(), Gru(), Gru(reset_after=False)]
SIZES = [(1, 3, 5, 7), (16, 4, 3, 9), (5, 3, 1, 1), (35, 2, 17, 20), (1, 2, 1, 50), (32, 3, 2, 33), (17, 1, 20, 16)]
"""Samples, steps, features, units."""


def inputs(op, sizes, rng, lengths=False):
    (n, t, features, hidden), scale = sizes, 1.5 / np.sqrt(sizes[2] + sizes[3])
    wide = op.gates * hidden
    shapes = [(n, t, features), *[(n, hidden)] * op.states]
    weights = [(features, wide), (hidden, wide), (wide,), *[(hidden,)] * isinstance(op, Gru)]
    arrays = [*(rng.uniform(-1, 1, shape) for shape in shapes), *(rng.uniform(-scale, scale, s) for s in weights)]
    return [*(a.astype(np.float32) for a in arrays), *([rng.integers(0, t + 1, n)] if lengths else [])]


def gradient(op, arrays, rng):
    """The op of its gradient, and inputs of it that fit."""
    outputs = op.forward(*arrays)
    dy = [rng.uniform(-1, 1, y.shape).astype(np.float32) for y in outputs[:op.states + 1]]
    recurrent, lengths, saved = arrays[2 + op.states], arrays[op.arity:], outputs[op.states + 1:]
    if isinstance(op, Lstm):
        return LstmGrad(op.reverse, op.truncate), [*dy, *saved[1:], recurrent, *lengths]
    if isinstance(op, Gru):
        return GruGrad(op.reverse, op.truncate, op.reset_after), [*dy, *saved[::-1], recurrent, *lengths]
    return SimpleRnnGrad(op.reverse, op.truncate, op.activation), [*dy, *saved[1:], recurrent, *lengths]


def in_float64(op, arrays):
    return op.forward(*(a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays))


def kernel(op, arrays, machine=NARROW, blocked=False, last=False):
    """The kernel of an op with its inputs in place, and NaN where its results go."""
    outputs = op.forward(*arrays)

    def forms(given):
        return [form(a.shape, str(a.dtype), last and i <= op.states) for i, a in enumerate(given)]
    made = Kernel(op, forms(arrays), forms(outputs), machine, blocked)
    for place, array in zip(made.x, arrays, strict=True):
        place[...] = array
    fill_padding(made)
    for memory in made.memory[len(arrays):]:
        memory[:] = 255
    return made


def close(found, wanted, summands=1.0):
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, 0, 1e-5 * summands * max(1, np.abs(b).max(initial=0)))


def same_bits(op, arrays, machine, threads=(1, 2, 3), **how):
    """Results, which are those of float64 and have the same bits for every number of threads."""
    made, bits = kernel(op, arrays, machine, **how), set()
    for number in threads:
        found = made.run(number, arrays[0].shape[2] if arrays[0].ndim == 3 and "grad_" in op.name else None)
        bits.add(tuple(a.tobytes() for a in found))
        close(found, in_float64(op, arrays))
    assert len(bits) == 1
    return found


def try_layer(op, sizes, rng, machine=NARROW, lengths=False, last=False):
    arrays = inputs(op, sizes, rng, lengths)
    same_bits(op, arrays, machine, last=last)
    back, given = gradient(replace(op, saved=True), arrays, rng)
    dz = same_bits(back, given, machine)[0].copy()
    operands, *saved = replace(op, saved=True).forward(*arrays)[op.states + 1:]
    weights, hidden = arrays[1 + op.states], sizes[3]
    if isinstance(op, Gru):
        same_bits(GruGradWeights(hidden, op.reset_after), [dz, operands, saved[0]], machine)
    else:
        same_bits(RecurrentGradWeights(hidden), [dz, operands], machine)
    same_bits(RecurrentGradInput(), [dz, weights], machine)


@pytest.fixture(params=[0, 1 << 40], ids=["units", "samples"], scope="module")
def shared(request):
    """What threads share out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recurrent_plan, "WORTH", request.param)
        yield request.param


@pytest.mark.parametrize("op", CELLS, ids=str)
def test_many_options_at_once(op, monkeypatch):
    monkeypatch.setattr(recurrent_plan, "WORTH", 0)
    number = CELLS.index(op)
    op = replace(op, sequences=number != 1, reverse=number % 2 == 0, truncate=number % 3)
    try_layer(op, SIZES[number], np.random.default_rng(number), lengths=number != 3)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"sequences": True}, {"reverse": True}, {"truncate": 2}, {"saved": False}],
                         ids=str)
@pytest.mark.parametrize("op", CELLS, ids=str)
def test_each_option(op, options, shared):
    for number, sizes in enumerate(SIZES):
        try_layer(replace(op, **options), sizes, np.random.default_rng(number), lengths=number % 3 == 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100))
def test_random_layers(seed, shared):
    rng = np.random.default_rng(seed)
    op = replace(CELLS[seed % 5], sequences=bool(rng.integers(2)), reverse=bool(rng.integers(2)),
                 truncate=int(rng.integers(4)), saved=bool(rng.integers(4)))
    sizes = tuple(int(rng.choice(a)) for a in ([1, 2, 15, 16, 17, 32, 50, 64], [1, 2, 5], [1, 3, 16, 29],
                                               [1, 2, 7, 12, 16, 30, 100]))
    try_layer(op, sizes, rng, MACHINES[seed // 5 % 2], bool(rng.integers(2)), bool(rng.integers(2)))


@pytest.mark.parametrize("op", [CELLS[0], *(pytest.param(op, marks=pytest.mark.slow) for op in CELLS[2:])], ids=str)
@pytest.mark.parametrize("sizes", [(16, 3, 5, 12), (1, 3, 5, 50)], ids=str)
def test_bits_are_the_same_on_all_machines(sizes, op):
    rng = np.random.default_rng(0)
    arrays = inputs(op, sizes, rng, True)
    back, given = gradient(op, arrays, rng)
    for which, values in ((op, arrays), (back, given)):
        wide, narrow = (kernel(which, values, machine).run(2) for machine in (WIDE, NARROW))
        for a, b in zip(wide, narrow, strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("op", [Lstm(sequences=True), *CELLS[3:]], ids=str)
def test_bits_are_the_same_for_many_threads(op, shared):
    rng = np.random.default_rng(7)
    arrays = inputs(op, (16, 5, 9, 50), rng)
    for which, values in ((op, arrays), gradient(op, arrays, rng)):
        same_bits(which, values, NARROW, (1, 2, 3, 4, 8))


def block_of(arrays, start, block, samples):
    """A block of the samples of arrays; of those that are not there arrays in rows hold NaN."""
    found = []
    for a in arrays:
        if samples in a.shape:
            axis = a.shape.index(samples)
            n = min(start + block, samples) - start
            a = np.take(a, [start + min(i, n - 1) for i in range(block)], axis)
            if axis == 0 and a.dtype.kind == "f":
                a[n:] = np.nan
        found.append(a)
    return found


@pytest.mark.parametrize("op", [Lstm(sequences=True), Gru(sequences=True, reset_after=False)], ids=str)
def test_samples_that_are_not_there_have_no_share(op):
    """Two blocks, of 32 and 21 samples."""
    rng, block, samples, hidden, results = np.random.default_rng(1), 32, 53, 9, op.states + 1
    arrays = inputs(op, (samples, 3, 4, hidden), rng, True)
    back, given = gradient(op, arrays, rng)
    wanted, wanted_dz, made = in_float64(op, arrays), in_float64(back, given)[0], []
    weights = GruGradWeights(hidden, False) if isinstance(op, Gru) else RecurrentGradWeights(hidden)

    def run(number, which, values, start, n):
        if not start:
            made.append(kernel(which, values, blocked=True))
        for place, value in zip(made[number].x, values, strict=True):
            place[...] = value
        return made[number].run(2, n, start, samples)
    for start, n in ((0, block), (block, samples - block)):
        found = run(0, op, block_of(arrays, start, block, samples), start, n)
        close([y[:n] for y in found[:results]], [y[start:start + n] for y in wanted[:results]])
        operands, *saved = (y.copy() for y in found[results:])
        values = block_of(given, start, block, samples)
        values[results:results + 2] = saved if isinstance(op, Lstm) else [*saved, operands]
        dz = run(1, back, values, start, n)[0].copy()
        close([dz[..., :n]], [wanted_dz[..., start:start + n]])
        assert not dz[..., n:].any()
        total = run(2, weights, [dz, operands, *(saved if isinstance(op, Gru) else [])], start, n)
    operands, *saved = wanted[results:]
    close(total, weights.forward(wanted_dz, operands, *(saved if isinstance(op, Gru) else [])), 10)


def test_gradients_may_lie_where_saved_values_did():
    rng = np.random.default_rng(2)
    for op in (CELLS[0], CELLS[2], CELLS[4]):
        back, given = gradient(op, inputs(op, (20, 3, 2, 13), rng), rng)
        made, number = kernel(back, given), back.inplace[0]
        made.memory[len(given)] = made.memory[number]
        wanted = in_float64(back, given)
        (_, *rest), dz = made.run(2), made.x[number]
        close([dz, *rest], wanted)


@pytest.mark.parametrize("op", CELLS, ids=str)
def test_no_steps(op):
    rng = np.random.default_rng(3)
    arrays = inputs(op, (3, 0, 2, 5), rng)
    found = kernel(op, arrays).run(2)
    for state in range(op.states):
        np.testing.assert_array_equal(found[state], arrays[1 + state])
    back, given = gradient(op, arrays, rng)
    for a, b in zip(kernel(back, given).run(2)[1:], given, strict=False):
        np.testing.assert_array_equal(a, b)


def test_sums_over_no_steps_are_0():
    empty = [np.zeros((0, rows, 5), np.float32) for rows in (8, 6, 8)]
    for op, count in ((RecurrentGradWeights(2), 2), (GruGradWeights(2), 3)):
        assert not any(a.any() for a in kernel(op, empty[:count]).run(2, 5))


@pytest.mark.parametrize("op", CELLS, ids=str)
def test_extremes(op):
    """Gates that are wide open or shut are so exactly; NaN and infinities go where they go in NumPy."""
    rng = np.random.default_rng(4)
    arrays = inputs(op, (16, 2, 3, 4), rng)
    arrays[0] = np.where(rng.random(arrays[0].shape) < 0.5, 3e4, -3e4).astype(np.float32)
    arrays[0][0, 1, 0], arrays[0][1, 1, 1], arrays[0][2, 0, 2] = np.nan, np.inf, -np.inf
    with np.errstate(all="ignore"):
        wanted = op.forward(*arrays)
        for found, value in zip(kernel(op, arrays).run(), wanted, strict=True):
            np.testing.assert_allclose(found, value, 1e-5, 1e-6)


def test_what_is_fed_behind_the_end_has_no_effect():
    rng = np.random.default_rng(5)
    op = Lstm(sequences=True)
    arrays = inputs(op, (4, 3, 2, 5), rng, True)
    arrays[-1][:] = [3, 1, 0, 2]
    clean = [a.copy() for a in kernel(op, arrays).run()]
    arrays[0][1, 1:], arrays[0][2] = np.nan, np.inf
    for a, b in zip(clean[:3], kernel(op, arrays).run()[:3], strict=True):
        np.testing.assert_array_equal(a, b)


def test_float64_is_left_to_numpy():
    arrays = [a.astype(np.float64) for a in inputs(Lstm(), (2, 2, 2, 2), np.random.default_rng(6))]
    with pytest.raises(Unsupported, match="float64 operands"):
        kernel(Lstm(), arrays)


@pytest.mark.parametrize("cell", ["lstm", *(pytest.param(cell, marks=pytest.mark.slow) for cell in ("gru", "simple"))])
def test_a_stateful_network_takes_all_samples_at_once_however_many(cell):
    """Steps of 257 sequences, which go on where the last one ended."""
    texts, nets = np.random.default_rng(8).integers(0, 256, (2, 257, 4)), []
    for backend, threads in (("numpy", 1), ("native", 1), ("native", 2)):
        nets.append(gn.compile(char_rnn.model(cell=cell, units=20), "softmax_cross_entropy", "sgd", seed=1,
                               backend=backend, threads=threads))
    assert nets[1].program("train", 257, T=3).between == {}
    for net in nets:
        net.train_on_batch(texts[0, :, :-1], texts[0, :, 1:])
    (wanted, gradients), *found = (net.loss_and_gradients(texts[1, :, :-1], texts[1, :, 1:]) for net in nets)
    assert [loss for loss, _ in found] == [pytest.approx(wanted, rel=1e-5)] * 2
    for name, gradient in gradients.items():
        one, two = (made[name] for _, made in found)
        np.testing.assert_allclose(one, gradient, 0, 1e-5 * np.abs(gradient).max(), err_msg=name)
        assert one.tobytes() == two.tobytes()
