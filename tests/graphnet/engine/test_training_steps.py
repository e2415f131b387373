"""What a step does beside the optimizer's formula: clipping, decay, constraints, rates, frozen layers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphnet as gn
from graphnet import constraints, optimizers
from graphnet.compiler.ir import BACKWARD
from graphnet.compiler.ops import Fused
from graphnet.optimizers import Optimizer

Array = np.ndarray[Any, Any]
X = np.random.default_rng(0).normal(0, 2, (7, 4))
Y = np.random.default_rng(1).normal(0, 2, (7, 3))


def network(optimizer: Optimizer, seed: int = 0, **first: Any) -> gn.Network:
    """4 → 5 → 3; `first` goes to the first layer."""
    x = gn.Input((4,), name="x")
    h = gn.layers.Dense(5, activation="tanh", name="first", bias_initializer="ones", **first)(x)
    model = gn.Model(x, gn.layers.Dense(3, name="second", bias_initializer="ones")(h))
    return gn.compile(model, loss="mse", optimizer=optimizer, dtype="float64", seed=seed)


def moved(optimizer: Optimizer, **first: Any) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
    """Weights before a step, after it, and the gradients in between."""
    net = network(optimizer, **first)
    before = {name: w.copy() for name, w in net.weights.items()}
    _, gradients = net.loss_and_gradients(X, Y)
    net.train_on_batch(X, Y)
    return before, net.weights, gradients


def by_value(gradients: dict[str, Array]) -> dict[str, Array]:
    return {name: np.clip(g, -0.05, 0.05) for name, g in gradients.items()}


def by_norm(gradients: dict[str, Array]) -> dict[str, Array]:
    return {name: g * min(1, 0.3 / (np.sqrt((g**2).sum()) + 1e-6)) for name, g in gradients.items()}


def by_global_norm(gradients: dict[str, Array]) -> dict[str, Array]:
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    assert norm > 0.3
    return {name: g * (0.3 / (norm + 1e-6)) for name, g in gradients.items()}


@pytest.mark.parametrize(("options", "clip"), [
    ({"clip_value": 0.05}, by_value), ({"clip_norm": 0.3}, by_norm), ({"global_clip_norm": 0.3}, by_global_norm)])
def test_clipped_gradients(options: dict[str, float], clip: Callable[..., dict[str, Array]]) -> None:
    before, after, gradients = moved(optimizers.SGD(0.5, **options))
    wanted = clip(gradients)
    assert any(not np.allclose(wanted[name], gradients[name]) for name in gradients)
    for name, g in wanted.items():
        np.testing.assert_allclose(after[name], before[name] - 0.5 * g, rtol=1e-13, err_msg=name)


@pytest.mark.parametrize("options", [{"clip_value": 1e3}, {"clip_norm": 1e3}, {"global_clip_norm": 1e3}])
def test_gradients_within_the_limit_stay_to_the_last_bit(options: dict[str, float]) -> None:
    _, plain, _ = moved(optimizers.Adam(0.1))
    _, clipped, _ = moved(optimizers.Adam(0.1, **options))
    for name in plain:
        np.testing.assert_array_equal(clipped[name], plain[name])


def test_clipping_works_in_the_flat_gradient_buffer() -> None:
    program = network(optimizers.Adam(0.1, global_clip_norm=1.0)).program("train", 7)
    (clip,) = [i for i in program.instructions if i.op.name == "clip_gradients"]
    assert {slot.buffer for slot in (*clip.inputs, *clip.outputs)} == {"gradients"}
    assert [slot.offset for slot in clip.inputs] == [slot.offset for slot in clip.outputs]
    ends = [slot.end for slot in clip.inputs]
    assert [slot.offset for slot in clip.inputs] == [0, *ends[:-1]]
    assert not [i for i in program.instructions if i.op.name == "copy"]


@pytest.mark.parametrize(("vectors", "decayed"), [
    (True, {"first/weight", "first/bias", "second/weight", "second/bias"}),
    (False, {"first/weight", "second/weight"})])
def test_decoupled_decay(vectors: bool, decayed: set[str]) -> None:
    before, after, gradients = moved(optimizers.SGDW(0.5, 0.0, weight_decay=0.1, decay_vectors=vectors))
    for name, g in gradients.items():
        keep = 1 - 0.5 * 0.1 if name in decayed else 1
        np.testing.assert_allclose(after[name], keep * before[name] - 0.5 * g, rtol=1e-13, err_msg=name)


def test_decay_is_multiplied_by_the_rate_of_a_layer() -> None:
    before, after, gradients = moved(optimizers.SGDW(0.5, 0.0, weight_decay=0.1), learning_rate_multiplier=0.2)
    for name, g in gradients.items():
        rate = 0.1 if name.startswith("first") else 0.5
        np.testing.assert_allclose(after[name], (1 - rate * 0.1) * before[name] - rate * g, rtol=1e-13, err_msg=name)


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS.names)
def test_a_multiplied_rate_is_the_rate_of_that_layer_alone(name: str) -> None:
    cls = type(optimizers.OPTIMIZERS.resolve("test", "name", name))
    _, mixed, _ = moved(cls(0.02), learning_rate_multiplier=3)
    _, slow, _ = moved(cls(0.02))
    _, fast, _ = moved(cls(0.06))
    for weight, array in mixed.items():
        wanted = (fast if weight.startswith("first") else slow)[weight]
        np.testing.assert_allclose(array, wanted, rtol=1e-12, atol=1e-13, err_msg=weight)


def test_a_frozen_layer_costs_no_gradient_work() -> None:
    def work(**first: Any) -> tuple[list[str], int, int]:
        """Layers of the backward nodes, weights that are updated, FLOPs of the backward phase."""
        net = network(optimizers.Adam(), **first)
        graph = net.stages("train")[-1].after
        (count,) = [node.op.count for node in graph.nodes if node.op.name == "adam_update"]
        flops = sum(i.flops for i in net.program("train", 7).instructions if i.phase == BACKWARD)
        nodes = [inner for node in graph.nodes if node.phase == BACKWARD
                 for inner in (node.op.body.nodes if isinstance(node.op, Fused) else (node,))]
        return [node.origin.layer for node in nodes], count, flops

    layers, count, flops = work()
    frozen_layers, frozen_count, frozen_flops = work(trainable=False)
    # Trained: the first layer's weight and bias, and tanh; of the second also the product that leads to the first.
    assert (layers.count("first"), layers.count("second"), count) == (3, 3, 4)
    assert (frozen_layers.count("first"), frozen_layers.count("second"), frozen_count) == (0, 2, 2)
    products = 2 * 7 * 4 * 5 + 2 * 7 * 3 * 5  # for the weight, and back through the second layer
    assert flops - frozen_flops == products + 3 * 7 * 5 + 7 * 5  # tanh and the bias


def test_a_frozen_layer_stays() -> None:
    before, after, _ = moved(optimizers.Adam(0.1), trainable=False)
    for name in before:
        assert np.array_equal(before[name], after[name]) == name.startswith("first")


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS.names)
@pytest.mark.parametrize("constraint", [
    constraints.MaxNorm(0.6), constraints.UnitNorm(), constraints.NonNegative(), constraints.MaxNorm(0.6, axes=(1,))])
def test_constraints_hold_after_every_step(constraint: constraints.Constraint, name: str) -> None:
    cls = type(optimizers.OPTIMIZERS.resolve("test", "name", name))
    net = network(cls(0.1), kernel_constraint=constraint, bias_constraint="non_negative")
    for _ in range(3):
        net.train_on_batch(X, Y)
        w, bias = net.weights["first/weight"], net.weights["first/bias"]
        assert bias.min() >= 0
        if isinstance(constraint, constraints.NonNegative):
            assert w.min() >= 0
            continue
        norms = np.linalg.norm(w, axis=0 if constraint.axes is None else constraint.axes)
        if isinstance(constraint, constraints.UnitNorm):
            np.testing.assert_allclose(norms, 1, rtol=1e-14)
        else:
            assert norms.max() <= 0.6 + 1e-14


def test_a_constraint_changes_only_what_breaks_it() -> None:
    before, after, gradients = moved(optimizers.SGD(0.1), kernel_constraint=constraints.MaxNorm(0.9))
    free = before["first/weight"] - 0.1 * gradients["first/weight"]
    norms = np.linalg.norm(free, axis=0)
    assert (norms > 0.9).any()
    assert (norms < 0.9).any()
    np.testing.assert_allclose(after["first/weight"], free * np.minimum(1, 0.9 / norms), rtol=1e-13)
    inside = norms < 0.9
    np.testing.assert_array_equal(after["first/weight"][:, inside], free[:, inside])
    np.testing.assert_array_equal(after["second/weight"],
                                  before["second/weight"] - 0.1 * gradients["second/weight"])


def test_norms_of_filters_are_taken_for_each_filter() -> None:
    x = gn.Input((2, 5, 4), name="x")
    h = gn.layers.Conv2D(3, 2, kernel_constraint=constraints.UnitNorm(), name="conv")(x)
    net = gn.compile(gn.Model(x, h), loss="mse", optimizer="sgd", dtype="float64")
    net.train_on_batch(np.ones((2, 2, 5, 4)), np.ones((2, 3, 4, 3)))
    np.testing.assert_allclose(np.sqrt((net.weights["conv/weight"]**2).sum((1, 2, 3))), 1, rtol=1e-14)


def test_a_constrained_weight_is_written_in_place() -> None:
    program = network(optimizers.Adam(), kernel_constraint="unit_norm").program("train", 7)
    (constraint,) = [i for i in program.instructions if i.op.name == "unit_norm"]
    (source,), (target,) = constraint.inputs, constraint.outputs
    assert (source.buffer, source.offset) == (target.buffer, target.offset) == (
        "parameters", program.parameters["first/weight"].offset)
    assert not [i for i in program.instructions if i.op.name in ("copy", "advance")]


def test_plain_programs_agree_with_optimised_ones() -> None:
    def trained(optimize: bool) -> dict[str, Array]:
        x = gn.Input((4,), name="x")
        h = gn.layers.Dense(5, activation="tanh", name="h", kernel_regularizer="l1_l2", kernel_constraint="max_norm",
                            activity_regularizer="l2", learning_rate_multiplier=0.5)(x)
        model = gn.Model(x, gn.layers.Dense(3, activation="softmax", name="y")(h))
        net = gn.compile(model, loss="cross_entropy", optimizer=optimizers.AdamW(0.05, global_clip_norm=0.4),
                         regularizer="l2", dtype="float64", optimize=optimize)
        net.fit(X, np.arange(7) % 3, epochs=4, batch_size=3, sample_weight=np.arange(7))
        return net.weights

    plain = trained(False)
    for name, array in trained(True).items():
        np.testing.assert_allclose(array, plain[name], rtol=1e-11, atol=1e-13, err_msg=name)
