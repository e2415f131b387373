import numpy as np
import pytest

import graphnet as gn

L = gn.layers
CELLS = {"rnn": L.SimpleRNN, "lstm": L.LSTM, "gru": L.GRU}
STATES = {"rnn": 1, "lstm": 2, "gru": 1}


def sequences(features=3, steps=None, dtype="float64"):
    return gn.Input((steps, features), name="x", dtype=dtype)


def lengths():
    return gn.Input((), name="lengths", dtype="int64")


def compiled(inputs, outputs, **options):
    return gn.compile(gn.Model(inputs, outputs), dtype="float64", **options)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("cell", CELLS)
class TestEveryCell:
    def test_the_result_is_the_last_step_or_all(self, cell):
        x = sequences()
        assert CELLS[cell](4)(x).shape == ("N", 4)
        assert CELLS[cell](4, return_sequences=True)(x).shape == ("N", x.shape[1], 4)

    def test_the_last_of_all_steps_is_the_last_step(self, cell):
        x = sequences()
        net = compiled(x, dict(zip(["y", "h", "c"], CELLS[cell](4, return_sequences=True, return_state=True)(x),
                                   strict=False)))
        made = net.predict(draw(5, 7, 3))
        np.testing.assert_array_equal(made["y"][:, -1], made["h"])
        assert len(made) == 1 + STATES[cell]

    def test_weights(self, cell):
        x = sequences()
        wide = 4 * {"rnn": 1, "lstm": 4, "gru": 3}[cell]
        graph = gn.Model(x, CELLS[cell](4, name="r")(x)).graph
        shapes = {p.name: graph.types[p.value].shape for p in graph.parameters}
        more = {"r/recurrent_bias": (4,)} if cell == "gru" else {}
        assert shapes == {"r/weight": (3, wide), "r/recurrent_weight": (4, wide), "r/bias": (wide,)} | more

    def test_without_bias(self, cell):
        x = sequences()
        graph = gn.Model(x, CELLS[cell](4, use_bias=False, name="r")(x)).graph
        assert [p.name for p in graph.parameters] == ["r/weight", "r/recurrent_weight"]

    def test_recurrent_weights_begin_orthogonal(self, cell):
        x = sequences()
        weight = compiled(x, CELLS[cell](4, name="r")(x)).weights["r/recurrent_weight"]
        np.testing.assert_allclose(weight @ weight.T, np.eye(4), 0, 1e-12)

    def test_initial_states_are_inputs(self, cell):
        x, count = sequences(), STATES[cell]
        given = [gn.Input((4,), name=f"s{i}", dtype="float64") for i in range(count)]
        layer = CELLS[cell](4, return_state=True)
        start = layer(x, initial_state=given[0] if count == 1 else given)
        names = ["y", *(f"last{i}" for i in range(count))]
        net = compiled([x, *given], dict(zip(names, start, strict=True)))
        data = draw(5, 7, 3)
        zeros = {f"s{i}": np.zeros((5, 4)) for i in range(count)}
        first = net.predict({"x": data[:, :4]} | zeros)
        second = net.predict({"x": data[:, 4:]} | {f"s{i}": first[f"last{i}"] for i in range(count)})
        np.testing.assert_array_equal(second["y"], net.predict({"x": data} | zeros)["y"])

    def test_go_backwards_gives_each_step_at_its_place(self, cell):
        x = sequences()
        layer, back = (CELLS[cell](4, return_sequences=True, go_backwards=way, name="r") for way in (False, True))
        forwards, backwards = (compiled(x, item(x)) for item in (layer, back))
        data = draw(2, 6, 3)
        np.testing.assert_array_equal(backwards.predict(data), forwards.predict(data[:, ::-1])[:, ::-1])

    def test_sequences_end_at_their_lengths(self, cell):
        x, n = sequences(), lengths()
        y, h, *_ = CELLS[cell](4, return_sequences=True, return_state=True, name="r")(x, lengths=n)
        net = compiled([x, n], {"y": y, "h": h})
        data, ends = draw(3, 6, 3), np.array([6, 2, 0])
        made = net.predict({"x": data, "lengths": ends})
        for row, end in enumerate(ends):
            assert not made["y"][row, end:].any()
            np.testing.assert_array_equal(made["h"][row], made["y"][row, end - 1] if end else 0)

    def test_every_length_has_a_program(self, cell):
        x = sequences()
        net = compiled(x, CELLS[cell](4, return_sequences=True)(x))
        data = draw(2, 9, 3)
        for steps in (9, 1, 4):
            np.testing.assert_array_equal(net.predict(data[:, :steps]), net.predict(data)[:, :steps])

    def test_a_frozen_layer_costs_no_gradient_of_its_weights(self, cell):
        x = sequences(steps=5)
        h = CELLS[cell](4, trainable=False)(x)
        net = compiled(x, L.Dense(2)(h), loss="mse", optimizer="sgd")
        assert not any("grad" in i.op.name for i in net.program("train", 2).instructions
                       if i.origin.kind == CELLS[cell].__name__)

    def test_layouts_and_passes_do_not_show(self, cell):
        image = gn.Input((1, 6, 6), name="x", dtype="float64")
        rows = L.Reshape((6, 6))(L.Conv2D(1, 3, padding="same")(image))
        h = CELLS[cell](3, return_sequences=True)(L.Dense(5, activation="tanh")(rows))
        y = L.Dense(2)(L.Flatten()(h))
        data, labels = draw(4, 1, 6, 6), np.array([0, 1, 1, 0])
        fast, plain = (compiled(image, y, loss="softmax_cross_entropy", optimize=way) for way in (True, False))
        np.testing.assert_allclose(fast.predict(data), plain.predict(data), 0, 1e-13)
        (_, left), (_, right) = (net.loss_and_gradients(data, labels, inputs=True) for net in (fast, plain))
        for name, gradient in left.items():
            np.testing.assert_allclose(gradient, right[name], 0, 1e-13)

    def test_gradients_agree_with_central_differences(self, cell):
        x, n = sequences(), lengths()
        h = CELLS[cell](4, return_sequences=True)(x, lengths=n)
        y = L.Dense(2)(L.Bidirectional(CELLS[cell](3))(h, lengths=n))
        net = compiled([x, n], y, loss="softmax_cross_entropy")
        check = net.gradcheck({"x": draw(3, 5, 3), "lengths": np.array([5, 0, 3])}, np.array([0, 1, 1]))
        assert check.passed, check


def test_the_forget_gate_of_an_lstm_begins_open():
    x = sequences()
    for unit, expected in ((True, 1.0), (False, 0.0)):
        bias = compiled(x, L.LSTM(2, unit_forget_bias=unit, name="r")(x)).weights["r/bias"]
        assert bias.tolist() == [0, 0, expected, expected, 0, 0, 0, 0]


def test_cho_s_gru_has_one_bias():
    x = sequences()
    graph = gn.Model(x, L.GRU(2, reset_after=False, name="r")(x)).graph
    assert [p.name for p in graph.parameters] == ["r/weight", "r/recurrent_weight", "r/bias"]


class TestBidirectional:
    @pytest.mark.parametrize(("mode", "merge"), [
        ("concat", lambda a, b: np.concatenate([a, b], -1)), ("sum", np.add), ("mul", np.multiply),
        ("ave", lambda a, b: (a + b) / 2)])
    @pytest.mark.parametrize("steps", [False, True])
    def test_merges_both_directions(self, mode, merge, steps):
        x = sequences()
        nets = {kind: compiled(x, L.Bidirectional(L.GRU(4, return_sequences=steps), kind, name="b")(x))
                for kind in (mode, None)}
        data = draw(3, 5, 3)
        both = nets[None].predict(data)
        np.testing.assert_allclose(nets[mode].predict(data), merge(*both.values()), 0, 1e-15)

    def test_the_directions_are_the_layer_forwards_and_backwards(self):
        x = sequences()
        y, z = L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode=None, name="b")(x)
        both = compiled(x, {"forward": y, "backward": z})
        data = draw(3, 5, 3)
        made = both.predict(data)
        for way in ("forward", "backward"):
            one = compiled(x, L.LSTM(4, return_sequences=True, go_backwards=way == "backward", name="r")(x))
            one.set_weights({name: both.weights[name.replace("r/", f"b/{way}_")] for name in one.weights})
            np.testing.assert_array_equal(made[way], one.predict(data))

    def test_states_of_both_directions(self):
        x = sequences()
        given = [gn.Input((4,), name=name, dtype="float64") for name in "abcd"]
        layer = L.Bidirectional(L.LSTM(4, return_state=True))
        assert layer.state_names == ("forward_hidden", "forward_cell", "backward_hidden", "backward_cell")
        results = layer(x, initial_state=given)
        assert [r.shape for r in results] == [("N", 8)] + [("N", 4)] * 4
        net = compiled([x, *given], dict(zip(["y", "fh", "fc", "bh", "bc"], results, strict=True)))
        feeds = {name: draw(2, 4, seed=i) for i, name in enumerate("abcd")}
        made = net.predict({"x": draw(2, 0, 3)} | feeds)  # no steps: the states stay
        assert [made[k].tolist() for k in ("fh", "fc", "bh", "bc")] == [feeds[k].tolist() for k in "abcd"]

    @pytest.mark.parametrize(("layer", "message"), [
        (lambda: L.Dense(3), "Bidirectional: layer is Dense(.*), but it must be a SimpleRNN, LSTM or GRU"),
        (lambda: L.GRU(3, stateful=True), "but it must be neither stateful nor go_backwards"),
        (lambda: L.GRU(3, go_backwards=True), "but it must be neither stateful nor go_backwards")])
    def test_bad_layers(self, layer, message):
        with pytest.raises(gn.ArgumentError, match=message):
            L.Bidirectional(layer())

    def test_a_layer_that_is_in_use(self):
        layer = L.GRU(3)
        layer(sequences())
        with pytest.raises(gn.ArgumentError, match="it has been called already; give a new one"):
            L.Bidirectional(layer)

    def test_bad_mode(self):
        with pytest.raises(gn.ArgumentError, match="merge_mode is 'max', but it must be one of 'concat', 'sum', 'ave', "
                                                   "'mul', None"):
            L.Bidirectional(L.GRU(3), "max")


class TestRefusals:
    @pytest.mark.parametrize(("arguments", "message"), [
        ({"units": 0}, "LSTM: units is 0, but it must be a whole number ≥ 1"),
        ({"units": 3, "truncate": 0}, "LSTM: truncate is 0, but it must be a whole number ≥ 1"),
        ({"units": 3, "return_sequences": 1}, "LSTM: return_sequences is 1, but it must be True or False"),
        ({"units": 3, "stateful": "yes"}, "LSTM: stateful is 'yes', but it must be True or False"),
        ({"units": 3, "unit_forget_bias": None}, "LSTM: unit_forget_bias is None, but it must be True or False"),
        ({"units": 3, "recurrent_initializer": "eye"}, "LSTM: recurrent_initializer is 'eye', but it must be"),
        ({"units": 3, "stateful": True, "go_backwards": True}, "LSTM: stateful is True, but go_backwards reads")])
    def test_bad_arguments(self, arguments, message):
        with pytest.raises(gn.ArgumentError, match=message):
            L.LSTM(**arguments)

    def test_bad_activation(self):
        with pytest.raises(gn.ArgumentError, match="SimpleRNN: activation is 'sigmoid', but it must be one of 'tanh',"):
            L.SimpleRNN(3, "sigmoid")

    def test_bad_reset_after(self):
        with pytest.raises(gn.ArgumentError, match="GRU: reset_after is 2, but it must be True or False"):
            L.GRU(3, reset_after=2)

    def test_rows(self, here):
        x = gn.Input((3,))
        with pytest.raises(gn.ShapeError) as caught:
            L.GRU(2)(x)
        assert "GRU takes sequences (N, steps, features), got (N, 3): 2 dims instead of 3" in str(caught.value)
        assert "fix: reshape each sample to (steps, features)" in str(caught.value)
        assert here().partition(":")[0] in str(caught.value)

    def test_one_of_two_states(self):
        with pytest.raises(gn.ShapeError, match=r"LSTM has 2 states \(hidden, cell\), which are given all or not at all"
                                                r", and lengths \(N,\); after the sequence it got \(N, 4\)"):
            L.LSTM(4)(sequences(), initial_state=gn.Input((4,), dtype="float64"))

    def test_a_state_of_another_size(self):
        with pytest.raises(gn.ShapeError, match=r"gru of 4 units on \(N, T.*, 3\) needs a state float64 \(N, 4\), got "
                                                r"float64 \(N, 5\)"):
            L.GRU(4)(sequences(), initial_state=gn.Input((5,), dtype="float64"))

    def test_too_many_inputs(self):
        x = sequences()
        with pytest.raises(gn.GraphError, match="takes a sequence, 1 initial states and lengths, got 4 inputs"):
            L.GRU(4)([x, x, x, x])

    def test_lengths_of_floats(self):
        with pytest.raises(gn.ShapeError, match=r"gru takes lengths int64 \(N,\), one for each sequence, got float32"):
            L.GRU(4)(sequences(), lengths=gn.Input(()))

    def test_words_without_an_embedding(self):
        with pytest.raises(gn.ShapeError, match="GRU computes with float32 or float64, but its input is int64"):
            L.GRU(4)(gn.Input((None, 3), dtype="int64"))

    def test_an_initial_state_for_a_stateful_layer(self):
        with pytest.raises(gn.ShapeError, match=r"keeps its states from call to call \(stateful=True\), so it takes no "
                                                "initial_state"):
            L.GRU(4, stateful=True)(sequences(), initial_state=gn.Input((4,), dtype="float64"))

    def test_unknown_features(self):
        with pytest.raises(gn.ShapeError, match="the number of features that GRU takes must be known"):
            L.GRU(4)(gn.Input((5, None)))

    def test_a_tensor_of_numbers(self):
        with pytest.raises(gn.GraphError, match="is called on a ndarray"):
            L.GRU(4)(np.zeros((2, 3, 4)))


def test_config_and_repr_say_every_argument():
    layer = L.GRU(3, return_sequences=True, truncate=5, reset_after=False, name="g")
    assert repr(layer).startswith("GRU(units=3, return_sequences=True, return_state=False, go_backwards=False, "
                                  "stateful=False, truncate=5, use_bias=True, ")
    assert layer.config()["reset_after"] is False
    assert L.SimpleRNN(2, "relu").config()["activation"] == "relu"
    inner = L.GRU(3)
    assert L.Bidirectional(inner, "sum").config() == {"layer": inner, "merge_mode": "sum"}
