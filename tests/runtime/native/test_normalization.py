"""Normalisations against their ops: whole batches and blocks, both layouts, any sizes, numbers of threads, machines."""

from __future__ import annotations

import numpy as np
import pytest

from graphnet.compiler import ops
from graphnet.runtime.native.emit.call import Unsupported
from graphnet.runtime.native.kernels import normalization as normalization
from tests.runtime.native.harness import MACHINES, Array
from tests.runtime.native.trial import Trial, with_room

pytest.importorskip("llvmlite")

slow = pytest.mark.slow
SHAPES = [(37, 18), (1, 3, 4, 5), (50, 2, 3, 2),
          *(pytest.param(shape, marks=slow) for shape in ((1, 1), (5, 3), (32, 40), (16, 2, 3, 3), (50, 1, 4, 1),
                                                          (6, 3, 2, 5), (33, 18, 1, 3), (64, 3, 9, 8), (4, 21, 6)))]


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def agree(made: list[Array], expected: list[Array], *summands: float) -> None:
    """Errors are a few units in the last place of what is summed up."""
    for got, wanted, size in zip(made, expected, summands, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=4e-6 * size)


def norm(shape: tuple[int, ...], axis: int, **attributes: float) -> Trial:
    c = shape[axis]
    op = ops.BatchNorm(axis, **{"momentum": 0.9, "epsilon": 1e-3, "unbiased": True} | attributes)
    return Trial(lambda n: op, [numbers(*shape) * 2 + 3, numbers(c) + 1, numbers(c), numbers(c), numbers(c) ** 2])


def norm_grad(shape: tuple[int, ...], axis: int) -> Trial:
    c, x = shape[axis], numbers(*shape) + 1
    inputs = [numbers(*shape, seed=1), x, numbers(c) + 1, numbers(c), numbers(c) ** 2]
    return Trial(lambda n: ops.BatchNormGrad(axis), inputs, (0, 1), (0,))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_is_the_op(shape: tuple[int, ...], last: bool) -> None:
    for axis in (1, len(shape) - 1) if len(shape) > 2 else (1,):
        trial = norm(shape, axis)
        agree(trial.run(last), trial.expected(), 3, 1, 1, 1, 1)
        trial = norm_grad(shape, axis)
        size = np.sqrt(np.prod(shape) / shape[axis])
        agree(trial.run(last), trial.expected(), 3, size, size)


@pytest.mark.parametrize("trial", [norm((50, 20), -1), norm((37, 5, 3, 5), 1), norm_grad((37, 5, 3, 5), 1),
                                   pytest.param(norm_grad((50, 20), 1), marks=slow)])
def test_bits_do_not_depend_on_threads_or_the_machine(trial: Trial) -> None:
    for last in (False, True):
        wanted = trial.run(last)
        for machine in MACHINES:
            for threads in (1, 2, 3):
                for got, bits in zip(trial.run(last, machine, threads), wanted, strict=True):
                    np.testing.assert_array_equal(got, bits)


def test_results_may_lie_over_inputs() -> None:
    trial = norm((5, 3), 1, momentum=0.5, unbiased=False)
    for output, position in ((1, 3), (2, 4)):
        agree(trial.run(False, over=(output, position)), trial.expected(), 3, 1, 1, 1, 1)
    trial = norm_grad((5, 3, 7), 1)
    for position in (0, 1):
        for last in (False, True):
            agree(trial.run(last, over=(0, position)), trial.expected(), 3, 3, 3)


def test_an_element_by_itself_has_no_correction() -> None:
    trial = norm((1, 4), 1)
    agree(trial.run(False), trial.expected(), 3, 1, 1, 1, 1)


def test_room_behind_samples_has_what_a_sample_has_and_gradients_of_0() -> None:
    trial, back = norm((18, 2, 3), 1), norm_grad((18, 2, 3), 1)
    for each in (trial, back):
        each.run(True)
    y, dx = (with_room(kernel.call.outputs[0], kernel.memory[5]) for kernel in (trial.kernel(True), back.kernel(True)))
    np.testing.assert_array_equal(y[18:], np.repeat(y[17:18], 14, 0))
    assert not dx[18:].any()


def test_nan_and_infinity_stay_in_their_channel() -> None:
    trial = norm((20, 4, 3), 1)
    trial.inputs[0][3, 1, 0], trial.inputs[0][4, 2, 1] = np.nan, np.inf
    for last in (False, True):
        for got, wanted in zip(trial.run(last), trial.expected(), strict=True):
            np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))


def test_batches_in_blocks_have_no_statistics() -> None:
    for trial in (norm((32, 3), 1), norm_grad((32, 3), 1)):
        with pytest.raises(Unsupported, match="blocks"):
            trial.run(False, block=16)


def layer(shape: tuple[int, ...]) -> tuple[Trial, Trial]:
    x, g = numbers(*shape) * 2 + 5, numbers(*shape, seed=1)
    op = ops.Normalize(1e-3)
    y, inverse = op.forward(x)
    return (Trial(lambda n: op, [x], given=(0, 1)),
            Trial(lambda n: ops.NormalizeGrad(), [g, y, inverse], (0, 1, 2), (0,)))


@pytest.mark.parametrize("shape", SHAPES)
def test_normalize_is_the_op(shape: tuple[int, ...]) -> None:
    for trial in layer(shape):
        for last in (False, True):
            agree(trial.run(last, over=(0, 0)), trial.expected(), *(3, 3)[:len(trial.expected())])


@pytest.mark.parametrize(("shape", "block"), [
    ((17, 3, 20), 16), *(pytest.param(*case, marks=slow) for case in (((40, 5), 16), ((3, 2, 2), 1), ((70, 33), 64)))])
def test_normalize_in_blocks(shape: tuple[int, ...], block: int) -> None:
    for trial in layer(shape):
        for last in (False, True):
            wanted = trial.run(last, block=block)
            agree(wanted, trial.expected(), *(3, 3)[:len(wanted)])
            for machine in MACHINES:
                for got, bits in zip(trial.run(last, machine, 3, block), wanted, strict=True):
                    np.testing.assert_array_equal(got, bits)
