"""A warm step of training allocates nothing that grows with the batch. The contract of ops says so of each kernel."""

import numpy as np
import pytest
from allocations import SLACK, peak_of, small_pieces

import graphnet as gn
from graphnet.compiler.planning.program import ARENA
from graphnet.models import lenet

SMALL, LARGE = 64, 512


@pytest.fixture(autouse=True, params=["numpy", "native"])
def _backend(request, monkeypatch):
    if request.param == "native":
        pytest.importorskip("llvmlite")
    monkeypatch.setenv("GRAPHNET_BACKEND", request.param)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    with small_pieces(monkeypatch, 512):
        yield


def small_lenet(**options) -> gn.Network:
    return gn.compile(lenet.model(), loss="softmax_cross_entropy", optimizer="adam", **options)


def dense(loss: str = "softmax_cross_entropy", activation: str = "relu", **options) -> gn.Network:
    x = gn.Input((20,), name="x")
    h = gn.layers.Dense(32, activation=activation)(x)
    return gn.compile(gn.Model(x, gn.layers.Dense(10)(h)), loss=loss, optimizer="adam", **options)


def small_images() -> gn.Network:
    """Branches, uneven windows, padding and pooling that overlaps."""
    x = gn.Input((2, 9, 7), name="x")
    h = gn.layers.Conv2D(4, 3, padding="same", activation="tanh")(x)
    h = gn.layers.Add()(h, gn.layers.Conv2D(4, 2, padding="same", activation="sigmoid")(x))
    h = gn.layers.MaxPool2D(3, strides=2, padding=((1, 1), (1, 0)))(h)
    h = gn.layers.Conv2D(4, (2, 1), strides=(2, 1), groups=2, dilation=(1, 2))(h)
    h = gn.layers.Concatenate()(gn.layers.Flatten()(h), gn.layers.Softmax()(gn.layers.Flatten()(h)))
    return gn.compile(gn.Model(x, gn.layers.Dense(10)(h)), loss="softmax_cross_entropy", optimizer="adam")


NETWORKS = {
    "lenet": lambda: small_lenet(metrics=["accuracy"]),
    "images": small_images,
    "dense": dense,
    "dense with accuracy": lambda: dense(metrics=["accuracy"]),
    "dense with tanh": lambda: dense(activation="tanh"),
    "dense at float64": lambda: dense(dtype="float64"),
    "squares": lambda: dense(loss="mse"),
}


def samples(net: gn.Network, count: int):
    rng = np.random.default_rng(0)
    shape = net.graph.types[net.graph.inputs[0].value].shape[1:]
    x = rng.standard_normal((count, *shape)).astype(net.graph.types[net.graph.inputs[0].value].dtype)
    squares = type(next(iter(net.objective.losses.values()))).__name__ == "MeanSquaredError"
    y = rng.standard_normal((count, 10)) if squares else rng.integers(0, 10, count)
    arrays, labels, dims = net._runner.check_samples(x, y)
    return arrays, labels, dims


def warm_step(net: gn.Network, batch: int):
    """A step as `fit` does it: shuffled samples are gathered, then the Program runs."""
    arrays, labels, dims = samples(net, 2 * batch)
    run = net._runner.executable(net._runner.purpose("train", labels), dims | {"N": batch})
    chosen = np.arange(2 * batch)[::-1][:batch].copy()
    run.take(arrays, chosen)

    def step():
        run.take(arrays, chosen)
        net._runner.run_step(run)
    return step


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_step_of_fit_allocates_nothing_that_grows(make):
    small, large = (peak_of(warm_step(make(), batch)) for batch in (SMALL, LARGE))
    assert large <= small + SLACK, f"a step takes {small} bytes at batch {SMALL}, {large} at {LARGE}"


def test_one_hot_labels():
    def step_of(batch):
        net = dense()
        x, y = np.zeros((batch, 20), np.float32), np.eye(10, dtype=np.float32)[np.arange(batch) % 10]
        arrays, labels, dims = net._runner.check_samples(x, y)
        run = net._runner.executable(net._runner.purpose("train", labels), dims | {"N": batch})

        def step():
            run.take(arrays, slice(0, batch))
            net._runner.run_step(run)
        return step

    small, large = (peak_of(step_of(batch)) for batch in (SMALL, LARGE))
    assert large <= small + SLACK


def test_samples_of_another_dtype():
    """Bytes of pixels and small class numbers are converted in memory that is used again."""
    def step_of(batch):
        net = dense()
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 255, (2 * batch, 20)).astype(np.uint8), (np.arange(2 * batch) % 10).astype(np.int32)
        arrays, labels, dims = net._runner.check_samples(x, y)
        run = net._runner.executable(net._runner.purpose("train", labels), dims | {"N": batch})
        chosen = np.arange(2 * batch)[::-1][:batch].copy()

        def step():
            run.take(arrays, chosen)
            net._runner.run_step(run)
            run.take(arrays, slice(batch, 2 * batch))
            net._runner.run_step(run)
        step()
        return step

    small, large = (peak_of(step_of(batch)) for batch in (SMALL, LARGE))
    assert large <= small + SLACK


def test_the_measurement_sees_an_allocation():
    """A step that allocates one number a sample is caught, so the tests above can fail."""
    small, large = (peak_of(lambda batch=batch: np.ones(batch, np.float32).sum()) for batch in (SMALL, LARGE))
    assert large > small + SLACK


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_arena_is_as_large_as_the_plan_announced(make):
    net = make()
    _, labels, dims = samples(net, 16)
    net._runner.executable(net._runner.purpose("train", labels), dims | {"N": 16})
    assert len(net._runner.programs.buffers[ARENA]) == net.program("train", 16).peak
