"""No optimised Program takes more memory than the one that was not optimised."""

from __future__ import annotations

import numpy as np
import pytest
from random_graphs import random_recipe

import graphnet as gn
from graphnet.compiler.ops import Conv2d, Fused, ScaleAxis
from graphnet.compiler.planning.program import Program
from graphnet.inspect.random_samples import random_samples
from graphnet.runs import load_recipe, model_names
from tests.benchmarks.workloads import INPUTS, graphnet_model

L = gn.layers
pytestmark = pytest.mark.numpy_backend  # native Programs have room for whole vectors of samples


def peak(model: gn.Model, optimize: bool, mode: str, batch: int, **dims: int) -> int:
    net = gn.compile(model, "softmax_cross_entropy", "adam", optimize=optimize)
    return net.program(mode, batch, **dims).peak


@pytest.mark.parametrize("mode", ["train", "evaluate", "predict"])
@pytest.mark.parametrize("batch", [1, 7, 64])
@pytest.mark.parametrize("name", INPUTS)
def test_workloads(name: str, batch: int, mode: str) -> None:
    model = graphnet_model(name)
    assert peak(model, True, mode, batch) <= peak(model, False, mode, batch)


@pytest.mark.parametrize("mode", ["train", "evaluate", "predict"])
@pytest.mark.parametrize("name", model_names())
def test_models(name: str, mode: str) -> None:
    recipe = load_recipe(name)
    model = recipe.make_model({option: item.default for option, item in recipe.options.items()})
    dims = dict.fromkeys(model.graph.free_dims, 5)
    assert peak(model, True, mode, 3, **dims) <= peak(model, False, mode, 3, **dims)


def normalised(channels: int, size: int) -> gn.Model:
    """A convolution whose folded weights would be live while it runs."""
    image = gn.Input((channels, size, size), name="image")
    h = L.BatchNorm()(L.Conv2D(channels, 3, padding="same", use_bias=False)(image))
    return gn.Model(image, L.ReLU()(h))


def scales(program: Program) -> list[str]:
    """The bodies in which images are scaled, rather than weights."""
    return [i.op.body.name for i in program.instructions if isinstance(i.op, Fused)
            and any(isinstance(node.op, ScaleAxis) for node in i.op.body.nodes)]


def columns(program: Program) -> int:
    """Bytes of scratch memory of the instruction that convolves."""
    return next(i.workspace[0].operand.nbytes for i in program.instructions
                if isinstance(i.op.chain[0].op if isinstance(i.op, Fused) else i.op, Conv2d))


@pytest.mark.parametrize(("channels", "size", "folded"), [(8, 12, True), (96, 3, False)])
def test_folded_weights_are_paid_for_with_scratch_memory_or_not_folded(channels: int, size: int, folded: bool) -> None:
    model = normalised(channels, size)
    plain, optimised = (gn.compile(model, optimize=optimize) for optimize in (False, True))
    x = np.random.default_rng(1).standard_normal((2, channels, size, size), np.float32)
    before, after = plain.program("predict", 2), optimised.program("predict", 2)
    assert after.peak <= before.peak
    assert columns(after) < columns(before)
    assert scales(after) == ([] if folded else ["conv2d+scale_axis+bias_add+relu"])
    np.testing.assert_allclose(optimised.predict(x), plain.predict(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("mode", ["train", "evaluate", "predict"])
@pytest.mark.parametrize(("end", "loss"), [
    ("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"), (None, "softmax_cross_entropy"),
    ("tanh", "mean_squared_error")])
def test_networks_whose_last_layer_is_the_largest(end: str | None, loss: str, mode: str, batch: int) -> None:
    x = gn.Input((4,))
    model = gn.Model(x, L.Dense(1000, activation=end)(x))
    plain, optimised = (gn.compile(model, loss, "adam", optimize=optimize) for optimize in (False, True))
    assert optimised.program(mode, batch).peak <= plain.program(mode, batch).peak


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    recipe = random_recipe(seed)
    plain, optimised = (recipe.network(optimize=optimize) for optimize in (False, True))
    for mode in ("predict", "evaluate", "gradients"):
        for batch in (1, 5, 32):
            assert optimised.program(mode, batch).peak <= plain.program(mode, batch).peak, (mode, batch)


def test_where_nothing_helps_the_plain_program_is_taken() -> None:
    x = gn.Input((3, 4), name="x")
    h = L.GRU(4, return_sequences=True, name="g")(x)
    h = L.Dense(5, activation="gelu", name="b")(L.Dense(2, activation="gelu", name="a")(h))
    model = gn.Model(x, L.Dense(3, name="o")(L.Dropout(0.5, name="d")(h)), name="m")
    plain, optimised = (gn.compile(model, "softmax_cross_entropy", "sgd", optimize=optimize)
                        for optimize in (False, True))
    assert optimised.program("train", 257).peak <= plain.program("train", 257).peak
    samples = random_samples(plain, 257)
    assert optimised.train_on_batch(*samples)["loss"] == pytest.approx(plain.train_on_batch(*samples)["loss"], rel=1e-5)


def test_a_limit_on_prediction_is_met_with_less_scratch_memory() -> None:
    free = gn.compile(graphnet_model("lenet")).program("predict", 1).peak
    net = gn.compile(graphnet_model("lenet"), memory_limit=free * 7 // 10)
    assert net.program("predict", 1).peak <= free * 7 // 10
    with pytest.raises(gn.MemoryLimitError, match="a limit of at least") as caught:
        gn.compile(graphnet_model("lenet"), memory_limit=1000).program("predict", 1)
    least = int(str(caught.value).rpartition(" ")[2].replace(",", ""))
    assert least < free * 7 // 10
    assert gn.compile(graphnet_model("lenet"), memory_limit=least).program("predict", 1).peak == least
