import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

L = gn.layers


def network(layer: L.Layer, shape=(3,), **arguments):
    """x → layer → logits of one class each, so that gradients are there; float64."""
    x = gn.Input(shape, name="x")
    h = L.Flatten()(layer(x)) if len(shape) > 1 else layer(x)
    model = gn.Model(x, L.Dense(2, name="head")(h))
    return gn.compile(model, loss="softmax_cross_entropy", optimizer="sgd", dtype="float64", **arguments)


def batched_ops(net, mode="predict"):
    """The ops of a Program that work on the whole batch, in order, fused or not."""
    ops = [i.op for i in net.program(mode, batch=64).instructions if i.outputs[0].operand.shape[:1] == (64,)]
    return [inner.name for op in ops for inner in ([node.op for node in op.body.nodes] if op.name == "fused" else [op])]


def batch(*shape, count=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(2, 3, (count, *shape)), rng.integers(0, 2, count)


def test_weights_and_states():
    x = gn.Input((4, 6, 7))
    model = gn.Model(x, L.BatchNorm(name="bn")(x))
    assert [(p.name, str(model.graph.types[p.value])) for p in model.graph.parameters] == [
        ("bn/gamma", "f32[4]"), ("bn/beta", "f32[4]")]
    assert [(s.name, s.role, s.initial) for s in model.graph.states] == [
        ("bn/moving_mean", "buffer", 0.0), ("bn/moving_variance", "buffer", 1.0)]


@pytest.mark.parametrize(("scale", "center", "names"), [
    (True, False, ["bn/gamma"]), (False, True, ["bn/beta"]), (False, False, []),
])
def test_without_scale_or_center(scale, center, names):
    net = network(L.BatchNorm(name="bn", scale=scale, center=center))
    full = network(L.BatchNorm(name="bn"))
    full.set_weights({name: value for name, value in net.weights.items() if name in full.weights})
    assert [name for name in net.weights if name.startswith("bn")] == names
    x, y = batch(3)
    loss, gradients = net.loss_and_gradients(x, y)
    expected_loss, expected = full.loss_and_gradients(x, y)
    assert loss == pytest.approx(expected_loss, rel=1e-14)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[name], 1e-12, err_msg=name)


@pytest.mark.parametrize(("shape", "axis", "axes"), [
    ((3,), None, 0), ((3,), -1, 0), ((3, 4, 5), None, (0, 2, 3)), ((4, 5, 3), -1, (0, 1, 2)), ((5, 3), -1, (0, 1)),
    ((3, 5), 1, (0, 2)),
])
def test_training_moves_the_statistics_of_the_channels(shape, axis, axes):
    net = network(L.BatchNorm(axis, momentum=0.75, name="bn"), shape)
    x, y = batch(*shape)
    net.train_on_batch(x, y)
    np.testing.assert_allclose(net.states["bn/moving_mean"], 0.25 * x.mean(axes), 1e-12)
    np.testing.assert_allclose(net.states["bn/moving_variance"], 0.75 + 0.25 * x.var(axes, ddof=1), 1e-12)


def test_biased_running_variance():
    net = network(L.BatchNorm(momentum=0, unbiased=False, name="bn"))
    x, y = batch(3)
    net.train_on_batch(x, y)
    np.testing.assert_allclose(net.states["bn/moving_variance"], x.var(0), 1e-12)


def test_only_training_moves_them():
    net = network(L.BatchNorm(name="bn"))
    x, y = batch(3)
    net.train_on_batch(x, y)
    before = net.states
    net.predict(x)
    net.evaluate(x, y)
    net.loss_and_gradients(x, y)
    assert {name: value.tolist() for name, value in net.states.items()} == {
        name: value.tolist() for name, value in before.items()}


def test_prediction_does_not_depend_on_the_batch():
    net = network(L.BatchNorm(), (3, 4, 5))
    x, y = batch(3, 4, 5)
    for _ in range(3):
        net.train_on_batch(x, y)
    np.testing.assert_allclose(np.concatenate([net.predict(x[i:i + 1]) for i in range(8)]), net.predict(x), 1e-12)


def test_prediction_uses_the_running_statistics():
    x = gn.Input((3,), name="x")
    net = gn.compile(gn.Model(x, L.BatchNorm(epsilon=0.25, name="bn")(x)), dtype="float64")
    net.set_weights({"bn/gamma": [1.0, 2, 3], "bn/beta": [4.0, 5, 6]})
    net.set_states({"bn/moving_mean": [1.0, -1, 0], "bn/moving_variance": [2.0, 0.75, 6]})
    rows = batch(3)[0]
    np.testing.assert_allclose(net.predict(rows), (rows - [1, -1, 0]) / [1.5, 1, 2.5] * [1, 2, 3] + [4, 5, 6], 1e-12)


def test_a_last_batch_of_one_sample_trains():
    net = network(L.BatchNorm())
    x, y = batch(3, count=9)
    losses = net.fit(x, y, batch_size=4, epochs=2, verbose=False).history["loss"]
    assert np.isfinite(losses).all()
    assert all(np.isfinite(value).all() for value in net.states.values())


def test_a_shared_layer_moves_its_statistics_once_a_call():
    bn = L.BatchNorm(momentum=0.5, name="bn")
    a, b = gn.Input((3,), name="a"), gn.Input((3,), name="b")
    net = gn.compile(gn.Model([a, b], L.Dense(2)(L.Add()([bn(a), bn(b)]))), loss="softmax_cross_entropy",
                     optimizer="sgd", dtype="float64")
    assert list(net.states) == ["bn/moving_mean", "bn/moving_variance"]
    (xa, y), (xb, _) = batch(3), batch(3, seed=1)
    net.train_on_batch({"a": xa, "b": xb}, y)
    np.testing.assert_allclose(net.states["bn/moving_mean"], 0.25 * xa.mean(0) + 0.5 * xb.mean(0), 1e-12)
    first = net.predict({"a": xa, "b": xb})
    np.testing.assert_array_equal(net.predict({"a": xa, "b": xb}), first)


def test_frozen_it_normalises_by_its_running_statistics_in_training_too():
    net = network(L.BatchNorm(name="bn", trainable=False))
    net.set_states({"bn/moving_mean": [1.0, 2, 3], "bn/moving_variance": [4.0, 5, 6]})
    before = {name: value.copy() for name, value in (net.weights | net.states).items()}
    x, y = batch(3)
    loss, _ = net.loss_and_gradients(x, y)
    assert loss == pytest.approx(net.evaluate(x, y)["loss"], rel=1e-12)
    net.train_on_batch(x, y)
    changed = [name for name, value in (net.weights | net.states).items() if not np.array_equal(value, before[name])]
    assert changed == ["head/weight", "head/bias"]


def test_a_network_without_weights_learns_its_statistics():
    x = gn.Input((3,), name="x")
    net = gn.compile(gn.Model(x, L.BatchNorm(momentum=0.5, scale=False, center=False, name="bn")(x)),
                     loss="mse", optimizer="adam", dtype="float64")
    rows = batch(3)[0]
    net.fit(rows, rows, batch_size=8, epochs=60, verbose=False)
    np.testing.assert_allclose(net.predict(rows), (rows - rows.mean(0)) / np.sqrt(rows.var(0, ddof=1) + 1e-5), 1e-9)


class TestFolding:
    """Batch norm behind a convolution or a dense layer is part of it outside training."""

    @staticmethod
    def networks(layer, shape, **arguments):
        x = gn.Input(shape, name="x")
        model = gn.Model(x, L.ReLU()(L.BatchNorm(axis=1, name="bn")(layer(x))))
        nets = [gn.compile(model, optimize=optimize, seed=1) for optimize in (True, False)]
        rng = np.random.default_rng(0)
        channels = nets[0].weights["bn/gamma"].size
        numbers = {name: rng.uniform(0.5, 2, channels) for name in ("gamma", "beta", "moving_mean", "moving_variance")}
        for net in nets:
            net.set_weights({f"bn/{name}": numbers[name] for name in ("gamma", "beta")})
            net.set_states({f"bn/{name}": numbers[name] for name in ("moving_mean", "moving_variance")})
        return nets

    @pytest.mark.parametrize(("layer", "shape", "op"), [
        (lambda: L.Conv2D(5, 3), (2, 9, 8), "conv2d"),
        (lambda: L.Conv2D(6, (2, 3), groups=2, use_bias=False), (4, 9, 8), "conv2d"),
        (lambda: L.Dense(7), (5,), "matmul"),
        (lambda: L.Dense(7, use_bias=False), (5,), "matmul"),
        (lambda: L.ConvTranspose2D(5, 3, strides=2), (2, 4, 3), "conv2d_grad_input"),
    ])
    def test_the_batch_sees_nothing_of_it(self, layer, shape, op):
        folded, plain = self.networks(layer(), shape)
        assert batched_ops(folded) == [op, "bias_add", "relu"]
        x = np.random.default_rng(2).standard_normal((6, *shape)).astype("float32")
        expected = plain.predict(x)
        assert np.abs(folded.predict(x) - expected).max() <= 1e-5 * np.abs(expected).max()
        assert "scale_axis" in batched_ops(plain)

    def test_one_dimensional_convolution(self):
        folded, plain = self.networks(L.Conv1D(5, 3), (2, 9))
        assert batched_ops(folded) == ["conv2d", "bias_add", "relu"]
        x = np.random.default_rng(2).standard_normal((6, 2, 9)).astype("float32")
        expected = plain.predict(x)
        assert np.abs(folded.predict(x) - expected).max() <= 1e-5 * np.abs(expected).max()

    def test_weights_may_go_on_changing(self):
        folded, plain = self.networks(L.Conv2D(5, 3, name="conv"), (2, 9, 8))
        x = np.random.default_rng(2).standard_normal((6, 2, 9, 8)).astype("float32")
        before = folded.predict(x)
        for net in (folded, plain):
            net.set_weights({"conv/weight": -2 * net.weights["conv/weight"], "bn/gamma": 3 * net.weights["bn/gamma"]})
        assert not np.allclose(folded.predict(x), before)
        np.testing.assert_allclose(folded.predict(x), plain.predict(x), 1e-5, 1e-4)

    def test_the_training_program_still_normalises_by_the_batch(self):
        x = gn.Input((2, 9, 8))
        net = gn.compile(gn.Model(x, L.Dense(3)(L.Flatten()(L.BatchNorm()(L.Conv2D(5, 3)(x))))),
                         loss="softmax_cross_entropy", optimizer="sgd")
        assert {"batch_norm", "batch_norm_grad"} <= set(batched_ops(net, "train"))
        for mode in ("predict", "evaluate"):
            assert batched_ops(net, mode)[:4] == ["conv2d", "bias_add", "matmul", "bias_add"]


def test_the_folded_network_learns_and_evaluates_as_one():
    x = gn.Input((2, 9, 8))
    h = L.ReLU()(L.BatchNorm()(L.Conv2D(5, 3)(x)))
    model = gn.Model(x, L.Dense(3)(L.Flatten()(h)))
    nets = [gn.compile(model, loss="softmax_cross_entropy", optimizer=gn.optimizers.SGD(0.1), optimize=optimize)
            for optimize in (True, False)]
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 2, 9, 8)).astype("float32"), rng.integers(0, 3, 20)
    for _ in range(5):
        for net in nets:
            net.train_on_batch(x, y)
    fast, plain = (net.evaluate(x, y)["loss"] for net in nets)
    assert fast == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize(("arguments", "text"), [
    ({"momentum": 1.0}, "BatchNorm: momentum is 1.0, but it must be a finite number ≥ 0 and < 1"),
    ({"momentum": -0.1}, "BatchNorm: momentum is -0.1, but it must be a finite number ≥ 0 and < 1"),
    ({"epsilon": 0}, "BatchNorm: epsilon is 0, but it must be a finite number ≥ 1.17549e-38"),
    ({"axis": 0}, "BatchNorm: axis is 0, but it must be a whole number other than 0, which is the batch"),
    ({"axis": (1, 2)}, "BatchNorm: axis is (1, 2), but it must be a whole number other than 0"),
    ({"center": 1}, "BatchNorm: center is 1, but it must be True or False"),
    ({"scale": None}, "BatchNorm: scale is None, but it must be True or False"),
    ({"unbiased": "yes"}, "BatchNorm: unbiased is 'yes', but it must be True or False"),
    ({"gamma_initializer": "magic"}, "BatchNorm: gamma_initializer is 'magic', but it must be an Initializer"),
])
def test_bad_arguments(arguments, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        L.BatchNorm(**arguments)


def test_three_dims_are_ambiguous():
    with pytest.raises(ShapeError, match=re.escape(
            "why: (N, 5, 3) may be (N, channels, length) or (N, steps, features)\n"
            "  fix: say which axis of BatchNorm has the channels: axis=1 or axis=-1")):
        L.BatchNorm()(gn.Input((5, 3)))


@pytest.mark.parametrize(("layer", "shape", "text"), [
    (L.BatchNorm(-2), (3,), "axis -2 of (N, 3) is the batch, and samples never mix"),
    (L.BatchNorm(3), (3,), "BatchNorm has axis 3, but its input has 2 dims (axes -2 … 1)"),
    (L.BatchNorm(1), (None, 3), "the number of channels that BatchNorm takes must be known when the graph is declared"),
])
def test_bad_inputs(layer, shape, text):
    with pytest.raises(ShapeError, match=re.escape(text)):
        layer(gn.Input(shape))


def test_a_layer_without_weights_refuses_other_channels_when_shared():
    bn = L.BatchNorm(scale=False, center=False)
    a, b = gn.Input((3,)), gn.Input((4,))
    joined = L.Concatenate()([bn(a), bn(b)])
    text = "its moving_mean is f32[3] since its first call, but this input needs f32[4]"
    with pytest.raises(ShapeError, match=re.escape(text)):
        gn.Model([a, b], joined)


def test_config_declares_the_layer_again():
    layer = L.BatchNorm(-1, 0.5, 1e-3, center=False, unbiased=False)
    assert repr(L.BatchNorm(**layer.config())) == repr(layer)
