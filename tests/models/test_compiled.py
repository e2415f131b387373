"""What holds for every model in `models/`, whatever models there are."""


import numpy as np
import pytest
from allocations import bytes_held

import graphnet as gn
from graphnet.drawing.graph_drawing import draw_graph
from graphnet.inspect.random_samples import random_samples
from graphnet.runs import load_recipe, model_names

BATCHES = (1, 3)
TIME = 5


def network(name: str, **options: bool) -> gn.Network:
    recipe = load_recipe(name)
    return gn.compile(recipe.model(), loss=recipe.loss, optimizer=recipe.optimizer, metrics=recipe.metrics, **options)


def free_dims(net: gn.Network) -> dict[str, int]:
    return dict.fromkeys(net.graph.free_dims, TIME)


@pytest.mark.parametrize("name", model_names())
def test_it_compiles_and_trains_verified(name: str) -> None:
    net = network(name, verify=True, check_finite=True)
    x, y = random_samples(net, 2, dims=free_dims(net))
    assert np.isfinite(net.train_on_batch(x, y)["loss"])
    net.evaluate(x, y)
    net.predict(x)
    assert net.stages("gradients")


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", model_names())
def test_predicted_memory_is_what_a_step_takes(name: str, batch: int) -> None:
    net = network(name)
    dims = free_dims(net)
    report = net.memory("train", batch, **dims)
    x, y = random_samples(net, batch, dims=dims)
    net.train_on_batch(x, y)
    (run,) = net._runner.programs._executables.values()
    assert report.arena == run.buffers.sizes["arena"]
    assert report.total == bytes_held(run)


@pytest.mark.parametrize("name", model_names())
def test_its_gradients_are_right(name: str) -> None:
    net = network(name)
    found = net.gradcheck(*random_samples(net, 2, dims=free_dims(net)), samples=1)
    assert found.passed, str(found)


@pytest.mark.parametrize("name", model_names())
def test_it_can_be_explained_and_drawn(name: str) -> None:
    net = network(name)
    for mode in ("predict", "train"):
        assert all(pair.reason for pair in net.explain(mode).pairs)
        assert draw_graph(net.stages(mode)[-1].after).boxes
