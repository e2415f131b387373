"""A convolution and the max pooling behind it are one instruction of Programs that only go forward."""

from __future__ import annotations

import numpy as np
import pytest

import graphnet as gn
from graphnet.compiler.planning.program import Program, short_name

pytest.importorskip("llvmlite")

GROUP = "conv2d+max_pool2d+bias_add+relu"


def network(backend: str, filters: int = 5, size: int = 3, pool: int = 2, **options: object) -> gn.Network:
    x = gn.Input((filters, 13, 22), name="x")
    h = gn.layers.Conv2D(filters, size, padding="same", activation="relu")(x)
    h = gn.layers.MaxPool2D(pool)(h)
    y = gn.layers.Dense(3)(gn.layers.Flatten()(h))
    return gn.compile(gn.Model(x, y), "mse", "sgd", seed=2, backend=backend, **options)  # type: ignore[arg-type]


def images(samples: int, channels: int = 5) -> np.ndarray:
    return np.random.default_rng(samples).standard_normal((samples, channels, 13, 22)).astype(np.float32)


def names(program: Program) -> list[str]:
    return [short_name(i.op) for i in program.instructions]


@pytest.mark.parametrize("filters", [5, 32])
@pytest.mark.parametrize("samples", [1, 40])
def test_results_are_those_of_numpy(filters: int, samples: int) -> None:
    """With 32 channels by fewer products than direct sums have."""
    x = images(samples, filters)
    native, numpy = network("native", filters, verify=True), network("numpy", filters)
    np.testing.assert_allclose(native.predict(x), numpy.predict(x), rtol=1e-3, atol=1e-5)
    assert names(native.program("predict", samples))[0] == GROUP
    assert GROUP not in names(numpy.program("predict", samples))


def test_what_is_pooled_has_no_place_in_the_arena() -> None:
    program = network("native").program("predict", 64)
    convolution, dense = program.instructions
    assert program.peak == sum(i.operand.nbytes for i in (convolution.inputs[0], *convolution.outputs, *dense.outputs))
    assert "+ max_pool2d" in program.text


def test_training_keeps_what_gradients_read() -> None:
    assert not any("conv2d+max_pool2d" in name for name in names(network("native").program("train", 16)))


def test_other_windows_are_pooled_apart() -> None:
    assert names(network("native", pool=3).program("predict", 16))[0] == "conv2d"


def test_numpy_can_do_it_too() -> None:
    """As it has to where an epilogue has no native kernel."""
    x, apart, joined = images(7), network("numpy"), network("numpy", verify=True)
    joined._runner.programs.policy.pools = True
    np.testing.assert_array_equal(joined.predict(x), apart.predict(x))
    assert names(joined.program("predict", 7))[0] == GROUP
