"""Stateful layers: what they carry from call to call, and who may change it."""

from itertools import pairwise

import numpy as np
import pytest

import graphnet as gn

L = gn.layers
LAYERS = {"tanh": lambda **o: L.SimpleRNN(5, **o), "relu": lambda **o: L.SimpleRNN(5, "relu", **o),
          "lstm": lambda **o: L.LSTM(5, **o), "gru": lambda **o: L.GRU(5, **o),
          "cho": lambda **o: L.GRU(5, reset_after=False, **o)}


def network(cell="tanh", dtype="float32", **options):
    x = gn.Input((None, 3), name="x")
    h = LAYERS[cell](return_sequences=True, name="first", **options)(x)
    h = LAYERS[cell](return_sequences=True, name="second", **options)(h)
    return gn.compile(gn.Model(x, L.Dense(2)(h)), loss="softmax_cross_entropy", optimizer="adam", dtype=dtype, seed=3)


def data(count=4, steps=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, steps, 3)).astype(np.float32), rng.integers(0, 2, (count, steps))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pieces", [(4, 4, 4), (1, 5, 6), (11, 1), (2,) * 6])
@pytest.mark.parametrize("cell", LAYERS)
def test_a_sequence_in_pieces_equals_one_call(cell, pieces, dtype):
    """The same bits, with the states of the stateful network and against one that has none."""
    x, _ = data()
    whole = network(cell, dtype)
    net = network(cell, dtype, stateful=True)
    made = np.concatenate([net.predict(x[:, a:b]) for a, b in pairwise(np.cumsum((0, *pieces)))], 1)
    np.testing.assert_array_equal(made, whole.predict(x))


@pytest.mark.parametrize("cell", LAYERS)
def test_no_gradient_goes_from_call_to_call(cell):
    """Training on the second half has the gradients of a network that is given the states as numbers."""
    x, y = data()
    net = network(cell, "float64", stateful=True)
    net.predict(x[:, :6])
    _, found = net.loss_and_gradients(x[:, 6:], y[:, 6:])
    given, inputs = {}, [gn.Input((None, 3), name="x")]
    h = inputs[0]
    for name in ("first", "second"):
        states = [gn.Input((5,), name=key.replace("/", "_")) for key in net.states if key.startswith(name)]
        inputs += states
        h = LAYERS[cell](return_sequences=True, name=name)(h, initial_state=states)
    given = {key.replace("/", "_"): value for key, value in net.states.items()}
    twin = gn.compile(gn.Model(inputs, L.Dense(2)(h)), loss="softmax_cross_entropy", dtype="float64", seed=3)
    _, expected = twin.loss_and_gradients({"x": x[:, 6:]} | given, y[:, 6:])
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, 0, 1e-14)


@pytest.mark.parametrize("cell", LAYERS)
def test_truncation_inside_a_call_equals_calls_that_carry_the_state(cell):
    """One call with truncate=k has the mean of the gradients of the k-step calls of a stateful network."""
    x, y = data()
    cut = network(cell, "float64", truncate=4)
    net = network(cell, "float64", stateful=True)
    total = None
    for start in range(0, 12, 4):
        part = slice(start, start + 4)
        _, gradients = net.loss_and_gradients(x[:, part], y[:, part])
        net.predict(x[:, part])
        total = gradients if total is None else {name: total[name] + gradients[name] for name in total}
    _, found = cut.loss_and_gradients(x, y)
    _, whole = network(cell, "float64").loss_and_gradients(x, y)
    for name, gradient in found.items():
        np.testing.assert_allclose(gradient, total[name] / 3, 0, 1e-14)
    assert np.abs(whole["first/recurrent_weight"] - found["first/recurrent_weight"]).max() > 1e-6


class TestWhoChangesThem:
    def test_there_are_none_before_the_first_call(self):
        net = network("lstm", stateful=True)
        assert net.stateful
        assert net.states == {}

    def test_a_row_for_each_sequence(self):
        net = network("lstm", stateful=True)
        net.predict(data()[0])
        assert {name: state.shape for name, state in net.states.items()} == dict.fromkeys(
            ("first/hidden", "first/cell", "second/hidden", "second/cell"), (4, 5))

    @pytest.mark.parametrize("call", [
        lambda net, x, y: net.predict(x), lambda net, x, y: net.evaluate(x, y),
        lambda net, x, y: net.train_on_batch(x, y), lambda net, x, y: net.fit(x, y, batch_size=4)],
        ids=["predict", "evaluate", "train_on_batch", "fit"])
    def test_every_call_carries_them_on(self, call):
        net, (x, y) = network(stateful=True), data()
        plain = network(stateful=True)
        plain.predict(x)
        call(net, x, y)
        assert net.states.keys() == plain.states.keys()
        for name, state in plain.states.items():
            np.testing.assert_allclose(net.states[name], state, 0, 1e-6)

    def test_gradients_leave_them(self):
        net, (x, y) = network(stateful=True), data()
        net.loss_and_gradients(x, y)
        assert net.states == {}
        net.predict(x)
        before = net.states
        net.loss_and_gradients(x, y)
        assert all((net.states[name] == state).all() for name, state in before.items())

    def test_gradients_begin_with_them(self):
        net, (x, y) = network(stateful=True), data()
        first, _ = net.loss_and_gradients(x, y)
        net.predict(x)
        assert net.loss_and_gradients(x, y)[0] != first

    def test_validation_has_its_own(self):
        (x, y), (xt, yt) = data(), data(8, 5, seed=1)
        nets = [network(stateful=True) for _ in range(2)]
        nets[0].fit(x, y, batch_size=4, epochs=2)
        history = nets[1].fit(x, y, batch_size=4, epochs=2, validation_data=(xt, yt)).history
        assert all((nets[0].states[name] == state).all() for name, state in nets[1].states.items())
        nets[0].reset_states()
        assert history["val_loss"][-1] == nets[0].evaluate(xt, yt, batch_size=4)["loss"]

    def test_each_epoch_goes_on(self):
        (x, y), nets = data(), [network(stateful=True) for _ in range(2)]
        nets[0].fit(x, y, batch_size=4, epochs=2)
        for _ in range(2):
            nets[1].train_on_batch(x, y)
        assert all((nets[0].states[name] == state).all() for name, state in nets[1].states.items())


class TestReset:
    def test_lets_the_next_call_begin_anew(self):
        net, (x, _) = network(stateful=True), data()
        first = net.predict(x)
        assert (net.predict(x) != first).any()
        net.reset_states()
        assert net.states == {}
        np.testing.assert_array_equal(net.predict(x), first)

    def test_frees_the_batch_size(self):
        net, (x, _) = network(stateful=True), data()
        net.predict(x)
        with pytest.raises(gn.DataError) as caught:
            net.predict(x[:3])
        assert str(caught.value) == (
            "the states of the stateful layers belong to 4 sequences, but this batch has 3: each call goes on with the "
            "sequences of the one before; feed 4, or call net.reset_states() to begin new ones")
        net.reset_states()
        three = net.predict(x[:3])
        net.reset_states()
        np.testing.assert_allclose(net.predict(x)[:3], three, 0, 1e-6)

    def test_leaves_running_statistics_unless_they_are_named(self):
        x = gn.Input((None, 3), name="x")
        h = L.SimpleRNN(4, stateful=True, name="r")(x)
        model = gn.Model(x, L.Dense(2)(L.BatchNorm(name="n")(h)))
        net = gn.compile(model, loss="softmax_cross_entropy", optimizer="sgd")
        begin = net.states
        net.train_on_batch(data()[0], np.array([0, 1, 1, 0]))
        trained = net.states["n/moving_mean"]
        assert (trained != begin["n/moving_mean"]).any()
        net.reset_states()
        np.testing.assert_array_equal(net.states["n/moving_mean"], trained)
        assert "r/hidden" not in net.states
        net.reset_states(["n/moving_mean"])
        np.testing.assert_array_equal(net.states["n/moving_mean"], begin["n/moving_mean"])

    def test_an_unknown_name(self):
        with pytest.raises(gn.DataError, match="the model has no state 'x'; it has first/hidden, second/hidden"):
            network(stateful=True).reset_states(["x"])


class TestSetting:
    def test_goes_on_from_what_was_read(self):
        net, (x, _) = network("lstm", stateful=True), data()
        net.predict(x)
        kept = net.states
        second = net.predict(x)
        net.reset_states()
        net.set_states(kept)
        np.testing.assert_array_equal(net.predict(x), second)

    def test_others_begin_as_zeros(self):
        net = network(stateful=True)
        net.set_states({"first/hidden": np.ones((2, 5))})
        assert net.states["second/hidden"].tolist() == np.zeros((2, 5)).tolist()
        assert net.states["first/hidden"].tolist() == np.ones((2, 5)).tolist()

    @pytest.mark.parametrize("array", [np.ones((2, 6)), np.ones(5), np.ones((0, 5)), np.ones((3, 5)),
                                       np.ones((4, 5), complex)])
    def test_what_does_not_fit_changes_nothing(self, array):
        net, (x, _) = network(stateful=True), data()
        net.predict(x)
        before = net.states
        with pytest.raises(gn.ShapeError, match=r"state 'first/hidden' is float32 \(N, 5\) with as many rows as the "
                                                "other recurrent states, got"):
            net.set_states({"first/hidden": array})
        assert all((net.states[name] == state).all() for name, state in before.items())

    def test_files_hold_them(self, tmp_path):
        net, (x, y) = network("lstm", stateful=True), data()
        net.fit(x, y, batch_size=2)
        net.save(tmp_path / "net.gnet")
        loaded = gn.load(tmp_path / "net.gnet")
        assert loaded.states.keys() == net.states.keys()
        np.testing.assert_array_equal(loaded.predict(x[:2]), net.predict(x[:2]))

    def test_files_of_networks_that_have_not_run(self, tmp_path):
        network("lstm", stateful=True).save(tmp_path / "net.gnet")
        assert gn.load(tmp_path / "net.gnet").states == {}


class TestBatches:
    def test_a_smaller_last_batch_is_refused_before_anything_runs(self):
        net, (x, y) = network(stateful=True), data(10)
        for call in (lambda: net.fit(x, y, batch_size=4), lambda: net.evaluate(x, y, batch_size=4),
                     lambda: net.predict(x, batch_size=4)):
            with pytest.raises(gn.DataError, match=r"10 samples in batches of 4 leave a last batch of 2, .* use a "
                                                   r"batch_size that divides 10, such as 2, or leave out the last 2"):
                call()
        assert net.step == 0
        assert net.states == {}

    def test_so_is_one_of_the_validation_data(self):
        net, (x, y) = network(stateful=True), data(4)
        with pytest.raises(gn.DataError, match="validation_data of fit: 7 samples in batches of 4"):
            net.fit(x, y, batch_size=4, validation_data=data(7))
        assert net.step == 0

    def test_fewer_samples_than_a_batch_are_one_batch(self):
        net, (x, y) = network(stateful=True), data(3)
        net.fit(x, y, batch_size=32, epochs=2)
        assert net.states["first/hidden"].shape == (3, 5)

    def test_another_size_than_before_is_refused_up_front(self):
        net, (x, y) = network(stateful=True), data(4)
        net.predict(x)
        with pytest.raises(gn.DataError, match=r"belong to 4 sequences, but this batch has 2: .* net.reset_states\(\)"):
            net.fit(x, y, batch_size=2)

    def test_rows_go_on_from_batch_to_batch(self):
        net, (x, _) = network(stateful=True), data(4)
        two = net.predict(x, batch_size=2)
        whole = network().predict(np.concatenate([x[:2], x[2:]], 1))
        np.testing.assert_array_equal(two, np.concatenate([whole[:, :12], whole[:, 12:]]))

    def test_order_is_kept(self):
        net, (x, y) = network(stateful=True), data(4)
        with pytest.raises(gn.ArgumentError, match="fit: shuffle is True, but stateful layers need the samples in or"):
            net.fit(x, y, batch_size=2, shuffle=True)
        twin = network(stateful=True)
        net.fit(x, y, batch_size=2)
        for rows in (slice(0, 2), slice(2, 4)):
            twin.train_on_batch(x[rows], y[rows])
        assert all((net.states[name] == state).all() for name, state in twin.states.items())


def test_images_between_do_not_show():
    """With convolutions other values are stored batch-last; states are not."""
    image = gn.Input((1, 4, 4), name="x")
    rows = L.Reshape((4, 4))(L.Conv2D(1, 3, padding="same")(image))
    y = L.Dense(2)(L.LSTM(3, stateful=True, name="r")(rows))
    x, labels = np.random.default_rng(0).standard_normal((5, 1, 4, 4)).astype(np.float32), np.array([0, 1, 1, 0, 1])
    nets = [gn.compile(gn.Model(image, y), loss="softmax_cross_entropy", optimizer="sgd", optimize=optimize)
            for optimize in (True, False)]
    for net in nets:
        net.train_on_batch(x, labels)
        net.predict(x)
    for name, state in nets[0].states.items():
        np.testing.assert_allclose(state, nets[1].states[name], 0, 1e-6)
    np.testing.assert_allclose(nets[0].predict(x), nets[1].predict(x), 0, 1e-6)


def test_a_layer_called_twice_goes_on_where_its_first_call_ended():
    a, b = gn.Input((None, 3), name="a"), gn.Input((None, 3), name="b")
    layer = L.SimpleRNN(4, stateful=True, name="r")
    net = gn.compile(gn.Model([a, b], {"y": layer(a), "z": layer(b)}), seed=1)
    x = gn.Input((None, 3), name="x")
    whole = gn.compile(gn.Model(x, L.SimpleRNN(4, name="r")(x)), seed=1)
    data_, _ = data()
    made = net.predict({"a": data_[:, :5], "b": data_[:, 5:]})
    np.testing.assert_array_equal(made["z"], whole.predict(data_))
    np.testing.assert_array_equal(net.states["r/hidden"], made["z"])


def test_memory_is_known_beforehand():
    assert network("lstm", stateful=True).memory("train", 6, T=2).states == 4 * 6 * 5 * 4
