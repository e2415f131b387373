import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.inspect.random_samples import random_samples


@pytest.mark.parametrize("batch", [1, 3, 8])
@pytest.mark.parametrize("make", small_networks.MODELS)
def test_predicted_memory_is_what_a_run_takes(make: Callable[[], gn.Model], batch: int) -> None:
    sizes = {"T": 6} if make is small_networks.sequence_model else {}
    for mode, act in (("train", gn.Network.train_on_batch), ("gradients", gn.Network.loss_and_gradients),
                      ("predict", lambda net, x, y: net.predict(x))):
        net = gn.compile(make(), **small_networks.TRAINED, backend="numpy")
        report = net.memory(mode, batch, **sizes)
        x, y = random_samples(net, batch, dims=sizes)
        act(net, x, y)
        (run,) = net._runner.programs._executables.values()
        assert {name: run.buffers.sizes[name] for name in run.program.buffers} == dict(run.program.buffers)
        assert report.total == sum(run.program.buffers.values())
        assert report.arena == run.buffers.sizes["arena"]


def test_looking_at_a_network_changes_nothing() -> None:
    looked, plain = (small_networks.image_network() for _ in range(2))
    x, y = random_samples(looked, 4)
    looked.explain("train"), looked.memory("train", 4), looked.program("train", 4), looked.stages("train")
    looked.profile(x, y, steps=1), looked.gradcheck(x, y, samples=1)
    assert looked.train_on_batch(x, y) == plain.train_on_batch(x, y)
    for name, weight in plain.weights.items():
        np.testing.assert_array_equal(looked.weights[name], weight)


def test_what_a_purpose_needs() -> None:
    net = gn.compile(small_networks.image_model())
    with pytest.raises(gn.GraphError, match=r"give gn\.compile a loss"):
        net.explain("train")
    with pytest.raises(gn.GraphError, match="mode is 'nonsense', but it must be one of predict, evaluate, train"):
        net.memory("nonsense")
    with pytest.raises(gn.ArgumentError, match="memory: batch is 0, but it must be a whole number ≥ 1"):
        net.memory("predict", 0)


def test_a_free_dim_must_have_a_number() -> None:
    net = gn.compile(small_networks.sequence_model())
    for look in (net.program, net.memory, net.stages, net.explain):
        name = look.__name__
        with pytest.raises(gn.ShapeError) as caught:
            look("predict", 2)
        assert str(caught.value) == (f"{name}: the dim T of sequence has no number\n"
                                     f"  fix: give one, e.g. {name}(…, T=20)")
        with pytest.raises(gn.ArgumentError, match="Q is 3, but the free dims of sequence are: T"):
            look("predict", 2, T=4, Q=3)
        with pytest.raises(gn.ArgumentError, match=r"T is 3\.5, but it must be a whole number ≥ 1"):
            look("predict", 2, T=3.5)


@pytest.mark.parametrize(("channels", "size", "left_out"), [(8, 12, ()), (96, 3, ("fold_batch_norm",))])
def test_what_is_explained_for_sizes_is_what_runs(channels: int, size: int, left_out: tuple[str, ...]) -> None:
    """Folding a batch norm into many weights would take more memory than the images do."""
    image = gn.Input((channels, size, size), name="image")
    h = gn.layers.Conv2D(channels, 3, padding="same", use_bias=False, name="conv")(image)
    h = gn.layers.BatchNorm(name="bn")(h)
    net = gn.compile(gn.Model(image, gn.layers.ReLU(name="relu")(h), name="folded"), backend="numpy")
    explanation = net.explain(batch=2)
    assert (net.explain().left_out, explanation.left_out) == ((), left_out)
    assert explanation.to_json()["left_out"] == left_out
    text = "left out, as the Program would take more memory: fold_batch_norm"
    assert (text in str(explanation)) == bool(left_out)
    nodes = net.stages(batch=2)[-1].after.nodes
    assert [i.op.name for i in net.program(batch=2).instructions] == [node.op.name for node in nodes]
    assert explanation.passes[-1].nodes_after == len(nodes)


def test_recomputation_is_explained() -> None:
    image = gn.Input((3, 16, 16))
    h = image
    for _ in range(3):
        h = gn.layers.Conv2D(8, 3, padding="same", activation="relu")(h)
    model = gn.Model(image, gn.layers.Dense(3)(gn.layers.Flatten()(h)))
    taken = gn.compile(model, "softmax_cross_entropy", "adam").program("train", 16).taken
    net = gn.compile(model, "softmax_cross_entropy", "adam", memory_limit=taken * 9 // 10)
    assert "fit_memory" not in str(net.explain("train"))
    assert "fit_memory: " in str(net.explain("train", 16))
    assert len(net.stages("train", 16)[-1].after.nodes) > len(net.stages("train")[-1].after.nodes)


def test_views_are_not_imported_before_they_are_asked_for() -> None:
    code = ("import sys, graphnet as gn; x = gn.Input((3,)); net = gn.compile(gn.Model(x, gn.layers.Dense(2)(x)));"
            "print(sorted(m for m in sys.modules if m.startswith(('matplotlib', 'networkx', 'graphnet.views', "
            "'graphnet.compiler.inspect.explain', 'graphnet.compiler.inspect.verify', 'graphnet.runtime.profiling')) "
            "or (m == 'json' and net.backend == 'numpy')))")  # what the other one keeps for later processes is JSON
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
