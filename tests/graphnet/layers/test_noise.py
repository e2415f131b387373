import re

import numpy as np
import pytest

import graphnet as gn
from graphnet import ArgumentError, ShapeError

L = gn.layers


def classifier(*layers, shape=(40,), **arguments):
    """x → layers → logits of three classes."""
    x = h = gn.Input(shape, name="x")
    for layer in layers:
        h = layer(h)
    model = gn.Model(x, L.Dense(3, name="head")(L.Flatten()(h)))
    return gn.compile(model, **{"loss": "softmax_cross_entropy", "optimizer": "sgd"} | arguments)


def samples(shape=(40,), count=6):
    rng = np.random.default_rng(0)
    return rng.uniform(1, 2, (count, *shape)).astype("float32"), rng.integers(0, 3, count)


def disturbed(layer, x, **arguments):
    """What a layer makes of x in training: the gradient of a dense layer behind it gives it away.

    With weights 0 the loss's gradient for the logits is the same for all inputs, so the gradient for x is 0; what the
    layer makes of x is read off the gradient of the head's weight, one sample at a time.
    """
    net = classifier(layer, shape=x.shape[1:], **arguments)
    net.set_weights({"head/weight": np.zeros_like(net.weights["head/weight"])})
    _, gradients = net.loss_and_gradients(x, np.zeros(len(x), int))
    return net, -1.5 * gradients["head/weight"][:, 0].reshape(x.shape[1:])


class TestDropout:
    def test_elements_are_dropped_or_scaled(self):
        x = np.ones((1, 5000), "float32")
        _, y = disturbed(L.Dropout(0.2), x)
        values, counts = np.unique(y.round(5), return_counts=True)
        np.testing.assert_array_equal(values, [0, 1.25])
        assert abs(counts[0] / 5000 - 0.2) < 5 * (0.16 / 5000) ** 0.5

    def test_the_gradient_goes_where_the_value_went(self):
        net = classifier(L.Dropout(0.5))
        x, y = samples()
        _, gradients = net.loss_and_gradients(x, y, inputs=True)
        dropped = gradients["x"] == 0
        assert 0.3 < dropped.mean() < 0.7
        moved = x.copy()
        moved[dropped] += 1
        assert net.loss_and_gradients(moved, y)[0] == net.loss_and_gradients(x, y)[0]

    def test_nothing_of_it_is_left_outside_training(self):
        net = classifier(L.Dropout(0.5, name="drop"), L.GaussianNoise(0.3, name="hiss"))
        plain = classifier()
        for mode in ("predict", "evaluate"):
            header, table = net.program(mode, 4).text.split("  #  phase")
            assert "state drop/counter" in header  # it is kept, and nothing reads it
            assert not re.search("random_mask|apply_mask|gaussian_noise|drop|hiss", table)
            assert [i.op.name for i in net.program(mode, 4).instructions] == [
                i.op.name for i in plain.program(mode, 4).instructions]
        assert re.search("random_mask", net.program("train", 4).text)
        assert re.search("gaussian_noise", net.program("train", 4).text)

    def test_prediction_is_that_of_the_layers_around_it(self):
        net, plain = classifier(L.Dropout(0.9)), classifier()
        plain.set_weights(net.weights)
        x, y = samples()
        np.testing.assert_array_equal(net.predict(x), plain.predict(x))
        assert net.evaluate(x, y) == plain.evaluate(x, y)

    @pytest.mark.parametrize("layer", [L.Dropout(0), L.Dropout(0.0), L.SpatialDropout(0, axis=1), L.GaussianNoise(0)])
    def test_rate_0_emits_nothing(self, layer):
        x = gn.Input((4, 5))
        model = gn.Model(x, L.ReLU()(layer(x)))
        assert [node.op.name for node in model.graph.nodes] == ["relu"]
        assert model.graph.states == ()

    def test_a_model_may_be_nothing_but_dropout(self):
        x = gn.Input((4,))
        net = gn.compile(gn.Model(x, L.Dropout(0.5)(x)))
        rows = samples((4,))[0]
        np.testing.assert_array_equal(net.predict(rows), rows)


class TestTheCounter:
    def test_it_is_a_state_that_training_alone_moves(self):
        net = classifier(L.Dropout(0.5, name="drop"))
        x, y = samples()
        key = net.states["drop/counter"][0]
        net.predict(x)
        net.evaluate(x, y)
        net.loss_and_gradients(x, y)
        assert net.states["drop/counter"].tolist() == [key, 0]
        for step in (1, 2, 3):
            net.train_on_batch(x, y)
            assert net.states["drop/counter"].tolist() == [key, step]

    def test_layers_have_keys_of_their_own_by_seed_and_name(self):
        keys = [classifier(L.Dropout(0.5, name=name), seed=seed).states[f"{name}/counter"][0]
                for seed in (0, 1) for name in ("a", "b")]
        assert len(set(keys)) == 4

    def test_setting_it_back_gives_the_same_masks_again(self):
        net = classifier(L.Dropout(0.5))
        x, y = samples()
        start, weights = net.states, {name: w.copy() for name, w in net.weights.items()}
        first = [net.train_on_batch(x, y)["loss"] for _ in range(3)]
        net.set_states(start)
        net.set_weights(weights)
        assert [net.train_on_batch(x, y)["loss"] for _ in range(3)] == first
        assert len(set(first)) == 3

    def test_a_shared_layer_draws_anew_in_each_call(self):
        drop, x = L.Dropout(0.5, name="drop"), gn.Input((400,), name="x")
        model = gn.Model(x, L.Dense(3, name="head")(L.Subtract()([drop(x), drop(x)])))
        net = gn.compile(model, loss="softmax_cross_entropy", optimizer="sgd")
        rows, y = samples((400,), 1)
        _, gradients = net.loss_and_gradients(rows, y)
        assert (gradients["head/weight"] != 0).any()
        net.train_on_batch(rows, y)
        assert net.states["drop/counter"][1] == 2

    def test_two_trainings_are_equal_bit_for_bit(self):
        nets = [classifier(L.Dropout(0.5), L.Dense(20), L.GaussianNoise(0.2), optimizer="adam", seed=3)
                for _ in range(2)]
        x, y = samples(count=20)
        for net in nets:
            net.fit(x, y, batch_size=6, epochs=3, verbose=False)
        for name, value in nets[0].weights.items():
            np.testing.assert_array_equal(value, nets[1].weights[name], name)

    def test_a_loaded_network_goes_on_where_the_saved_one_was(self, tmp_path):
        net = classifier(L.Dropout(0.5), L.BatchNorm(), L.SpatialDropout(0.5), L.GaussianNoise(0.2), shape=(4, 3, 2))
        x, y = samples((4, 3, 2))
        first = net.train_on_batch(x, y)
        net.save(tmp_path / "net.gnet")
        loaded = gn.load(tmp_path / "net.gnet")
        later = [[n.train_on_batch(x, y)["loss"] for _ in range(3)] for n in (net, loaded)]
        assert later[0] == later[1]
        assert first["loss"] not in later[0]
        for name, value in net.states.items():
            np.testing.assert_array_equal(loaded.states[name], value, name)

    def test_what_ran_before_does_not_matter(self):
        quiet, busy = (classifier(L.Dropout(0.5)) for _ in range(2))
        x, y = samples()
        busy.predict(x)
        busy.evaluate(x, y)
        busy.loss_and_gradients(x, y)
        assert busy.train_on_batch(x, y) == quiet.train_on_batch(x, y)


@pytest.mark.parametrize("layer", [lambda: L.Dropout(0.3), lambda: L.SpatialDropout(0.3), lambda: L.GaussianNoise(0.3)])
def test_layouts_and_optimisation_do_not_change_what_is_drawn(layer):
    """With a convolution the batch is innermost, without optimisation every value lies in rows."""
    x, y = samples((2, 9, 8))
    results = []
    for optimize in (True, False):
        net = classifier(L.Conv2D(5, 3), layer(), L.MaxPool2D(2), shape=(2, 9, 8), optimize=optimize, dtype="float64")
        layouts = {i.outputs[0].operand.layout for i in net.program("train", 6).instructions if i.op.name == "conv2d"}
        results.append(net.loss_and_gradients(x, y, inputs=True))
        assert layouts <= {"batch-last" if optimize else "rows"}
    (fast_loss, fast), (loss, plain) = results
    assert fast_loss == pytest.approx(loss, rel=1e-12)
    for name, gradient in plain.items():
        np.testing.assert_allclose(fast[name], gradient, 1e-10, 1e-12, err_msg=name)


def test_every_dtype_gets_the_same_masks():
    x = np.ones((1, 300), "float32")
    ys = [disturbed(L.Dropout(0.4), x, dtype=dtype)[1] != 0 for dtype in ("float32", "float64")]
    np.testing.assert_array_equal(*ys)


class TestSpatialDropout:
    @pytest.mark.parametrize(("shape", "axis", "channels"), [
        ((400, 2, 3), None, 0), ((400, 5), 1, 0), ((5, 400), -1, 1), ((2, 3, 400), 3, 2),
    ])
    def test_channels_go_or_stay_whole(self, shape, axis, channels):
        _, y = disturbed(L.SpatialDropout(0.25, axis), np.ones((1, *shape), "float32"))
        rows = np.moveaxis(y, channels, 0).reshape(400, -1).round(4)
        assert (rows == rows[:, :1]).all()
        kept = rows[:, 0] != 0
        np.testing.assert_allclose(rows[kept], 4 / 3, 1e-3)
        assert abs((~kept).mean() - 0.25) < 5 * (0.1875 / 400) ** 0.5

    @pytest.mark.parametrize(("axis", "shape", "text"), [
        (None, (5,), "SpatialDropout drops channels of several elements, but (N, 5) has none\n"
                     "  fix: use gn.layers.Dropout here"),
        (None, (5, 3), "say which axis of SpatialDropout has the channels: axis=1 or axis=-1"),
        (4, (5, 3, 2), "SpatialDropout has axis 4, but its input has 4 dims"),
    ])
    def test_bad_inputs(self, axis, shape, text):
        with pytest.raises(ShapeError, match=re.escape(text)):
            L.SpatialDropout(0.5, axis)(gn.Input(shape))


class TestGaussianNoise:
    def test_it_has_the_deviation(self):
        _, y = disturbed(L.GaussianNoise(0.5), np.full((1, 20000), 3, "float32"), dtype="float64")
        assert abs(y.mean() - 3) < 5 * 0.5 / 20000**0.5
        assert abs(y.std() - 0.5) < 5 * 0.5 / 40000**0.5

    def test_the_gradient_passes_as_it_is(self):
        net = classifier(L.GaussianNoise(0.5))
        x, y = samples()
        _, gradients = net.loss_and_gradients(x, y, inputs=True)
        _, residual, rank, _ = np.linalg.lstsq(net.weights["head/weight"], gradients["x"].T, rcond=None)
        assert rank == 3
        assert residual.max() < 1e-10  # every gradient is a mixture of the head's three columns


@pytest.mark.parametrize(("make", "text"), [
    (lambda: L.Dropout(1.0), "Dropout: rate is 1.0, but it must be a finite number ≥ 0 and < 1"),
    (lambda: L.Dropout(-0.1), "Dropout: rate is -0.1, but it must be a finite number ≥ 0 and < 1"),
    (lambda: L.Dropout("half"), "Dropout: rate is 'half', but it must be a finite number ≥ 0 and < 1"),
    (lambda: L.Dropout(True), "Dropout: rate is True, but it must be a finite number ≥ 0 and < 1"),
    (lambda: L.SpatialDropout(1), "SpatialDropout: rate is 1, but it must be a finite number ≥ 0 and < 1"),
    (lambda: L.SpatialDropout(0.5, axis=0), "SpatialDropout: axis is 0, but it must be a whole number other than 0"),
    (lambda: L.GaussianNoise(-1), "GaussianNoise: stddev is -1, but it must be a finite number ≥ 0"),
    (lambda: L.GaussianNoise(float("nan")), "GaussianNoise: stddev is nan, but it must be a finite number ≥ 0"),
])
def test_bad_arguments(make, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        make()


def test_integers_are_refused():
    with pytest.raises(ShapeError, match="Dropout computes with float32 or float64, but its input is uint8"):
        L.Dropout(0.5)(gn.Input((4,), dtype="uint8"))


@pytest.mark.parametrize("layer", [L.Dropout(0.3), L.SpatialDropout(0.3, -1), L.GaussianNoise(0.3)])
def test_config_declares_the_layer_again(layer):
    assert repr(type(layer)(**layer.config())) == repr(layer)
